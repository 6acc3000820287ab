//! Layer norm over rows of tokens.

use candle_core::{Module as _, Result, Tensor};
use candle_nn::LayerNorm;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::host::rows_per_piece;
use super::{Compute, Kernels, add, host};
use crate::kernels::{dot, sum};

/// `(x - mean) / sqrt(variance + eps) * w + b`, row by row.
#[derive(Debug)]
pub(in crate::reward) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
    eps: f32,
    plain: Option<LayerNorm>,
}

impl Norm {
    pub(in crate::reward) fn new(
        weight: Vec<f32>,
        bias: Vec<f32>,
        eps: f64,
        place: &Compute,
    ) -> Result<Self> {
        let width = weight.len();
        let plain = match place.kernels {
            Kernels::Packed => None,
            Kernels::Plain => Some(LayerNorm::new(
                Tensor::from_slice(&weight, width, &place.device)?,
                Tensor::from_slice(&bias, width, &place.device)?,
                eps,
            )),
        };
        Ok(Self {
            weight,
            bias,
            eps: eps as f32,
            plain,
        })
    }

    /// `[rows, width]` to the same.
    pub(in crate::reward) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.plain {
            Some(plain) => plain.forward(x),
            None => self.packed(x, None),
        }
    }

    /// The norm of `x + y`.
    pub(in crate::reward) fn of_sum(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        match &self.plain {
            Some(plain) => plain.forward(&add(x, y)?),
            None => self.packed(x, Some(y)),
        }
    }

    fn packed(&self, x: &Tensor, y: Option<&Tensor>) -> Result<Tensor> {
        let width = self.weight.len();
        let piece = rows_per_piece(width) * width;
        let mut out = host(x)?.to_vec();
        match y {
            None => out
                .par_chunks_mut(piece)
                .for_each(|rows| Arch::new().dispatch(Rows(self, rows, None))),
            Some(y) => {
                let y = host(y)?;
                out.par_chunks_mut(piece)
                    .zip(y.par_chunks(piece))
                    .for_each(|(rows, y)| Arch::new().dispatch(Rows(self, rows, Some(y))));
            }
        }
        Tensor::from_vec(out, x.shape(), x.device())
    }
}

struct Rows<'a>(&'a Norm, &'a mut [f32], Option<&'a [f32]>);

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self(norm, rows, added) = self;
        if let Some(added) = added {
            for (x, y) in rows.iter_mut().zip(added) {
                *x += y;
            }
        }
        let width = norm.weight.len();
        for row in rows.chunks_exact_mut(width) {
            let mean = sum(row) / width as f32;
            for x in row.iter_mut() {
                *x -= mean;
            }
            // The mean first, then the squares: their difference would cancel.
            let variance = dot(row, row) / width as f32;
            let scale = 1.0 / (variance + norm.eps).sqrt();
            for ((x, weight), bias) in row.iter_mut().zip(&norm.weight).zip(&norm.bias) {
                *x = (*x * scale).mul_add(*weight, *bias);
            }
        }
    }
}
