//! TIES (Yadav et al. 2023): trim, elect a sign per place, average what agrees with it. Weights take
//! part in the election and in the average, as in mergekit.

use rayon::prelude::*;

use super::{PIECE, combine};
use crate::forge::select::nth_magnitude;

/// What the sum of the agreeing entries is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Divide {
    /// By the sum of their weights.
    ByWeights,
    /// Not at all.
    ByNothing,
}

/// Keeps exactly the `int(density · n)` entries of largest magnitude; of equal ones the first.
pub(super) fn trim(values: &mut [f32], density: f64) {
    let keep = (density * values.len() as f64) as usize;
    if keep >= values.len() {
        return;
    }
    if keep == 0 {
        values.fill(0.0);
        return;
    }
    let threshold = nth_magnitude(values, values.len() - keep);
    let (larger, equal) = values
        .par_iter()
        .map(|value| match value.abs() {
            magnitude if magnitude > threshold => (1, 0),
            magnitude if magnitude == threshold => (0, 1),
            _ => (0, 0),
        })
        .reduce(|| (0, 0), |a: (usize, usize), b| (a.0 + b.0, a.1 + b.1));
    let mut too_many = (larger + equal).saturating_sub(keep);
    for value in values.iter_mut().rev() {
        if too_many == 0 {
            break;
        }
        if value.abs() == threshold {
            *value = 0.0;
            too_many -= 1;
        }
    }
    values.par_iter_mut().for_each(|value| {
        if value.abs() < threshold {
            *value = 0.0;
        }
    });
}

/// Per place: the sign of `Σ wᵢ τᵢ` (0 counts as +), then `scale · Σ wᵢ τᵢ` over the entries of that
/// sign, divided by the sum of their weights if that is asked for.
pub(super) fn elect(parts: &[Vec<f32>], weights: &[f64], divide: Divide, scale: f64) -> Vec<f32> {
    combine(parts, |pieces, out| {
        let mut sums = [0.0f64; PIECE];
        for (piece, weight) in pieces.iter().zip(weights) {
            for (sum, value) in sums.iter_mut().zip(*piece) {
                *sum += weight * f64::from(*value);
            }
        }
        let (mut kept, mut shares) = ([0.0f64; PIECE], [0.0f64; PIECE]);
        for (piece, weight) in pieces.iter().zip(weights) {
            let places = kept.iter_mut().zip(&mut shares).zip(&sums).zip(*piece);
            for (((kept, share), sum), value) in places {
                let agrees = if *sum >= 0.0 {
                    *value > 0.0
                } else {
                    *value < 0.0
                };
                let weight = if agrees { *weight } else { 0.0 };
                *kept += weight * f64::from(*value);
                *share += weight;
            }
        }
        for ((out, kept), share) in out.iter_mut().zip(&kept).zip(&shares) {
            let divisor = match divide {
                Divide::ByWeights if *share > 0.0 => *share,
                _ => 1.0,
            };
            *out = (scale * kept / divisor) as f32;
        }
    })
}
