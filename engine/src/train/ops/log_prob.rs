//! The log-probability of one token per row, straight from the logits.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor, bail};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{exp, kernel, max, vectorised};

/// `log softmax(logits)[row, targets[row]]`: `logits` `[rows, vocabulary]`, result `[rows]`.
#[derive(Debug)]
pub struct LogProb(pub Arc<Vec<u32>>);

#[inline(always)]
fn forward((logits, targets, out): (&[f32], &[u32], &mut [f32])) {
    let width = logits.len() / targets.len().max(1);
    for ((row, target), out) in logits.chunks_exact(width.max(1)).zip(targets).zip(out) {
        let top = max(row);
        let mut lanes = [0f32; 16];
        let (chunks, rest) = row.as_chunks::<16>();
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += exp(chunk[lane] - top);
            }
        }
        let total = lanes.iter().sum::<f32>() + rest.iter().map(|x| exp(x - top)).sum::<f32>();
        *out = row[*target as usize] - top - total.ln();
    }
}

/// `d logits = d out (onehot - softmax)`; the log-sum-exp comes back from the forward's result.
#[inline(always)]
fn backward(([logits, out, d_out], targets, d_logits): ([&[f32]; 3], &[u32], &mut [f32])) {
    let width = logits.len() / targets.len().max(1);
    let rows = logits
        .chunks_exact(width.max(1))
        .zip(d_logits.chunks_exact_mut(width.max(1)));
    for (((row, d_row), target), (out, d_out)) in rows.zip(targets).zip(out.iter().zip(d_out)) {
        let log_sum = row[*target as usize] - out;
        for (d, x) in d_row.iter_mut().zip(row) {
            *d = -d_out * exp(x - log_sum);
        }
        d_row[*target as usize] += d_out;
    }
}

kernel!(Forward = forward((&'a [f32], &'a [u32], &'a mut [f32])) -> ());
kernel!(Backward = backward(([&'a [f32]; 3], &'a [u32], &'a mut [f32])) -> ());

impl CustomOp1 for LogProb {
    fn name(&self) -> &'static str {
        "log-prob"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, at: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, vocabulary) = at.shape().dims2()?;
        if rows != self.0.len() || self.0.iter().any(|&t| t as usize >= vocabulary) {
            bail!(
                "log-prob: {} targets do not fit logits [{rows}, {vocabulary}]",
                self.0.len()
            );
        }
        let logits = floats(logits, at)?;
        let mut out = vec![0.0; rows];
        vectorised(Forward((logits, &self.0, &mut out)));
        Ok(output(out, rows))
    }

    fn bwd(&self, logits: &Tensor, out: &Tensor, d_out: &Tensor) -> Result<Option<Tensor>> {
        let mut d_logits = vec![0.0; logits.elem_count()];
        read([logits, out, d_out], |inputs| {
            vectorised(Backward((inputs, &self.0, &mut d_logits)));
        })?;
        Ok(Some(tensor(d_logits, logits)?))
    }
}

/// The plain twin of [`LogProb`], in candle's own operations.
pub fn log_prob_plain(logits: &Tensor, targets: &Arc<Vec<u32>>) -> Result<Tensor> {
    let rows = logits.dim(0)?;
    let top = logits.max_keepdim(D::Minus1)?.detach();
    let shifted = logits.broadcast_sub(&top)?;
    let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    let index = Tensor::from_slice(targets, (rows, 1), logits.device())?;
    (shifted.gather(&index, 1)? - log_sum)?.squeeze(1)
}
