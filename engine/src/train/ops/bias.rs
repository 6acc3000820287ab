//! `x + bias`, the same for every row.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{kernel, vectorised};

/// `x + bias`: `x` `[rows, width]`, `bias` `[width]`.
#[derive(Debug)]
pub struct Bias;

#[inline(always)]
fn forward((x, bias, y): (&[f32], &[f32], &mut [f32])) {
    let width = bias.len();
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        for ((y, x), bias) in y.iter_mut().zip(x).zip(bias) {
            *y = x + bias;
        }
    }
}

#[inline(always)]
fn backward((dy, d_bias): (&[f32], &mut [f32])) {
    for dy in dy.chunks_exact(d_bias.len()) {
        for (sum, dy) in d_bias.iter_mut().zip(dy) {
            *sum += dy;
        }
    }
}

kernel!(Forward = forward((&'a [f32], &'a [f32], &'a mut [f32])) -> ());
kernel!(Backward = backward((&'a [f32], &'a mut [f32])) -> ());

impl CustomOp2 for Bias {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        bias: &CpuStorage,
        b_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if x_at.dims().last() != b_at.dims().last() || b_at.dims().len() != 1 {
            bail!("a bias of {:?} does not fit {:?}", b_at.dims(), x_at.dims());
        }
        let (x, bias) = (floats(x, x_at)?, floats(bias, b_at)?);
        let mut y = vec![0.0; x.len()];
        vectorised(Forward((x, bias, &mut y)));
        Ok(output(y, x_at.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut d_bias = vec![0.0; bias.elem_count()];
        read([dy], |[dy]| vectorised(Backward((dy, &mut d_bias))))?;
        Ok((Some(dy.clone()), Some(tensor(d_bias, bias)?)))
    }
}
