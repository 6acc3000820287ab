//! Strengths from rankings (Luce 1959, Plackett 1975).

use crate::stats::{Result, StatsError};

/// Passes at most.
const PASSES: usize = 20_000;

/// The most likely strengths of `names`, as logarithms that sum to 0: at each place of a ranking the next is chosen among
/// those that are left in proportion to its strength. `rankings` hold places in `names`, the best first, and what each
/// counts. Hunter's minorisation (2004).
///
/// # Errors
/// [`StatsError::Disconnected`] where rankings do not link all names, [`StatsError::Separated`] where some never came after
/// the rest.
pub fn plackett_luce(names: &[String], rankings: &[(Vec<usize>, f64)]) -> Result<Vec<f64>> {
    let count = names.len();
    if count < 2 {
        return Err(StatsError::TooFew {
            of: "names to compare",
            got: count,
            needed: 2,
        });
    }
    // Who was ever put above whom.
    let mut above = vec![vec![false; count]; count];
    let mut chosen = vec![0.0; count];
    for (ranking, weight) in rankings {
        for (at, &first) in ranking.iter().enumerate() {
            if at + 1 < ranking.len() {
                chosen[first] += weight;
            }
            for &second in &ranking[at + 1..] {
                above[first][second] = true;
            }
        }
    }
    linked(names, &above)?;
    let mut strength = vec![1.0 / count as f64; count];
    for _ in 0..PASSES {
        let mut shares = vec![0.0; count];
        for (ranking, weight) in rankings {
            let mut left: f64 = ranking.iter().map(|&name| strength[name]).sum();
            let mut share = 0.0;
            for (at, &name) in ranking.iter().enumerate() {
                if at + 1 < ranking.len() {
                    share += weight / left.max(f64::MIN_POSITIVE);
                }
                shares[name] += share;
                left -= strength[name];
            }
        }
        let next: Vec<f64> = chosen.iter().zip(&shares).map(|(c, s)| c / s).collect();
        let total: f64 = next.iter().sum();
        let next: Vec<f64> = next.into_iter().map(|value| value / total).collect();
        let moved = next
            .iter()
            .zip(&strength)
            .map(|(a, b)| (a / b).ln().abs())
            .fold(0.0, f64::max);
        strength = next;
        if moved < 1e-12 {
            break;
        }
    }
    let theta: Vec<f64> = strength.iter().map(|value| value.ln()).collect();
    let mean = theta.iter().sum::<f64>() / count as f64;
    Ok(theta.into_iter().map(|t| t - mean).collect())
}

/// Strengths have an end where everybody can be reached from everybody by "was put above" (Ford 1957).
fn linked(names: &[String], above: &[Vec<bool>]) -> Result<()> {
    let count = names.len();
    let reach = |from: usize, link: &dyn Fn(usize, usize) -> bool| {
        let mut seen = vec![false; count];
        let mut next = vec![from];
        seen[from] = true;
        while let Some(at) = next.pop() {
            for other in 0..count {
                if !seen[other] && link(at, other) {
                    seen[other] = true;
                    next.push(other);
                }
            }
        }
        seen
    };
    let of = |flags: &[bool], wanted: bool| -> Vec<String> {
        let named = names.iter().zip(flags).filter(|(_, flag)| **flag == wanted);
        named.map(|(name, _)| name.clone()).collect()
    };
    let any = reach(0, &|a, b| above[a][b] || above[b][a]);
    if any.contains(&false) {
        return Err(StatsError::Disconnected {
            groups: vec![of(&any, true), of(&any, false)],
        });
    }
    let below = reach(0, &|a, b| above[a][b]);
    if below.contains(&false) {
        return Err(StatsError::Separated {
            above: of(&below, false),
            below: of(&below, true),
        });
    }
    let over = reach(0, &|a, b| above[b][a]);
    if over.contains(&false) {
        return Err(StatsError::Separated {
            above: of(&over, true),
            below: of(&over, false),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| n.to_string()).collect()
    }

    #[test]
    fn two_are_strong_as_they_win() {
        let rankings = [(vec![0, 1], 3.0), (vec![1, 0], 1.0)];
        let theta = plackett_luce(&names(2), &rankings).unwrap();
        assert!((theta[0] - theta[1] - 3_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn what_rankings_cannot_say_is_refused() {
        let apart = plackett_luce(&names(4), &[(vec![0, 1], 1.0), (vec![2, 3], 1.0)]);
        assert!(matches!(apart, Err(StatsError::Disconnected { .. })));
        let cases = [
            (
                vec![(vec![0, 1, 2], 1.0), (vec![0, 2, 1], 1.0)],
                "0 never lost to 1, 2",
            ),
            (
                vec![(vec![1, 2, 0], 1.0), (vec![2, 1, 0], 1.0)],
                "1, 2 never lost to 0",
            ),
        ];
        for (rankings, want) in cases {
            let words = plackett_luce(&names(3), &rankings).unwrap_err().to_string();
            assert!(words.starts_with(want), "{words}");
        }
    }
}
