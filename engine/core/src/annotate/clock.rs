//! How long a person really looked.

/// Milliseconds without a sign of life after which a person counts as away.
const AWAY: u64 = 60_000;

/// Adds up the time between signs of life; of a longer pause the first minute counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActiveClock {
    last: Option<u64>,
    active: u64,
}

impl ActiveClock {
    /// One that goes on from the time that a draft had.
    pub fn from(active_ms: u64) -> Self {
        Self {
            last: None,
            active: active_ms,
        }
    }

    /// A sign of life (an item shown, a key, the mouse) at a time in milliseconds; the active ones so far.
    pub fn at(&mut self, now: u64) -> u64 {
        if let Some(last) = self.last {
            self.active += now.saturating_sub(last).min(AWAY);
        }
        self.last = Some(now);
        self.active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_counts_for_a_minute() {
        let mut clock = ActiveClock::default();
        assert_eq!(clock.at(1_000), 0);
        assert_eq!(clock.at(4_000), 3_000);
        assert_eq!(clock.at(1_000_000), 63_000);
        assert_eq!(clock.at(999_000), 63_000, "a clock that was set back");
        assert_eq!(ActiveClock::from(500).at(9), 500);
    }
}
