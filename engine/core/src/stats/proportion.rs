//! Shares of votes.

use serde::{Deserialize, Serialize};

/// Half the width of a 95 % interval, in standard deviations.
const Z: f64 = 1.959_963_984_540_054;
/// What a power of 80 % adds, in standard deviations.
const POWER: f64 = 0.841_621_233_572_914_4;

/// A share with Wilson's 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many did.
    pub wins: usize,
    /// Of how many.
    pub n: usize,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Share {
    /// The share itself; `None` of nothing.
    pub fn value(self) -> Option<f64> {
        (self.n > 0).then(|| self.wins as f64 / self.n as f64)
    }

    /// Whether the interval leaves out one half.
    pub fn is_off_half(self) -> bool {
        self.low > 0.5 || self.high < 0.5
    }
}

/// Wilson's score interval (1927) of `wins` in `n`; all of 0 to 1 where `n` is 0.
/// ```
/// use paretoscope_core::stats::wilson;
///
/// let share = wilson(83, 100);
/// assert_eq!(format!("{:.3} {:.3}", share.low, share.high), "0.745 0.891");
/// ```
pub fn wilson(wins: usize, n: usize) -> Share {
    if n == 0 {
        let (low, high) = (0.0, 1.0);
        return Share { wins, n, low, high };
    }
    let (low, high) = score_interval(wins as f64 / n as f64, n);
    Share {
        wins,
        n,
        // At the ends rounding would leave a hair.
        low: if wins == 0 { 0.0 } else { low },
        high: if wins == n { 1.0 } else { high },
    }
}

/// Wilson's 95 % interval of a share of `n`, at least 1; with ties counted half the share is no whole number of `n`.
pub(super) fn score_interval(share: f64, n: usize) -> (f64, f64) {
    let count = n as f64;
    let whole = 1.0 + Z * Z / count;
    let centre = (share + Z * Z / (2.0 * count)) / whole;
    let half = Z * (share * (1.0 - share) / count + (Z / (2.0 * count)).powi(2)).sqrt() / whole;
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Decisive votes that show a win rate to differ from one half: at 5 %, two-sided, with a power of 80 %, by the normal
/// approximation. `None` where the rate is no share, or is one half.
/// ```
/// use paretoscope_core::stats::required_votes;
///
/// assert_eq!((required_votes(0.60), required_votes(0.55)), (Some(194), Some(783)));
/// ```
pub fn required_votes(rate: f64) -> Option<u64> {
    let off = (rate - 0.5).abs();
    let usable = (0.0..=1.0).contains(&rate) && off > 0.0;
    usable.then(|| {
        let root = (Z * 0.5 + POWER * (rate * (1.0 - rate)).sqrt()) / off;
        (root * root).ceil() as u64
    })
}

/// How many decisive votes a reward sides with. `votes` hold, of each decisive vote, the preferred answer's score less the
/// other's; equal scores side with nobody, a difference that is not finite is left out.
pub fn reward_accuracy(votes: impl IntoIterator<Item = f64>) -> Share {
    let known = votes
        .into_iter()
        .filter(|difference| difference.is_finite());
    let (mut wins, mut n) = (0, 0);
    for difference in known {
        n += 1;
        wins += usize::from(difference > 0.0);
    }
    wilson(wins, n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn worked_numbers() {
        let first = wilson(118, 200);
        assert_eq!(format!("{:.3} {:.3}", first.low, first.high), "0.521 0.656");
        assert!(first.is_off_half());
        let mut differences = vec![0.5; 83];
        differences.extend([-0.5; 16]);
        differences.extend([0.0, f64::NAN]);
        assert_eq!(reward_accuracy(differences), wilson(83, 100));
        assert_eq!(required_votes(0.5), None);
        assert_eq!(required_votes(f64::NAN), None);
        assert_eq!(required_votes(0.40), Some(194));
        assert_eq!(wilson(0, 0).value(), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share_and_mirrors(n in 1_usize..500, part in 0.0_f64..=1.0) {
            let wins = (part * n as f64) as usize;
            let share = wilson(wins, n);
            let value = share.value().unwrap();
            prop_assert!(0.0 <= share.low && share.low <= value && value <= share.high && share.high <= 1.0);
            let other = wilson(n - wins, n);
            prop_assert!((share.low + other.high - 1.0).abs() < 1e-12);
        }
    }
}
