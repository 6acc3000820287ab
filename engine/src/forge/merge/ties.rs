//! TIES (Yadav et al. 2023): trim, elect a sign per place, average what agrees with it. Weights take
//! part in the election and in the average, as in mergekit.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{PIECE, add_weighted, combine};
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
    let count = |wanted: fn(f32, f32) -> bool| -> usize {
        let pieces = values.par_chunks(PIECE);
        let found = pieces.map(|piece| piece.iter().filter(|v| wanted(v.abs(), threshold)).count());
        found.sum()
    };
    let (larger, equal) = (count(|v, t| v > t), count(|v, t| v == t));
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
        Arch::new().dispatch(Election {
            pieces,
            weights,
            divide,
            scale,
            out,
        });
    })
}

/// One piece of the election, compiled for the processor at hand.
struct Election<'a> {
    pieces: &'a [&'a [f32]],
    weights: &'a [f64],
    divide: Divide,
    scale: f64,
    out: &'a mut [f32],
}

impl WithSimd for Election<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let mut sums = [0.0f64; PIECE];
        for (piece, weight) in self.pieces.iter().zip(self.weights) {
            add_weighted(&mut sums, piece, *weight);
        }
        let (mut kept, mut shares) = ([0.0f64; PIECE], [0.0f64; PIECE]);
        for (piece, weight) in self.pieces.iter().zip(self.weights) {
            add_agreeing(&mut kept, &mut shares, &sums, piece, *weight);
        }
        let by_weights = self.divide == Divide::ByWeights;
        for ((out, kept), share) in self.out.iter_mut().zip(&kept).zip(&shares) {
            let divisor = if by_weights && *share > 0.0 {
                *share
            } else {
                1.0
            };
            *out = (self.scale * kept / divisor) as f32;
        }
    }
}

#[inline(always)]
fn add_agreeing(kept: &mut [f64], shares: &mut [f64], sums: &[f64], piece: &[f32], weight: f64) {
    for (((kept, share), sum), value) in kept.iter_mut().zip(shares).zip(sums).zip(piece) {
        let value = f64::from(*value);
        // The value as seen from the elected sign.
        let along = if *sum >= 0.0 { value } else { -value };
        let weight = if along > 0.0 { weight } else { 0.0 };
        *kept += weight * value;
        *share += weight;
    }
}
