//! The plain twin of the attention kernel, in candle's own operations.

use candle_core::{D, Result, Tensor};

use super::attention::{AttentionShape, check};
use super::soft_cap::soft_cap_plain;

/// The plain twin of [`Attention`](super::Attention), one sequence after the other.
pub fn attention_plain(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    shape: &AttentionShape,
) -> Result<Tensor> {
    check([q, k, v].map(Tensor::dims), shape)?;
    let group = shape.heads / shape.kv_heads;
    let mut parts = Vec::new();
    for (start, length) in shape.sequences().filter(|&(_, length)| length > 0) {
        // [heads, length, head_dim]
        let split = |x: &Tensor, heads: usize| -> Result<Tensor> {
            x.narrow(0, start, length)?
                .reshape((length, heads, shape.head_dim))?
                .transpose(0, 1)?
                .contiguous()
        };
        let repeat = |x: Tensor| -> Result<Tensor> {
            let wide = (shape.kv_heads, group, length, shape.head_dim);
            x.unsqueeze(1)?
                .broadcast_as(wide)?
                .reshape((shape.heads, length, shape.head_dim))
        };
        let q = split(q, shape.heads)?;
        let k = repeat(split(k, shape.kv_heads)?)?;
        let v = repeat(split(v, shape.kv_heads)?)?;
        let mask: Vec<f32> = (0..length)
            .flat_map(|i| {
                let seen = shape.scoring.first_seen(i)..=i;
                (0..length).map(move |j| {
                    if seen.contains(&j) {
                        0.0
                    } else {
                        f32::NEG_INFINITY
                    }
                })
            })
            .collect();
        let mask = Tensor::from_vec(mask, (1, length, length), q.device())?;
        let scores = (q.matmul(&k.transpose(1, 2)?)? * f64::from(shape.scale()))?;
        let scores = match shape.scoring.cap {
            Some(cap) => soft_cap_plain(&scores, cap)?,
            None => scores,
        };
        let scores = scores.broadcast_add(&mask)?;
        let weights = candle_nn::ops::softmax(&scores, D::Minus1)?;
        let mixed = weights
            .matmul(&v)?
            .transpose(0, 1)?
            .reshape((length, shape.heads * shape.head_dim))?;
        parts.push(mixed);
    }
    Tensor::cat(&parts, 0)
}
