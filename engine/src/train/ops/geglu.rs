//! `gelu(gate) * up` (Shazeer 2020), GELU in its form with tanh.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{gelu, gelu_slope, kernel, vectorised};

/// `gelu(gate) * up`, shapes equal.
#[derive(Debug)]
pub struct GeGlu;

#[inline(always)]
fn forward((gate, up, y): (&[f32], &[f32], &mut [f32])) {
    for (y, (g, u)) in y.iter_mut().zip(gate.iter().zip(up)) {
        *y = gelu(*g).0 * u;
    }
}

#[inline(always)]
fn backward(([gate, up, dy], d_gate, d_up): ([&[f32]; 3], &mut [f32], &mut [f32])) {
    for (((g, u), dy), (dg, du)) in gate.iter().zip(up).zip(dy).zip(d_gate.iter_mut().zip(d_up)) {
        let (value, share) = gelu(*g);
        *dg = dy * u * gelu_slope(*g, share);
        *du = dy * value;
    }
}

kernel!(Forward = forward((&'a [f32], &'a [f32], &'a mut [f32])) -> ());
kernel!(Backward = backward(([&'a [f32]; 3], &'a mut [f32], &'a mut [f32])) -> ());

impl CustomOp2 for GeGlu {
    fn name(&self) -> &'static str {
        "geglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        g_at: &Layout,
        up: &CpuStorage,
        u_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (floats(gate, g_at)?, floats(up, u_at)?);
        let mut y = vec![0.0; gate.len()];
        vectorised(Forward((gate, up, &mut y)));
        Ok(output(y, g_at.shape().clone()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut d_gate = vec![0.0; gate.elem_count()];
        let mut d_up = vec![0.0; up.elem_count()];
        read([gate, up, dy], |inputs| {
            vectorised(Backward((inputs, &mut d_gate, &mut d_up)));
        })?;
        Ok((Some(tensor(d_gate, gate)?), Some(tensor(d_up, up)?)))
    }
}

/// The plain twin of [`GeGlu`], in candle's own operations; its `gelu` is the form with tanh.
pub fn geglu_plain(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.gelu()? * up
}
