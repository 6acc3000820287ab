//! Rotary position embedding with the halves of a head paired, as Hugging Face does (Su et al. 2021).

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{kernel, vectorised};

/// Cosines and sines per row of a flat batch, each `[rows, pairs]`, where pairs are half of the dimensions that turn.
#[derive(Debug, Clone)]
pub struct Rotation {
    cos: Arc<Vec<f32>>,
    sin: Arc<Vec<f32>>,
    half: usize,
    head_dim: usize,
}

impl Rotation {
    /// For `positions[row]` and `frequencies` (one per pair, `theta^(-2i/head_dim)`), cosines and sines multiplied by
    /// `factor`. Of heads of `head_dim`, the dimensions after the pairs stay.
    pub fn new(positions: &[u32], (frequencies, factor): (&[f32], f32), head_dim: usize) -> Self {
        let angles = positions
            .iter()
            .flat_map(|&p| frequencies.iter().map(move |f| p as f32 * f));
        let turns = angles.map(f32::sin_cos);
        let (sin, cos) = turns.map(|(sin, cos)| (sin * factor, cos * factor)).unzip();
        Self {
            head_dim,
            cos: Arc::new(cos),
            sin: Arc::new(sin),
            half: frequencies.len(),
        }
    }

    fn rows(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }
}

/// Rotates every head of `x` `[rows, heads * head_dim]`.
#[derive(Debug)]
pub struct Rope(pub Rotation);

#[inline(always)]
fn rotate((x, rotation, direction, y): (&[f32], &Rotation, f32, &mut [f32])) {
    let (half, head_dim) = (rotation.half, rotation.head_dim);
    let width = x.len() / rotation.rows().max(1);
    let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
    let tables = rotation
        .cos
        .chunks_exact(half)
        .zip(rotation.sin.chunks_exact(half));
    for ((x, y), (cos, sin)) in rows.zip(tables) {
        for (x, y) in x.chunks_exact(head_dim).zip(y.chunks_exact_mut(head_dim)) {
            y[2 * half..].copy_from_slice(&x[2 * half..]);
            let (x1, x2) = x[..2 * half].split_at(half);
            let (y1, y2) = y[..2 * half].split_at_mut(half);
            for (((y1, y2), (x1, x2)), (cos, sin)) in y1
                .iter_mut()
                .zip(y2)
                .zip(x1.iter().zip(x2))
                .zip(cos.iter().zip(sin))
            {
                let sin = sin * direction;
                *y1 = x1 * cos - x2 * sin;
                *y2 = x2 * cos + x1 * sin;
            }
        }
    }
}

kernel!(Rotate = rotate((&'a [f32], &'a Rotation, f32, &'a mut [f32])) -> ());

impl CustomOp1 for Rope {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = x_at.shape().dims2()?;
        let (rotations, half, head_dim) = (self.0.rows(), self.0.half, self.0.head_dim);
        if rows != rotations || 2 * half > head_dim || !width.is_multiple_of(head_dim.max(1)) {
            bail!(
                "rope: {rows} rows of {width} do not fit {rotations} rotations of {half} pairs in heads of {head_dim}"
            );
        }
        let x = floats(x, x_at)?;
        let mut y = vec![0.0; x.len()];
        vectorised(Rotate((x, &self.0, 1.0, &mut y)));
        Ok(output(y, x_at.shape().clone()))
    }

    /// A rotation's transpose is the rotation back, at the same length.
    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = vec![0.0; x.elem_count()];
        read([dy], |[dy]| {
            vectorised(Rotate((dy, &self.0, -1.0, &mut dx)));
        })?;
        Ok(Some(tensor(dx, x)?))
    }
}

/// The plain twin of [`Rope`], in candle's own operations.
pub fn rope_plain(x: &Tensor, rotation: &Rotation) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let (half, head_dim) = (rotation.half, rotation.head_dim);
    let heads = x.reshape((rows, width / head_dim, head_dim))?;
    let table = |values: &[f32]| Tensor::from_slice(values, (rows, 1, half), x.device());
    let (cos, sin) = (table(&rotation.cos)?, table(&rotation.sin)?);
    let (x1, x2) = (heads.narrow(2, 0, half)?, heads.narrow(2, half, half)?);
    let y1 = (x1.broadcast_mul(&cos)? - x2.broadcast_mul(&sin)?)?;
    let y2 = (x2.broadcast_mul(&cos)? + x1.broadcast_mul(&sin)?)?;
    let rest = heads.narrow(2, 2 * half, head_dim - 2 * half)?;
    Tensor::cat(&[y1, y2, rest], 2)?.reshape((rows, width))
}
