//! The clipped losses of policy and values over a share of a minibatch.

use candle_core::{DType, Tensor};

use super::advantage::{Target, Trajectory};
use crate::Result;
use crate::train::Example;
use crate::train::batch::PredictionBatch;
use crate::train::forward::{Predictions, TrainModel};
use crate::train::metrics::Figures;
use crate::train::parallel::ShareLoss;
use crate::types::PpoConfig;

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
    let Predictions {
        log_probs: pass,
        states,
    } = model.learn(&batch, config.temperature)?;
    let device = states.device();
    let tokens = batch.rows.len();

    let old: Vec<f32> = flat(samples, |s| s.trajectory.log_probs.clone());
    let advantages: Vec<f32> = flat(samples, |s| {
        s.target.advantages.iter().map(|&a| a as f32).collect()
    });
    let advantages = Tensor::from_vec(advantages, tokens, device)?;
    let change = (&pass.output - Tensor::from_vec(old, tokens, device)?)?;
    let ratio = change.exp()?;
    let (policy, cut) = clipped_policy(&advantages, &ratio, config.clip)?;

    let values = model.values(&states)?;
    let objectives = values.dim(1)?;
    let old: Vec<f32> = flat(samples, |s| s.trajectory.values.clone());
    let returns: Vec<f32> = flat(samples, |s| s.target.returns.clone());
    let old = Tensor::from_vec(old, (tokens, objectives), device)?;
    let returns = Tensor::from_vec(returns, (tokens, objectives), device)?;
    let value = clipped_value(&values, &old, &returns, config.clip)?;

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
    Ok(ShareLoss {
        loss,
        pass,
        figures,
    })
}

/// `sum(max(-A r, -A clip(r)))`, and how many tokens' gradient the clip takes away.
fn clipped_policy(advantages: &Tensor, ratio: &Tensor, clip: f64) -> Result<(Tensor, Tensor)> {
    let against = advantages.neg()?;
    let free = (&against * ratio)?;
    let clipped = (&against * ratio.clamp(1.0 - clip, 1.0 + clip)?)?;
    let cut = clipped.gt(&free)?.to_dtype(DType::F32)?.sum_all()?;
    Ok((free.maximum(&clipped)?.sum_all()?, cut))
}

/// `sum(max((V - R)^2, (V_old + clip(V - V_old) - R)^2)) / 2`, a mean over objectives.
fn clipped_value(values: &Tensor, old: &Tensor, returns: &Tensor, clip: f64) -> Result<Tensor> {
    let objectives = values.dim(1)?;
    let near = (old + (values - old)?.clamp(-clip, clip)?)?;
    let free = (values - returns)?.sqr()?;
    let value = free.maximum(&(near - returns)?.sqr()?)?.sum_all()?;
    Ok((value * (0.5 / objectives as f64))?)
}

/// One number after another, sample by sample.
fn flat(samples: &[&Sample], of: impl Fn(&Sample) -> Vec<f32>) -> Vec<f32> {
    samples.iter().flat_map(|sample| of(sample)).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    /// Loss and its gradient in the ratio, of one token.
    fn policy(advantage: f32, ratio: f32) -> (f32, f32, f32) {
        let device = &Device::Cpu;
        let ratio = Var::new(&[ratio], device).unwrap();
        let advantage = Tensor::new(&[advantage], device).unwrap();
        let (loss, cut) = clipped_policy(&advantage, &ratio, 0.2).unwrap();
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(&ratio).unwrap().to_vec1::<f32>().unwrap()[0];
        (
            loss.to_scalar().unwrap(),
            gradient,
            cut.to_scalar().unwrap(),
        )
    }

    #[test]
    fn the_policy_s_clip_by_hand() {
        let near = |got: (f32, f32, f32), want: (f32, f32, f32)| {
            let apart = (got.0 - want.0).abs() + (got.1 - want.1).abs() + (got.2 - want.2).abs();
            assert!(apart < 1e-5, "{got:?}, not {want:?}");
        };
        // Within the band: -A r.
        near(policy(1.0, 1.1), (-1.1, -1.0, 0.0));
        // Better than before by far: no more of it.
        near(policy(1.0, 1.5), (-1.2, 0.0, 1.0));
        // Worse by far, and more likely: all of the loss stays.
        near(policy(-1.0, 1.5), (1.5, 1.0, 0.0));
        // Worse by far, and unlikely already: no more of it.
        near(policy(-1.0, 0.5), (0.8, 0.0, 1.0));
    }

    #[test]
    fn the_values_clip_by_hand() {
        let device = &Device::Cpu;
        let tensor = |v: f32| Tensor::new(&[[v]], device).unwrap();
        let loss = |value: f32, old: f32, target: f32| -> f32 {
            let loss = clipped_value(&tensor(value), &tensor(old), &tensor(target), 0.2).unwrap();
            loss.to_scalar().unwrap()
        };
        // Half of max(0.25, 0.04), and half of max(0.04, 0.36) where the clip holds the value back.
        assert!((loss(0.5, 0.0, 0.0) - 0.125).abs() < 1e-6);
        assert!((loss(0.6, 0.0, 0.8) - 0.18).abs() < 1e-6);
        // Two objectives count as a mean.
        let both = Tensor::new(&[[0.5_f32, 0.5]], device).unwrap();
        let zero = both.zeros_like().unwrap();
        let mean = clipped_value(&both, &zero, &zero, 0.2).unwrap();
        assert!((mean.to_scalar::<f32>().unwrap() - 0.125).abs() < 1e-6);
    }
}
