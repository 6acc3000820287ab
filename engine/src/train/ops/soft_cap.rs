//! `cap * tanh(x / cap)`, element by element (Gemma Team 2024).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{kernel, tanh, vectorised};

/// `cap * tanh(x / cap)`.
#[derive(Debug)]
pub struct SoftCap(pub f32);

#[inline(always)]
fn forward((x, cap, y): (&[f32], f32, &mut [f32])) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = cap * tanh(x / cap);
    }
}

#[inline(always)]
fn backward((y, dy, cap, dx): (&[f32], &[f32], f32, &mut [f32])) {
    for ((dx, dy), y) in dx.iter_mut().zip(dy).zip(y) {
        let part = y / cap;
        *dx = dy * (1.0 - part * part);
    }
}

kernel!(Forward = forward((&'a [f32], f32, &'a mut [f32])) -> ());
kernel!(Backward = backward((&'a [f32], &'a [f32], f32, &'a mut [f32])) -> ());

impl CustomOp1 for SoftCap {
    fn name(&self) -> &'static str {
        "soft-cap"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = floats(x, x_at)?;
        let mut y = vec![0.0; x.len()];
        vectorised(Forward((x, self.0, &mut y)));
        Ok(output(y, x_at.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = vec![0.0; x.elem_count()];
        read([y, dy], |[y, dy]| {
            vectorised(Backward((y, dy, self.0, &mut dx)));
        })?;
        Ok(Some(tensor(dx, x)?))
    }
}

/// The plain twin of [`SoftCap`], in candle's own operations.
pub fn soft_cap_plain(x: &Tensor, cap: f32) -> Result<Tensor> {
    let cap = f64::from(cap);
    (x / cap)?.tanh()? * cap
}
