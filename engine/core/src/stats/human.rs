//! The front that people's votes draw, beside that of the rewards.

use serde::{Deserialize, Serialize};

use super::Davidson;
use crate::pareto::front;

/// Where votes put the compared points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HumanFront {
    /// Per point and objective, the share of votes that it is expected to win against the others, ties half.
    pub shares: Vec<Vec<f64>>,
    /// Per point, the share of draws in which no other dominates it.
    pub on_front: Vec<f64>,
    /// Draws in which every objective's strengths could be found.
    pub draws: usize,
}

/// The share of votes that each is expected to win against each of the others alike, half of ties counted.
pub fn win_shares(fitted: &Davidson) -> Vec<f64> {
    let count = fitted.theta.len();
    let against = |i: usize, j: usize| {
        let [win, tie, _] = fitted.odds(i, j);
        win + tie / 2.0
    };
    (0..count)
        .map(|i| {
            let others = (0..count).filter(|&j| j != i);
            others.map(|j| against(i, j)).sum::<f64>() / (count.max(2) - 1) as f64
        })
        .collect()
}

/// Puts one fit per objective together, with how sure the front is. `draws` hold the fits of every draw, one per objective,
/// all over the same points and from the same drawn prompts.
pub fn human_front(fits: &[Davidson], draws: &[Vec<Davidson>]) -> HumanFront {
    let points = fits.first().map_or(0, |fit| fit.theta.len());
    let shares = by_point(fits, points);
    let mut kept = vec![0_usize; points];
    for draw in draws {
        for member in front(&by_point(draw, points)) {
            kept[member] += 1;
        }
    }
    HumanFront {
        shares,
        on_front: kept
            .into_iter()
            .map(|count| count as f64 / draws.len() as f64)
            .collect(),
        draws: draws.len(),
    }
}

fn by_point(fits: &[Davidson], points: usize) -> Vec<Vec<f64>> {
    let shares: Vec<Vec<f64>> = fits.iter().map(win_shares).collect();
    (0..points)
        .map(|point| shares.iter().map(|of| of[point]).collect())
        .collect()
}

/// Kendall's rank correlation tau-b (1945) of two lists, equal values taken into account; `None` where one of them does not
/// vary. Pairs with a number that is not finite are left out.
pub fn kendall(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = x
        .iter()
        .copied()
        .zip(y.iter().copied())
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .collect();
    let (mut both, mut in_x, mut in_y) = (0.0, 0.0, 0.0);
    let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
    for (at, a) in pairs.iter().enumerate() {
        for b in &pairs[at + 1..] {
            let (dx, dy) = (sign(a.0, b.0), sign(a.1, b.1));
            both += dx * dy;
            in_x += dx.abs();
            in_y += dy.abs();
        }
    }
    (in_x > 0.0 && in_y > 0.0).then(|| both / f64::sqrt(in_x * in_y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(theta: &[f64]) -> Davidson {
        Davidson {
            theta: theta.to_vec(),
            nu: 0.5,
        }
    }

    #[test]
    fn shares_are_halves_between_equals_and_sum_to_half_of_all() {
        assert_eq!(win_shares(&fitted(&[0.0; 3])), [0.5; 3]);
        let shares = win_shares(&fitted(&[1.0, 0.2, -1.2]));
        assert!((shares.iter().sum::<f64>() - 1.5).abs() < 1e-12);
        assert!(shares[0] > shares[1] && shares[1] > shares[2]);
    }

    #[test]
    fn a_front_of_votes_says_how_sure_it_is() {
        let one = fitted(&[1.0, 0.0, -1.0]);
        let other = fitted(&[-1.0, 0.0, 1.0]);
        let agreed = vec![one.clone(), one.clone()];
        let found = human_front(
            &[one.clone(), other.clone()],
            &[vec![one.clone(), other], agreed],
        );
        assert_eq!(found.on_front, [1.0, 0.5, 0.5]);
        assert_eq!((found.shares.len(), found.shares[0].len()), (3, 2));
    }

    #[test]
    fn kendall_takes_ties_into_account() {
        assert_eq!(kendall(&[1.0, 2.0, 3.0], &[1.0, 2.0, 9.0]), Some(1.0));
        assert_eq!(kendall(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        // Pairs: one alike, one tied in x, one tied in y: 1 / sqrt(2 * 2).
        assert_eq!(kendall(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0]), Some(0.5));
        assert_eq!(kendall(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(kendall(&[1.0, f64::NAN], &[1.0, 2.0]), None);
    }
}
