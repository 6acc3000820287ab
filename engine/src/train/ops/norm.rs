//! Root-mean-square norm over the last dimension (Zhang and Sennrich 2019).

use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{dot, inverse_rms, kernel, vectorised};

/// `x / sqrt(mean(x²) + eps) * (around + weight)`: `x` `[rows, width]`, or rows of several heads of `width`; `weight`
/// `[width]`.
#[derive(Debug, Clone, Copy)]
pub struct RmsNorm {
    /// What keeps a row of zeros from a division by zero.
    pub eps: f32,
    /// 0, or 1 where weights are differences from 1.
    pub around: f32,
}

#[inline(always)]
fn forward((x, weight, RmsNorm { eps, around }, y): (&[f32], &[f32], RmsNorm, &mut [f32])) {
    let width = weight.len();
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let scale = inverse_rms(x, eps);
        for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
            *y = x * scale * (around + w);
        }
    }
}

/// With `s = 1/rms` and `h = (around + w) * dy`: `dx = s (h - x s² mean(h x))`, `dw = sum_rows dy x s`.
#[inline(always)]
fn backward(([x, weight, dy], norm, dx, dw): ([&[f32]; 3], RmsNorm, &mut [f32], &mut [f32])) {
    let RmsNorm { eps, around } = norm;
    let width = weight.len();
    for ((x, dy), dx) in x
        .chunks_exact(width)
        .zip(dy.chunks_exact(width))
        .zip(dx.chunks_exact_mut(width))
    {
        let scale = inverse_rms(x, eps);
        for (((h, dw), dy), (x, w)) in dx
            .iter_mut()
            .zip(dw.iter_mut())
            .zip(dy)
            .zip(x.iter().zip(weight))
        {
            *h = (around + w) * dy;
            *dw += dy * x * scale;
        }
        let pull = dot(dx, x) * scale * scale / width as f32;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = scale * (*dx - x * pull);
        }
    }
}

kernel!(Forward = forward((&'a [f32], &'a [f32], RmsNorm, &'a mut [f32])) -> ());
kernel!(Backward = backward(([&'a [f32]; 3], RmsNorm, &'a mut [f32], &'a mut [f32])) -> ());

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (floats(x, x_at)?, floats(w, w_at)?);
        let mut y = vec![0.0; x.len()];
        vectorised(Forward((x, w, *self, &mut y)));
        Ok(output(y, x_at.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut dx = vec![0.0; x.elem_count()];
        let mut dw = vec![0.0; w.elem_count()];
        read([x, w, dy], |inputs| {
            vectorised(Backward((inputs, *self, &mut dx, &mut dw)));
        })?;
        Ok((Some(tensor(dx, x)?), Some(tensor(dw, w)?)))
    }
}

/// The plain twin of [`RmsNorm`], in candle's own operations.
pub fn rms_norm_plain(x: &Tensor, weight: &Tensor, (eps, around): (f64, f64)) -> Result<Tensor> {
    let heads = x.reshape(((), weight.elem_count()))?;
    let mean = heads.sqr()?.mean_keepdim(D::Minus1)?;
    heads
        .broadcast_div(&(mean + eps)?.sqrt()?)?
        .broadcast_mul(&(weight + around)?)?
        .reshape(x.shape())
}
