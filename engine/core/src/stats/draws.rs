//! Drawing with replacement, and intervals from what the draws give.

use std::ops::ControlFlow;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Result, StatsError};

/// How intervals are found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Draws {
    /// How many.
    pub draws: usize,
    /// What they follow from.
    pub seed: u64,
}

impl Default for Draws {
    fn default() -> Self {
        Self {
            draws: 2000,
            seed: 0,
        }
    }
}

/// Told the draws done; breaks to cancel.
pub type Progress<'a> = &'a mut dyn FnMut(usize) -> ControlFlow<()>;

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// On what was measured.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Estimate {
    /// A value with the middle 95 % of its draws.
    pub fn of(value: f64, draws: &[f64]) -> Self {
        let (low, high) = interval(draws, 0.95);
        Self { value, low, high }
    }
}

impl Draws {
    /// Calls `each` with the random source of every draw.
    pub(super) fn each(
        self,
        progress: Progress<'_>,
        mut each: impl FnMut(&mut ChaCha8Rng),
    ) -> Result<()> {
        for draw in 0..self.draws {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            // A stream of its own: a draw does not depend on how much the ones before it took.
            random.set_stream(draw as u64);
            each(&mut random);
            if progress(draw + 1).is_break() {
                return Err(StatsError::Cancelled);
            }
        }
        Ok(())
    }
}

/// How often each of `items` comes up when as many of the `groups` of them are drawn as there are.
pub(super) fn counts(random: &mut ChaCha8Rng, groups: &[Vec<usize>], items: usize) -> Vec<f64> {
    let mut counts = vec![0.0; items];
    for _ in 0..groups.len() {
        for &item in &groups[random.random_range(0..groups.len())] {
            counts[item] += 1.0;
        }
    }
    counts
}

/// Items by what they belong to, in order of appearance.
pub(super) fn grouped<K: Eq + std::hash::Hash>(
    keys: impl IntoIterator<Item = K>,
) -> Vec<Vec<usize>> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (item, key) in keys.into_iter().enumerate() {
        let at = *places.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(item);
    }
    groups
}

/// The middle `level` of the finite ones of `values` (percentiles, linear between neighbours); NaN where there are none.
pub fn interval(values: &[f64], level: f64) -> (f64, f64) {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let Some(last) = sorted.len().checked_sub(1) else {
            return f64::NAN;
        };
        let place = share * last as f64;
        let (below, part) = (place.floor(), place.fract());
        let low = sorted[below as usize];
        low + part * (sorted[(below as usize + 1).min(last)] - low)
    };
    ((at((1.0 - level) / 2.0)), at(1.0 - (1.0 - level) / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let (low, high) = interval(&values, 0.95);
        assert!((low - 2.5).abs() < 1e-9 && (high - 97.5).abs() < 1e-9);
        assert_eq!(interval(&[3.0, f64::NAN], 0.95), (3.0, 3.0));
        assert!(interval(&[], 0.95).0.is_nan());
    }

    #[test]
    fn groups_are_drawn_whole_and_a_draw_follows_from_its_number() {
        let groups = grouped(["a", "b", "a", "c"]);
        assert_eq!(groups, [vec![0, 2], vec![1], vec![3]]);
        let all = |draws: usize| {
            let mut seen = Vec::new();
            Draws { draws, seed: 7 }
                .each(&mut |_| ControlFlow::Continue(()), |random| {
                    seen.push(counts(random, &groups, 4));
                })
                .unwrap();
            seen
        };
        let many = all(50);
        assert!(
            many.iter()
                .all(|c| c[0] == c[2] && c[0] + c[1] + c[3] == 3.0)
        );
        assert_eq!(all(20), many[..20]);
        assert!(many.iter().any(|c| c != &many[0]));
    }

    #[test]
    fn a_break_cancels() {
        let mut done = 0;
        let stopped = Draws::default().each(
            &mut |at| {
                if at == 3 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
            |_| done += 1,
        );
        assert_eq!((stopped, done), (Err(StatsError::Cancelled), 3));
    }
}
