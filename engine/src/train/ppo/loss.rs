//! The clipped losses of policy and values over a share of a minibatch.

use candle_core::{DType, Tensor};

use super::advantage::{Target, Trajectory};
use super::config::PpoConfig;
use crate::Result;
use crate::train::Example;
use crate::train::batch::PredictionBatch;
use crate::train::forward::{Adapters, TrainModel};
use crate::train::metrics::Figures;
use crate::train::parallel::ShareLoss;

/// An answer with all that an update needs of it.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) example: Example,
    pub(super) trajectory: Trajectory,
    pub(super) target: Target,
}

/// The share's part of `mean(max(-A r, -A clip(r))) + value_weight / 2 mean(max((V - R)^2, (clip(V) - R)^2))`
/// over `total` tokens, with `r` the ratio of the token's probability to that of the policy that sampled
/// it (Schulman et al. 2017, as trl's PPO trainer has it; the value loss is a mean over objectives).
pub(super) fn loss(
    model: &TrainModel,
    config: &PpoConfig,
    samples: &[&Sample],
    total: usize,
) -> Result<ShareLoss> {
    let batch = PredictionBatch::new(samples.iter().map(|s| &s.example), false);
    let states = model.states(&batch, Adapters::On)?;
    let device = states.device();
    let log_probs = model.log_probs_of(&states, &batch, config.temperature)?;
    let tokens = batch.rows.len();

    let old: Vec<f32> = flat(samples, |s| s.trajectory.log_probs.clone());
    let advantages: Vec<f32> = flat(samples, |s| {
        s.target.advantages.iter().map(|&a| a as f32).collect()
    });
    let advantages = Tensor::from_vec(advantages, tokens, device)?;
    let change = (log_probs - Tensor::from_vec(old, tokens, device)?)?;
    let ratio = change.exp()?;
    let (low, high) = (1.0 - config.clip, 1.0 + config.clip);
    let against = advantages.neg()?;
    let free = (&against * &ratio)?;
    let clipped = (&against * ratio.clamp(low, high)?)?;
    let policy = free.maximum(&clipped)?.sum_all()?;
    // Where the clip takes the gradient away.
    let cut = clipped.gt(&free)?.to_dtype(DType::F32)?.sum_all()?;

    let values = model.values(&states)?;
    let objectives = values.dim(1)?;
    let old: Vec<f32> = flat(samples, |s| s.trajectory.values.clone());
    let returns: Vec<f32> = flat(samples, |s| s.target.returns.clone());
    let old = Tensor::from_vec(old, (tokens, objectives), device)?;
    let returns = Tensor::from_vec(returns, (tokens, objectives), device)?;
    let moved = (&values - &old)?.clamp(-config.clip, config.clip)?;
    let near = (old + moved)?;
    let free = (values - &returns)?.sqr()?;
    let value = free.maximum(&(near - &returns)?.sqr()?)?.sum_all()?;
    let value = (value * (0.5 / objectives as f64))?;

    let loss = ((&policy + (&value * config.value_weight)?)? * (1.0 / total as f64))?;
    let ratios: Vec<f32> = ratio.to_vec1()?;
    let figures = Figures::new([
        ("policy_loss", f64::from(policy.to_scalar::<f32>()?)),
        ("value_loss", f64::from(value.to_scalar::<f32>()?)),
        ("clip_share", f64::from(cut.to_scalar::<f32>()?)),
        ("ratio", ratios.iter().map(|&r| f64::from(r)).sum()),
        (
            "policy_kl",
            -change
                .to_vec1::<f32>()?
                .into_iter()
                .map(f64::from)
                .sum::<f64>(),
        ),
    ]);
    Ok(ShareLoss { loss, figures })
}

/// One number after another, sample by sample.
fn flat(samples: &[&Sample], of: impl Fn(&Sample) -> Vec<f32>) -> Vec<f32> {
    samples.iter().flat_map(|sample| of(sample)).collect()
}
