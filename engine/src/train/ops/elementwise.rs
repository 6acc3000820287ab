//! Sums, products and multiples, on the thread that asks.
//!
//! candle shares them among the threads of a pool of its own that spins, which two workers of training fight for.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, InplaceOp2, Layout, Result, Shape, Tensor, bail,
};

use super::storage::{floats, output, read, tensor, with_floats};
use crate::kernels::{kernel, vectorised};

/// `a + b`, shapes equal.
#[derive(Debug)]
pub struct Sum;

/// `a * b`, element by element, shapes equal.
#[derive(Debug)]
pub struct Times;

/// `factor * x`.
#[derive(Debug)]
pub struct Scale(pub f64);

/// `a += b`, shapes equal.
#[derive(Debug)]
pub struct AddInPlace;

#[inline(always)]
fn summed((a, b, y): (&[f32], &[f32], &mut [f32])) {
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = a + b;
    }
}

#[inline(always)]
fn multiplied((a, b, y): (&[f32], &[f32], &mut [f32])) {
    for (y, (a, b)) in y.iter_mut().zip(a.iter().zip(b)) {
        *y = a * b;
    }
}

#[inline(always)]
fn scaled((x, factor, y): (&[f32], f32, &mut [f32])) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = x * factor;
    }
}

#[inline(always)]
fn added((a, b): (&mut [f32], &[f32])) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
}

kernel!(Summed = summed((&'a [f32], &'a [f32], &'a mut [f32])) -> ());
kernel!(Multiplied = multiplied((&'a [f32], &'a [f32], &'a mut [f32])) -> ());
kernel!(Scaled = scaled((&'a [f32], f32, &'a mut [f32])) -> ());
kernel!(Added = added((&'a mut [f32], &'a [f32])) -> ());

/// The numbers of both, whose shapes must be equal.
fn pair<'a>(
    (a, a_at): (&'a CpuStorage, &Layout),
    (b, b_at): (&'a CpuStorage, &Layout),
) -> Result<(&'a [f32], &'a [f32])> {
    if a_at.shape() != b_at.shape() {
        bail!(
            "{:?} and {:?} element by element: shapes must be equal",
            a_at.dims(),
            b_at.dims()
        );
    }
    Ok((floats(a, a_at)?, floats(b, b_at)?))
}

impl CustomOp2 for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_at: &Layout,
        b: &CpuStorage,
        b_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = pair((a, a_at), (b, b_at))?;
        let mut y = vec![0.0; a.len()];
        vectorised(Summed((a, b, &mut y)));
        Ok(output(y, a_at.shape().clone()))
    }

    fn bwd(
        &self,
        _a: &Tensor,
        _b: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(dy.clone()), Some(dy.clone())))
    }
}

impl CustomOp2 for Times {
    fn name(&self) -> &'static str {
        "times"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_at: &Layout,
        b: &CpuStorage,
        b_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = pair((a, a_at), (b, b_at))?;
        let mut y = vec![0.0; a.len()];
        vectorised(Multiplied((a, b, &mut y)));
        Ok(output(y, a_at.shape().clone()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let by = |other: &Tensor| {
            let mut d = vec![0.0; dy.elem_count()];
            read([dy, other], |[dy, other]| {
                vectorised(Multiplied((dy, other, &mut d)));
            })?;
            tensor(d, dy)
        };
        Ok((Some(by(b)?), Some(by(a)?)))
    }
}

impl CustomOp1 for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = floats(x, x_at)?;
        let mut y = vec![0.0; x.len()];
        vectorised(Scaled((x, self.0 as f32, &mut y)));
        Ok(output(y, x_at.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(dy.apply_op1_no_bwd(self)?))
    }
}

impl InplaceOp2 for AddInPlace {
    fn name(&self) -> &'static str {
        "add-in-place"
    }

    fn cpu_fwd(
        &self,
        a: &mut CpuStorage,
        a_at: &Layout,
        b: &CpuStorage,
        b_at: &Layout,
    ) -> Result<()> {
        with_floats(a, a_at, [(b, b_at)], |a, [b]| vectorised(Added((a, b))))
    }
}
