//! FREE-Merging's filter (Zheng et al. 2024): the lowest spatial frequencies of a matrix are taken away.
//!
//! The mask is even in either frequency, so the 2-D Fourier transform may be written with real
//! orthonormal sines and cosines per side, and only those that the mask takes away are needed:
//! `low = C_y (M ∘ (C_yᵀ τ C_x)) C_xᵀ`, four narrow products.

use std::f64::consts::TAU;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{MergeSettings, weighted_sum};
use crate::forge::Matrix;
use crate::{Bounds, Error, Result};

/// Which frequencies are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Below this many cycles per entry, in any direction and whatever the shape (0 to 0.5).
    Physical(f64),
    /// As released: beyond `ratio` times the smaller side, counted from the Nyquist frequency. What it
    /// takes away depends on the matrix's proportions.
    AuthorsMin(f64),
    /// The authors' mask, of the larger side.
    AuthorsMax(f64),
}

impl Default for Filter {
    fn default() -> Self {
        Self::Physical(0.01)
    }
}

impl Filter {
    pub(super) fn check(self) -> Result<()> {
        let (name, value, most) = match self {
            Self::Physical(value) => ("--cutoff", value, 0.5),
            Self::AuthorsMin(value) | Self::AuthorsMax(value) => ("--authors-mask", value, 2.0),
        };
        let checked = Bounds::of(0.0, most).check(value);
        checked.map_err(|e| Error::option(name, e))
    }

    /// Whether a frequency (whole cycles per side, without sign) goes.
    fn takes(self, cycles: [usize; 2], sides: [usize; 2]) -> bool {
        let per_entry = |axis: usize| cycles[axis] as f64 / sides[axis] as f64;
        let from_nyquist = |axis: usize| sides[axis] as f64 / 2.0 - cycles[axis] as f64;
        let [rows, cols] = sides.map(|side| side as f64);
        match self {
            Self::Physical(cutoff) => per_entry(0).hypot(per_entry(1)) < cutoff,
            Self::AuthorsMin(ratio) => {
                from_nyquist(0).hypot(from_nyquist(1)) > ratio * rows.min(cols)
            }
            Self::AuthorsMax(ratio) => {
                from_nyquist(0).hypot(from_nyquist(1)) > ratio * rows.max(cols)
            }
        }
    }

    /// How many frequencies of a side, from 0 on, are taken away with the other side's 0. No mask takes a
    /// higher one: all of them take what is nearer to 0 first.
    fn taken(self, axis: usize, sides: [usize; 2]) -> usize {
        (0..=sides[axis] / 2)
            .take_while(|&cycles| {
                let at = if axis == 0 { [cycles, 0] } else { [0, cycles] };
                self.takes(at, sides)
            })
            .count()
    }

    /// Takes the frequencies away from a matrix.
    pub(super) fn apply(self, matrix: &mut Matrix) {
        let sides = [matrix.rows(), matrix.cols()];
        let [taken_rows, taken_cols] = [self.taken(0, sides), self.taken(1, sides)];
        if taken_rows == 0 || taken_cols == 0 {
            return;
        }
        let (y, x) = (
            Basis::new(sides[0], taken_rows),
            Basis::new(sides[1], taken_cols),
        );
        let mut spectrum = y.waves.transposed_times(&matrix.times(&x.waves));
        let width = spectrum.cols().max(1);
        for (row, cycles) in spectrum.values_mut().chunks_mut(width).zip(&y.cycles) {
            for (value, other) in row.iter_mut().zip(&x.cycles) {
                if !self.takes([*cycles, *other], sides) {
                    *value = 0.0;
                }
            }
        }
        let low = y.waves.times(&spectrum).times_transposed(&x.waves);
        matrix
            .values_mut()
            .par_iter_mut()
            .zip(low.values())
            .for_each(|(value, low)| *value -= low);
    }
}

/// The lowest real Fourier waves of one side, orthonormal.
struct Basis {
    /// `[side, waves]`.
    waves: Matrix,
    /// Cycles per wave.
    cycles: Vec<usize>,
}

impl Basis {
    fn new(side: usize, frequencies: usize) -> Self {
        // Constant and Nyquist have one wave, all others a cosine and a sine.
        let single = |cycles: usize| cycles == 0 || 2 * cycles == side;
        let kinds: Vec<(usize, bool)> = (0..frequencies)
            .flat_map(|cycles| {
                let sine = (!single(cycles)).then_some((cycles, true));
                std::iter::once((cycles, false)).chain(sine)
            })
            .collect();
        let mut waves = Matrix::zeros(side, kinds.len());
        waves
            .values_mut()
            .par_chunks_mut(kinds.len().max(1))
            .enumerate()
            .for_each(|(at, row)| {
                for (value, &(cycles, sine)) in row.iter_mut().zip(&kinds) {
                    // The product modulo the side keeps the angle exact.
                    let angle = TAU * ((cycles * at) % side) as f64 / side as f64;
                    let wave = if sine { angle.sin() } else { angle.cos() };
                    let energy = if single(cycles) { 1.0 } else { 2.0 };
                    *value = (wave * (energy / side as f64).sqrt()) as f32;
                }
            });
        Self {
            waves,
            cycles: kinds.iter().map(|(cycles, _)| *cycles).collect(),
        }
    }
}

