//! The front that people's votes draw, beside that of the rewards.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::davidson::fit_counted;
use super::draws::{counts, grouped};
use super::votes::{canonical, duels, names};
use super::{Davidson, Draws, Duel, Progress, Result, StatsError, Vote};
use crate::pareto::front;

/// Where votes put the compared points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HumanFront {
    /// What was compared, in alphabetical order.
    pub names: Vec<String>,
    /// By what, in order of appearance.
    pub objectives: Vec<String>,
    /// Per name and objective, the share of votes that it is expected to win against the others, ties half.
    pub shares: Vec<Vec<f64>>,
    /// Per name, the share of draws of prompts in which no other dominates it.
    pub on_front: Vec<f64>,
    /// Draws in which every objective's strengths could be found.
    pub draws: usize,
    /// Draws in which they could not.
    pub failed_draws: usize,
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

/// The front that votes on several objectives draw. A draw takes whole prompts, the same ones for all objectives; a person's
/// second vote on one item and pair counts nowhere.
///
/// # Errors
/// Where an objective's votes do not say how strong all are that any objective compares: see [`super::fit`].
pub fn human_front(votes: &[Vote], draws: Draws, progress: Progress<'_>) -> Result<HumanFront> {
    let mut seen = BTreeSet::new();
    let votes: Vec<&Vote> = votes
        .iter()
        .filter(|vote| seen.insert((&vote.objective, &vote.annotator, canonical(vote).0)))
        .collect();
    let names = names(&votes);
    let prompts = grouped(votes.iter().map(|vote| vote.cluster()));
    let groups = grouped(votes.iter().map(|vote| &vote.objective));
    let objectives: Vec<String> = groups
        .iter()
        .map(|group| votes[group[0]].objective.clone())
        .collect();
    let asked: Vec<Vec<Duel>> = groups
        .iter()
        .map(|group| {
            let of: Vec<&Vote> = group.iter().map(|&at| votes[at]).collect();
            duels(&of, &names)
        })
        .collect();
    let fits = |counts: &[f64]| -> Result<Vec<Davidson>> {
        let each = objectives.iter().zip(&asked).zip(&groups);
        each.map(|((objective, duels), group)| {
            fit_counted(&names, duels, |at| counts[group[at]]).map_err(|error| StatsError::Of {
                name: objective.clone(),
                source: Box::new(error),
            })
        })
        .collect()
    };
    let shares = by_point(&fits(&vec![1.0; votes.len()])?, names.len());
    let mut kept = vec![0_usize; names.len()];
    let mut found = 0;
    draws.each(progress, |random| {
        if let Ok(drawn) = fits(&counts(random, &prompts, votes.len())) {
            found += 1;
            for member in front(&by_point(&drawn, names.len())) {
                kept[member] += 1;
            }
        }
    })?;
    Ok(HumanFront {
        on_front: kept
            .into_iter()
            .map(|count| count as f64 / found as f64)
            .collect(),
        names,
        objectives,
        shares,
        draws: found,
        failed_draws: draws.draws - found,
    })
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
    use std::ops::ControlFlow;

    use super::super::read_votes;
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
        let mut lines = String::new();
        let mut vote = |item: usize, objective: &str, left: &str, right: &str, choice: &str| {
            lines.push_str(&format!(
                "{{\"item\": {item}, \"annotator\": 1, \"objective\": \"{objective}\", \"left\": \"{left}\", \"right\": \"{right}\", \"choice\": \"{choice}\"}}\n"
            ));
        };
        // a is best by one, c by the other, b lies between by both, and d below all.
        let order = |objective: &str| {
            if objective == "x" {
                ["a", "b", "c", "d"]
            } else {
                ["c", "b", "a", "d"]
            }
        };
        for item in 0..120 {
            for objective in ["x", "y"] {
                let order = order(objective);
                let (i, j) = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)][item % 6];
                let choice = ["left", "left", "left", "tie", "right"][item / 6 % 5];
                vote(item, objective, order[i], order[j], choice);
            }
        }
        // Once more by the same person: counts nowhere.
        vote(0, "x", "b", "a", "left");
        let votes = read_votes(&lines).unwrap();
        let few = Draws { draws: 60, seed: 0 };
        let found = human_front(&votes, few, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(found.names, ["a", "b", "c", "d"]);
        assert_eq!(found.objectives, ["x", "y"]);
        assert_eq!(found.draws + found.failed_draws, 60);
        assert!(found.shares[0][0] > 0.65 && found.shares[2][1] > 0.65);
        assert!(found.on_front[0] > 0.9 && found.on_front[2] > 0.9 && found.on_front[3] < 0.1);
        let part: Vec<Vote> = votes
            .into_iter()
            .filter(|v| v.objective == "x" || v.left != "d" && v.right != "d")
            .collect();
        let words = human_front(&part, few, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(
            words
                .to_string()
                .starts_with("y: the votes fall into 2 groups"),
            "{words}"
        );
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
