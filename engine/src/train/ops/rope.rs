//! Rotary position embedding with the halves of a head paired, as Hugging Face does (Su et al. 2021).

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{kernel, vectorised};

/// Cosines and sines per row of a flat batch, each `[rows, head_dim / 2]`.
#[derive(Debug, Clone)]
pub struct Rotation {
    cos: Arc<Vec<f32>>,
    sin: Arc<Vec<f32>>,
    half: usize,
}

impl Rotation {
    /// For `positions[row]` and `frequencies` (one per pair, `theta^(-2i/head_dim)`).
    pub fn new(positions: &[u32], frequencies: &[f32]) -> Self {
        let angles = positions
            .iter()
            .flat_map(|&p| frequencies.iter().map(move |f| p as f32 * f));
        let (sin, cos) = angles.map(f32::sin_cos).unzip();
        Self {
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
    let half = rotation.half;
    let width = x.len() / rotation.rows().max(1);
    let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
    let tables = rotation
        .cos
        .chunks_exact(half)
        .zip(rotation.sin.chunks_exact(half));
    for ((x, y), (cos, sin)) in rows.zip(tables) {
        for (x, y) in x.chunks_exact(2 * half).zip(y.chunks_exact_mut(2 * half)) {
            let (x1, x2) = x.split_at(half);
            let (y1, y2) = y.split_at_mut(half);
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
        let (rotations, half) = (self.0.rows(), self.0.half);
        if rows != rotations || !width.is_multiple_of(2 * half.max(1)) {
            bail!("rope: {rows} rows of {width} do not fit {rotations} rotations of {half} pairs");
        }
        let x = floats(x, x_at)?;
        let mut y = vec![0.0; x.len()];
        vectorised(Rotate((x, &self.0, 1.0, &mut y)));
        Ok(output(y, x_at.shape().clone()))
    }

    /// A rotation's transpose is the rotation back.
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
    let half = rotation.half;
    let heads = x.reshape((rows, width / (2 * half), 2 * half))?;
    let table = |values: &[f32]| Tensor::from_slice(values, (rows, 1, half), x.device());
    let (cos, sin) = (table(&rotation.cos)?, table(&rotation.sin)?);
    let (x1, x2) = (heads.narrow(2, 0, half)?, heads.narrow(2, half, half)?);
    let y1 = (x1.broadcast_mul(&cos)? - x2.broadcast_mul(&sin)?)?;
    let y2 = (x2.broadcast_mul(&cos)? + x1.broadcast_mul(&sin)?)?;
    Tensor::cat(&[y1, y2], 2)?.reshape((rows, width))
}