/// `c Σ n wᵢ aᵢ τᵢ` with `aᵢ` bringing every source to the largest mean magnitude, then the filter (on
/// matrices; it is linear, so it may come last).
pub(super) fn merge(
    parts: &[Vec<f32>],
    weights: &[f64],
    shape: &[usize],
    settings: &MergeSettings,
) -> Vec<f32> {
    let means: Vec<f64> = parts.iter().map(|part| mean_magnitude(part)).collect();
    let largest = means.iter().copied().fold(0.0, f64::max);
    let aligned: Vec<f64> = weights
        .iter()
        .zip(&means)
        .map(|(weight, &mean)| {
            if mean > 0.0 {
                weight * parts.len() as f64 * largest / mean
            } else {
                0.0
            }
        })
        .collect();
    let sum = weighted_sum(parts, &aligned, settings.scale);
    match shape {
        &[rows, cols] => {
            let mut matrix = Matrix::new(rows, cols, sum);
            settings.filter.apply(&mut matrix);
            matrix.into_values()
        }
        _ => sum,
    }
}

fn mean_magnitude(values: &[f32]) -> f64 {
    let sums: Vec<f64> = values
        .par_chunks(1 << 16)
        .map(|piece| piece.iter().map(|v| f64::from(v.abs())).sum())
        .collect();
    sums.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::svd::gaussian;

    /// The filter by the definition of the discrete Fourier transform.
    fn plain(matrix: &Matrix, filter: Filter) -> Vec<f32> {
        let sides = [matrix.rows(), matrix.cols()];
        let at = |y: usize, x: usize| f64::from(matrix.values()[y * sides[1] + x]);
        let angle = |k: [usize; 2], y: usize, x: usize| {
            TAU * ((k[0] * y) as f64 / sides[0] as f64 + (k[1] * x) as f64 / sides[1] as f64)
        };
        let mut out = vec![0.0f64; sides[0] * sides[1]];
        for ky in 0..sides[0] {
            for kx in 0..sides[1] {
                let cycles = [ky.min(sides[0] - ky), kx.min(sides[1] - kx)];
                if filter.takes(cycles, sides) {
                    continue;
                }
                let (mut real, mut imaginary) = (0.0, 0.0);
                for y in 0..sides[0] {
                    for x in 0..sides[1] {
                        real += at(y, x) * angle([ky, kx], y, x).cos();
                        imaginary -= at(y, x) * angle([ky, kx], y, x).sin();
                    }
                }
                for y in 0..sides[0] {
                    for x in 0..sides[1] {
                        let angle = angle([ky, kx], y, x);
                        out[y * sides[1] + x] += (real * angle.cos() - imaginary * angle.sin())
                            / (sides[0] * sides[1]) as f64;
                    }
                }
            }
        }
        out.iter().map(|v| *v as f32).collect()
    }

    #[test]
    fn the_narrow_products_are_the_fourier_transform() {
        for (rows, cols) in [(12, 12), (9, 14), (20, 7), (1, 8)] {
            for filter in [
                Filter::Physical(0.2),
                Filter::Physical(0.5),
                Filter::AuthorsMin(0.6),
                Filter::AuthorsMax(0.6),
            ] {
                let mut matrix = gaussian(rows, cols, 3, 0);
                let expected = plain(&matrix, filter);
                filter.apply(&mut matrix);
                for (got, expected) in matrix.values().iter().zip(&expected) {
                    assert!((got - expected).abs() < 1e-4, "{rows} x {cols} {filter:?}");
                }
            }
        }
    }

    #[test]
    fn a_constant_goes_and_a_checkerboard_stays() {
        let mut constant = Matrix::new(8, 6, vec![2.0; 48]);
        Filter::default().apply(&mut constant);
        assert!(constant.values().iter().all(|v| v.abs() < 1e-5));
        let checks = |i: usize| {
            if (i / 6 + i % 6).is_multiple_of(2) {
                1.0
            } else {
                -1.0
            }
        };
        let board = Matrix::new(8, 6, (0..48).map(checks).collect());
        let mut filtered = board.clone();
        Filter::Physical(0.3).apply(&mut filtered);
        for (got, expected) in filtered.values().iter().zip(board.values()) {
            assert!((got - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn a_cutoff_of_zero_takes_nothing() {
        let matrix = gaussian(8, 6, 3, 0);
        let mut same = matrix.clone();
        Filter::Physical(0.0).apply(&mut same);
        assert_eq!(matrix, same);
        assert!(Filter::Physical(0.6).check().is_err());
        assert!(Filter::Physical(f64::NAN).check().is_err());
    }
}
