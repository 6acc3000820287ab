//! Drawing pairs where a vote says most.

use std::cmp::Ordering;

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::blocks::{Drawing, Open, item};
use super::pool::Pool;
use crate::stats::{Davidson, Duel, fit};

/// The share of draws that look at no vote, so that no pair is shut out.
const UNIFORM: f64 = 0.3;
/// What each pair's win and loss count before any vote, so that strengths always have an end.
const PRIOR: f64 = 0.1;

/// Votes so far on one objective.
pub type Vetted = Vec<Duel>;

/// At most `count` pairs beyond those `taken` (group, case): a pair of contenders is drawn with a probability in
/// proportion to p(1-p) Var(θ1 - θ2), the mean over objectives, mixed with 30 % alike; which is kept with the item. Without
/// votes all are alike. `votes` hold those of each objective, by the places of contenders.
pub fn active(
    pool: &Pool,
    count: usize,
    taken: &[(usize, usize)],
    votes: &[Vetted],
    random: &mut ChaCha8Rng,
) -> Drawing {
    let mut open = Open::new(pool, taken, random);
    let worth = worth(pool, votes);
    let mut items = Vec::with_capacity(count);
    while items.len() < count {
        let live: Vec<usize> = (0..pool.groups.len())
            .filter(|&group| !open.is_empty(group))
            .collect();
        let total: f64 = live.iter().map(|&group| worth[group]).sum();
        let share = |group: usize| {
            let told = if total > 0.0 {
                worth[group] / total
            } else {
                1.0 / live.len() as f64
            };
            (1.0 - UNIFORM) * told + UNIFORM / live.len() as f64
        };
        // Shares stand until a pair has no prompt left.
        let sums: Vec<f64> = live
            .iter()
            .scan(0.0, |sum, &group| {
                *sum += share(group);
                Some(*sum)
            })
            .collect();
        let Some(&whole) = sums.last() else {
            break;
        };
        while items.len() < count {
            let drawn = random.random::<f64>() * whole;
            let at = sums.partition_point(|sum| *sum <= drawn);
            let group = live[at.min(live.len() - 1)];
            if let Some(case) = open.take(group) {
                items.push(item(case, &pool.groups[group], share(group)));
            }
            if open.is_empty(group) {
                break;
            }
        }
    }
    Drawing {
        items,
        identical: open.identical,
        missing: open.missing,
    }
}

/// What a vote on each group would say: the mean over objectives.
fn worth(pool: &Pool, votes: &[Vetted]) -> Vec<f64> {
    let mut worth = vec![0.0; pool.groups.len()];
    for of in votes.iter().filter(|of| !of.is_empty()) {
        let prior = pool.groups.iter().flat_map(|group| {
            [Ordering::Greater, Ordering::Less].map(|outcome| Duel {
                first: group[0],
                second: group[1],
                outcome,
                weight: PRIOR,
            })
        });
        let duels: Vec<Duel> = of.iter().copied().chain(prior).collect();
        // Contenders that groups do not link have no common scale: then nothing is known of them.
        let Ok(fitted) = fit(&pool.contenders, &duels) else {
            continue;
        };
        let covariance = covariance(&fitted, &duels);
        for (at, group) in pool.groups.iter().enumerate() {
            let (a, b) = (group[0], group[1]);
            let [win, tie, _] = fitted.odds(a, b);
            let share = win + tie / 2.0;
            let spread = covariance[a][a] + covariance[b][b] - 2.0 * covariance[a][b];
            worth[at] += share * (1.0 - share) * spread.max(0.0);
        }
    }
    worth
}

/// Of strengths: the inverse of Fisher's information at the fit, ties' parameter taken as known. A vote says of its
/// difference what the variance of its outcome (1, 1/2, 0) is. Strengths sum to 0, which the added ones stand for.
fn covariance(fitted: &Davidson, duels: &[Duel]) -> Vec<Vec<f64>> {
    let count = fitted.theta.len();
    let mut information = vec![vec![1.0 / count as f64; count]; count];
    for duel in duels {
        let (a, b) = (duel.first, duel.second);
        let [win, tie, _] = fitted.odds(a, b);
        let mean = win + tie / 2.0;
        let told = duel.weight * (win + tie / 4.0 - mean * mean);
        information[a][a] += told;
        information[b][b] += told;
        information[a][b] -= told;
        information[b][a] -= told;
    }
    inverse(information)
}

/// Of a symmetric, positive definite matrix, by Gauss and Jordan.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let count = matrix.len();
    let mut found: Vec<Vec<f64>> = (0..count)
        .map(|i| (0..count).map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    for at in 0..count {
        let pivot = matrix[at][at].max(1e-12);
        for j in 0..count {
            matrix[at][j] /= pivot;
            found[at][j] /= pivot;
        }
        let (row, known) = (matrix[at].clone(), found[at].clone());
        for i in (0..count).filter(|&i| i != at) {
            let times = matrix[i][at];
            if times != 0.0 {
                for j in 0..count {
                    matrix[i][j] -= times * row[j];
                    found[i][j] -= times * known[j];
                }
            }
        }
    }
    found
}
