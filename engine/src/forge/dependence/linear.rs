//! Cosine, agreement of signs, principal angles: linear measures, from the factors.

use rayon::prelude::*;
use serde::Serialize;

use super::parts::{Factors, Sums};
use crate::Result;
use crate::forge::Matrix;
use crate::forge::svd::of_factors;

/// Rows of the differences that are formed at a time.
const PANEL: usize = 512;

/// `⟨s B A, s' B' A'⟩ = Σ (Bᵀ B') ∘ (A A'ᵀ)`.
fn inner_product(one: &Factors, other: &Factors) -> f64 {
    let (left, right) = (
        one.b.transposed_times(&other.b),
        one.a.times_transposed(&other.a),
    );
    let terms = left.values().iter().zip(right.values());
    terms.map(|(l, r)| f64::from(*l) * f64::from(*r)).sum()
}

pub(super) fn cosine([one, other]: &[Factors; 2]) -> Sums {
    let norms = [inner_product(one, one), inner_product(other, other)];
    Sums::of(inner_product(one, other), norms)
}

/// Counts panel by panel.
pub(super) fn signs([one, other]: &[Factors; 2]) -> Sums {
    let (mut agree, mut both) = (0usize, 0usize);
    let rows = one.b.rows();
    for start in (0..rows).step_by(PANEL) {
        let panel = |factors: &Factors| {
            let (height, rank) = (PANEL.min(rows - start), factors.b.cols());
            let values = factors.b.values()[start * rank..(start + height) * rank].to_vec();
            Matrix::new(height, rank, values).times(&factors.a)
        };
        let (left, right) = (panel(one), panel(other));
        let (a, n) = left
            .values()
            .par_iter()
            .zip(right.values())
            .filter(|(x, y)| **x != 0.0 && **y != 0.0)
            .map(|(x, y)| (usize::from((*x > 0.0) == (*y > 0.0)), 1))
            .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        agree += a;
        both += n;
    }
    Sums::of(agree as f64, [both as f64; 2])
}

/// Cosines of the principal angles, descending; 1 is a direction that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Angles {
    /// Between the spaces that the differences write to (columns of `s B A`).
    pub output: Vec<f32>,
    /// Between the spaces that they read from (rows of `s B A`).
    pub input: Vec<f32>,
}

impl Angles {
    /// Of the output spaces.
    pub(super) fn mean_squared_cosine(&self) -> f64 {
        let squares = self.output.iter().map(|c| f64::from(*c) * f64::from(*c));
        squares.sum::<f64>() / self.output.len().max(1) as f64
    }
}

pub(super) fn angles([one, other]: &[Factors; 2]) -> Result<Angles> {
    // By SVD, so that directions which the difference does not have do not count.
    let spaces = |f: &Factors| of_factors(&f.a, &f.b, f.a.rows());
    let (one, other) = (spaces(one)?, spaces(other)?);
    Ok(Angles {
        output: cosines(&one.u, &other.u)?,
        input: cosines(&one.v, &other.v)?,
    })
}

fn cosines(one: &Matrix, other: &Matrix) -> Result<Vec<f32>> {
    if one.cols() == 0 || other.cols() == 0 {
        return Ok(Vec::new());
    }
    let (_, cosines, _) = one.transposed_times(other).svd()?;
    Ok(cosines.iter().map(|c| c.clamp(0.0, 1.0)).collect())
}
