//! The closest mixture of a set of experts that cannot enclose every preference.

use super::solve::solve;

/// Prefers near experts where several mixtures come equally close.
const NEARNESS: f64 = 1e-6;
/// Makes the problem strictly convex, so that the active set below is well defined even where
/// experts are affinely dependent; small against [`NEARNESS`], large against rounding.
const RIDGE: f64 = 1e-10;

/// Weights `w >= 0` with sum 1 that minimise `|sum w_i p_i - t|^2 + 1e-6 sum w_i |p_i - t|^2`.
///
/// A primal active-set method: the equality-constrained problem is solved on the current support,
/// experts whose weight would fall below zero leave, the expert with the steepest descent enters.
pub(super) fn project(points: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    let offsets: Vec<Vec<f64>> = points
        .iter()
        .map(|p| {
            p.iter()
                .enumerate()
                .map(|(i, v)| v - target.get(i).unwrap_or(&0.0))
                .collect()
        })
        .collect();
    let n = points.len();
    let dot = |i: usize, j: usize| -> f64 {
        offsets[i].iter().zip(&offsets[j]).map(|(a, b)| a * b).sum()
    };
    let hessian: Vec<f64> = (0..n * n)
        .map(|at| dot(at / n, at % n) + if at / n == at % n { RIDGE } else { 0.0 })
        .collect();
    let linear: Vec<f64> = (0..n).map(|i| 0.5 * NEARNESS * dot(i, i)).collect();

    let mut weights = vec![0.0; n];
    let Some(start) = (0..n).min_by(|&i, &j| linear[i].total_cmp(&linear[j])) else {
        return weights;
    };
    weights[start] = 1.0;
    let mut support = vec![start];
    let mut entered = start;
    // Each round enters or removes an expert; a cycle cannot occur but for rounding.
    for _ in 0..20 * (n + 1) {
        let Some((trial, multiplier)) = on_support(n, &hessian, &linear, &support) else {
            break;
        };
        if trial.iter().all(|&w| w > 0.0) {
            for (&i, w) in support.iter().zip(trial) {
                weights[i] = w;
            }
            let slope = |i: usize| -> f64 {
                let quadratic: f64 = support
                    .iter()
                    .map(|&j| hessian[i * n + j] * weights[j])
                    .sum();
                quadratic + linear[i] + multiplier
            };
            let steepest = (0..n)
                .filter(|i| !support.contains(i))
                .map(|i| (i, slope(i)))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            match steepest {
                Some((i, slope)) if slope < -1e-14 => {
                    support.push(i);
                    entered = i;
                }
                _ => break,
            }
        } else {
            // Walk towards the trial until the first weight reaches zero.
            let step = support
                .iter()
                .zip(&trial)
                .filter(|&(_, &to)| to <= 0.0)
                .map(|(&i, &to)| weights[i] / (weights[i] - to))
                .fold(1.0, f64::min);
            if step.is_nan() {
                break;
            }
            for (&i, &to) in support.iter().zip(&trial) {
                weights[i] += step * (to - weights[i]);
            }
            let before = support.len();
            support.retain(|&i| weights[i] > 1e-15);
            for (i, weight) in weights.iter_mut().enumerate() {
                if !support.contains(&i) {
                    *weight = 0.0;
                }
            }
            // The newcomer leaving at once means that its slope was rounding.
            if before == support.len() || (step == 0.0 && !support.contains(&entered)) {
                break;
            }
        }
    }
    weights
}

/// The minimum over the affine hull of `support`, and the multiplier of the sum.
fn on_support(
    n: usize,
    hessian: &[f64],
    linear: &[f64],
    support: &[usize],
) -> Option<(Vec<f64>, f64)> {
    let m = support.len() + 1;
    let mut matrix = vec![0.0; m * m];
    let mut right = vec![1.0; m];
    for (a, &i) in support.iter().enumerate() {
        for (b, &j) in support.iter().enumerate() {
            matrix[a * m + b] = hessian[i * n + j];
        }
        matrix[a * m + m - 1] = 1.0;
        matrix[(m - 1) * m + a] = 1.0;
        right[a] = -linear[i];
    }
    let mut solution = solve(m, &matrix, &right, 0.0)?;
    let multiplier = solution.pop()?;
    Some((solution, multiplier))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(points: &[Vec<f64>], target: &[f64], weights: &[f64]) -> f64 {
        let mixed = |k: usize| -> f64 { points.iter().zip(weights).map(|(p, w)| w * p[k]).sum() };
        let fit: f64 = (0..target.len())
            .map(|k| (mixed(k) - target[k]).powi(2))
            .sum();
        let near: f64 = points
            .iter()
            .zip(weights)
            .map(|(p, w)| {
                w * p
                    .iter()
                    .zip(target)
                    .map(|(a, b)| (a - b).powi(2))
                    .sum::<f64>()
            })
            .sum();
        fit + NEARNESS * near
    }

    /// Plain reference: tries every support.
    fn by_enumeration(points: &[Vec<f64>], target: &[f64]) -> f64 {
        let n = points.len();
        let d = target.len();
        let mut best = f64::INFINITY;
        for set in 1_usize..1 << n {
            let support: Vec<usize> = (0..n).filter(|i| set >> i & 1 == 1).collect();
            let hessian: Vec<f64> = (0..n * n)
                .map(|at| {
                    (0..d)
                        .map(|k| (points[at / n][k] - target[k]) * (points[at % n][k] - target[k]))
                        .sum()
                })
                .collect();
            let linear: Vec<f64> = (0..n)
                .map(|i| 0.5 * NEARNESS * hessian[i * n + i])
                .collect();
            let Some((trial, _)) = on_support(n, &hessian, &linear, &support) else {
                continue;
            };
            if trial.iter().all(|&w| w >= -1e-12 && w.is_finite()) {
                let mut weights = vec![0.0; n];
                for (&i, w) in support.iter().zip(trial) {
                    weights[i] = w;
                }
                if (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9 {
                    best = best.min(cost(points, target, &weights));
                }
            }
        }
        best
    }

    fn simplex_point(n: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(0.001_f64..1.0, n).prop_map(|v| {
            let sum: f64 = v.iter().sum();
            v.into_iter().map(|x| x / sum).collect()
        })
    }

    proptest! {
        #[test]
        fn as_good_as_trying_every_support(
            points in prop::collection::vec(simplex_point(3), 1..7),
            target in simplex_point(3),
        ) {
            let weights = project(&points, &target);
            prop_assert!(weights.iter().all(|&w| w >= 0.0));
            prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let (ours, best) = (cost(&points, &target, &weights), by_enumeration(&points, &target));
            prop_assert!(ours <= best + 1e-9, "{ours} against {best}");
        }
    }
}
