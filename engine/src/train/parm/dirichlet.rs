//! Preferences drawn from a symmetric Dirichlet distribution.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Keeps the draws of steps apart from all else that a run's seed decides.
const PREFERENCES: u64 = 0x7061_726d;

/// The preference of a step over `count` objectives, each share above 0 or so small that it is 0. It depends on the
/// seed and the step alone, so that a run that goes on draws the same.
pub(super) fn preference_of(seed: u64, step: usize, count: usize, concentration: f64) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ PREFERENCES);
    rng.set_stream(step as u64);
    let logs: Vec<f64> = (0..count)
        .map(|_| log_gamma(&mut rng, concentration))
        .collect();
    // The largest is 1, so that small concentrations leave no sum of zeros.
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = logs.iter().map(|log| (log - most).exp()).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| share / sum).collect()
}

/// The logarithm of a number of the gamma distribution of this shape: by Marsaglia and Tsang (2000) for the shape and
/// one more, which is brought down by `u^(1 / shape)`.
fn log_gamma(rng: &mut ChaCha8Rng, shape: f64) -> f64 {
    let d = shape + 1.0 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    let uniform = |rng: &mut ChaCha8Rng| 1.0 - rng.random::<f64>();
    let above = loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(rng).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            break (d * v).ln();
        }
    };
    above + uniform(rng).ln() / shape
}

/// By Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean `1 / n` and variance `(1 / n) (1 - 1 / n) / (n a + 1)`.
    #[test]
    fn shares_have_the_moments_of_the_distribution() {
        for (count, concentration) in [(2, 0.5), (3, 0.5), (3, 4.0), (5, 0.1)] {
            let steps = 20_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for step in 0..steps {
                let shares = preference_of(3, step, count, concentration);
                assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
                sum += shares[0];
                squares += shares[0] * shares[0];
            }
            let mean = sum / steps as f64;
            let variance = squares / steps as f64 - mean * mean;
            let even = 1.0 / count as f64;
            let expected = even * (1.0 - even) / (count as f64 * concentration + 1.0);
            assert!(
                (mean - even).abs() < 0.01,
                "{count}, {concentration}: {mean}"
            );
            assert!(
                (variance - expected).abs() < 0.05 * expected + 1e-3,
                "{count}, {concentration}: {variance}, not {expected}"
            );
        }
    }

    #[test]
    fn a_step_has_one_preference_and_tiny_concentrations_have_one_too() {
        assert_eq!(preference_of(1, 7, 3, 0.5), preference_of(1, 7, 3, 0.5));
        assert_ne!(preference_of(1, 7, 3, 0.5), preference_of(1, 8, 3, 0.5));
        assert_ne!(preference_of(1, 7, 3, 0.5), preference_of(2, 7, 3, 0.5));
        for step in 0..100 {
            let shares = preference_of(1, step, 3, 1e-4);
            assert!(
                (shares.iter().sum::<f64>() - 1.0).abs() < 1e-12,
                "{shares:?}"
            );
        }
    }
}
