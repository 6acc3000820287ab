//! A router's votes from its layer's products.

use candle_core::{CpuStorage, CustomOp2, D, Layout, Result, Shape, Tensor, bail};

use super::storage::{floats, output, read, tensor};
use crate::kernels::{exp, max};
use crate::types::RouterActivation;

/// `softmax(scores + bias)`, or the sum itself: `scores` `[rows, outputs]`, `bias` `[outputs]`.
#[derive(Debug)]
pub struct Votes(pub RouterActivation);

impl CustomOp2 for Votes {
    fn name(&self) -> &'static str {
        "votes"
    }

    fn cpu_fwd(
        &self,
        scores: &CpuStorage,
        scores_at: &Layout,
        bias: &CpuStorage,
        bias_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (_, outputs) = scores_at.shape().dims2()?;
        if bias_at.dims() != [outputs] {
            bail!(
                "votes for {outputs} outputs with biases {:?}",
                bias_at.dims()
            );
        }
        let (scores, bias) = (floats(scores, scores_at)?, floats(bias, bias_at)?);
        let mut votes = scores.to_vec();
        for row in votes.chunks_exact_mut(outputs.max(1)) {
            for (vote, bias) in row.iter_mut().zip(bias) {
                *vote += bias;
            }
            if self.0 == RouterActivation::Softmax {
                let top = max(row);
                for vote in row.iter_mut() {
                    *vote = exp(*vote - top);
                }
                let total: f32 = row.iter().sum();
                for vote in row {
                    *vote /= total;
                }
            }
        }
        Ok(output(votes, scores_at.shape().clone()))
    }

    /// Softmax: `d score = vote (d vote - sum(vote d vote))`.
    fn bwd(
        &self,
        scores: &Tensor,
        bias: &Tensor,
        votes: &Tensor,
        d_votes: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let outputs = bias.elem_count();
        let mut d_scores = vec![0.0; scores.elem_count()];
        let mut d_bias = vec![0.0; outputs];
        read([votes, d_votes], |[votes, d_votes]| {
            let rows = votes
                .chunks_exact(outputs.max(1))
                .zip(d_votes.chunks_exact(outputs.max(1)));
            for ((votes, d_votes), d_scores) in rows.zip(d_scores.chunks_exact_mut(outputs.max(1)))
            {
                let pull: f32 = votes.iter().zip(d_votes).map(|(v, d)| v * d).sum();
                for ((d, bias), (vote, d_vote)) in d_scores
                    .iter_mut()
                    .zip(&mut d_bias)
                    .zip(votes.iter().zip(d_votes))
                {
                    *d = match self.0 {
                        RouterActivation::Softmax => vote * (d_vote - pull),
                        RouterActivation::None => *d_vote,
                    };
                    *bias += *d;
                }
            }
        })?;
        Ok((Some(tensor(d_scores, scores)?), Some(tensor(d_bias, bias)?)))
    }
}

/// The plain twin of [`Votes`], in candle's own operations.
pub fn votes_plain(scores: &Tensor, bias: &Tensor, activation: RouterActivation) -> Result<Tensor> {
    let scores = scores.broadcast_add(bias)?;
    if activation == RouterActivation::None {
        return Ok(scores);
    }
    let top = scores.max_keepdim(D::Minus1)?.detach();
    let raised = scores.broadcast_sub(&top)?.exp()?;
    raised.broadcast_div(&raised.sum_keepdim(D::Minus1)?)
}
