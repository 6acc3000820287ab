//! What a stage says of what stands on it: how it came, and what it is.

/// A word of honesty.
#[derive(Debug, Clone, PartialEq)]
pub enum Tag {
    /// It is made now.
    Live,
    /// It comes as it was recorded, so many times as fast.
    Replay(f64),
    /// It was made before.
    Recorded,
    /// It lies between what was measured.
    Interpolated,
    /// Experts were silenced, in words.
    Ablated(String),
    /// The model knows little.
    Demonstration,
    /// How the example was chosen, in words.
    Chosen(String),
}

impl Tag {
    /// As it stands on the stage.
    pub fn words(&self) -> String {
        match self {
            Self::Live => "LIVE".to_owned(),
            Self::Replay(times) => {
                let times = format!("{times:.2}");
                let times = times.trim_end_matches('0').trim_end_matches('.');
                format!("REPLAY \u{d7}{times}")
            }
            Self::Recorded => "RECORDED".to_owned(),
            Self::Interpolated => "INTERPOLATED".to_owned(),
            Self::Ablated(words) => format!("ABLATED, {words}"),
            Self::Demonstration => "DEMONSTRATION MODEL".to_owned(),
            Self::Chosen(words) => words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_read_as_people_write_them() {
        let words = [1.0, 20.0, 0.1, 2.5, 10.0].map(|times| Tag::Replay(times).words());
        let wanted = ["1", "20", "0.1", "2.5", "10"].map(|times| format!("REPLAY \u{d7}{times}"));
        assert_eq!(words, wanted);
        assert_eq!(
            Tag::Ablated("muted: humor".to_owned()).words(),
            "ABLATED, muted: humor"
        );
    }
}
