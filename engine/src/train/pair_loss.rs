//! The loss of preferences over pairs of answers, in the forms of several methods.
//!
//! `L = mean of -log sigmoid(z)` with `z = (beta (log p(y+) - log p(y-) - r) - m) / w`, log-probabilities summed over
//! the answer's tokens with the end token. DPO has a reference `r` alone, GenARM's autoregressive reward not even
//! that, MODPO also the margins `m` of other objectives and the weight `w` of the pairs' own.

use candle_core::Tensor;

use super::batch::{Example, PredictionBatch};
use super::descent::{Objective, StepExamples};
use super::dpo::Pair;
use super::forward::TrainModel;
use super::metrics::Figures;
use super::parallel::{ShareLoss, Team};
use super::penalty::{Addition, Penalty};
use crate::Result;

/// `-log sigmoid(x)` without overflow: `max(-x, 0) + log(1 + e^-|x|)`.
pub(super) fn minus_log_sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok((x.neg()?.relu()? + ((x.abs()?.neg()?.exp()? + 1.0)?.log()?))?)
}

/// Splits `[2 n]` of alternating chosen and rejected into two of `[n]`.
pub(super) fn split_pairs(values: &Tensor) -> Result<(Tensor, Tensor)> {
    let pairs = values.reshape(((), 2))?;
    Ok((
        pairs.narrow(1, 0, 1)?.squeeze(1)?,
        pairs.narrow(1, 1, 1)?.squeeze(1)?,
    ))
}

/// `log p(y+) - log p(y-)` of every pair, `[pairs]`, from the log-probabilities of a batch of both answers of each.
pub(super) fn log_ratios(batch: &PredictionBatch, log_probs: &Tensor) -> Result<Tensor> {
    let (chosen, rejected) = split_pairs(&batch.sum_by_sequence(log_probs)?)?;
    Ok((chosen - rejected)?)
}

/// Both answers of some pairs, as a batch.
pub(super) fn batch_of(pairs: &[&Pair], share: &[usize]) -> PredictionBatch {
    let examples: Vec<&Example> = share.iter().flat_map(|&i| pairs[i].both()).collect();
    PredictionBatch::new(examples.iter().copied(), false)
}

/// Numbers of a share's pairs, on the device of `like`.
pub(super) fn numbers_of(values: &[f32], share: &[usize], like: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> = share.iter().map(|&i| values[i]).collect();
    Ok(Tensor::from_vec(values, share.len(), like.device())?)
}

/// A share's part of the weighted mean of `-log sigmoid(z)`, and every pair's `z` and loss.
pub(super) struct Judged {
    pub(super) loss: Tensor,
    pub(super) margins: Vec<f32>,
    pub(super) losses: Vec<f32>,
}

impl Judged {
    /// Of margins `z` and weights, `[pairs]` each, in a step of `total` weight.
    pub(super) fn of(margins: &Tensor, weights: &Tensor, total: usize) -> Result<Self> {
        let losses = (minus_log_sigmoid(margins)? * weights)?;
        Ok(Self {
            loss: (losses.sum_all()? * (1.0 / total as f64))?,
            margins: margins.to_vec1()?,
            losses: losses.to_vec1()?,
        })
    }
}

/// What other objectives say of the pairs (MODPO).
pub(super) struct Others {
    /// `m` of every pair: the sum of their margins, each times its weight.
    pub(super) margins: Vec<f32>,
    /// `w`, the weight of the objective that the pairs are about.
    pub(super) weight: f64,
}

/// The loss over pairs of one kind.
pub(super) struct PairLoss<'a> {
    /// How the metrics call the loss without its penalty.
    pub(super) name: &'static str,
    pub(super) pairs: Vec<&'a Pair>,
    /// What every pair counts in the mean.
    pub(super) weights: Vec<f32>,
    pub(super) beta: f64,
    /// `r`: `log p_ref(y+) - log p_ref(y-)` of every pair.
    pub(super) reference: Option<Vec<f32>>,
    pub(super) others: Option<Others>,
    /// What the adapter adds by itself.
    pub(super) penalty: Option<Penalty>,
}

impl PairLoss<'_> {
    /// `z` of a share's pairs, given their `log p(y+) - log p(y-)`.
    fn margins(&self, share: &[usize], ratios: Tensor) -> Result<Tensor> {
        let ratios = match &self.reference {
            None => ratios,
            Some(reference) => (&ratios - numbers_of(reference, share, &ratios)?)?,
        };
        let own = (ratios * self.beta)?;
        match &self.others {
            None => Ok(own),
            Some(others) => {
                let margins = numbers_of(&others.margins, share, &own)?;
                Ok(((own - margins)? * (1.0 / others.weight))?)
            }
        }
    }
}

impl Objective for PairLoss<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.pairs.iter().map(|p| p.len()).collect()
    }

    fn weight(&self, _index: usize) -> usize {
        1
    }

    fn loss(
        &self,
        model: &TrainModel,
        share: &[usize],
        step: &StepExamples<'_>,
    ) -> Result<ShareLoss> {
        let batch = batch_of(&self.pairs, share);
        let pass = model.learn(&batch, 1.0)?.log_probs;
        let margins = self.margins(share, log_ratios(&batch, &pass.output)?)?;
        let weights = numbers_of(&self.weights, share, &margins)?;
        let judged = Judged::of(&margins, &weights, step.weight)?;
        let right = judged.margins.iter().filter(|&&m| m > 0.0).count();
        let sum = |numbers: &[f32]| numbers.iter().map(|&number| f64::from(number)).sum();
        Ok(ShareLoss {
            figures: Figures::new([
                (self.name, sum(&judged.losses)),
                ("margin", sum(&judged.margins)),
                ("accuracy", right as f64),
            ]),
            loss: judged.loss,
            pass,
        })
    }

    fn addition(
        &self,
        model: &TrainModel,
        team: &Team,
        gradients: &[Tensor],
        step: u64,
        carried: &mut serde_json::Value,
    ) -> Result<Option<Addition>> {
        let Some(penalty) = &self.penalty else {
            return Ok(None);
        };
        let mut addition = penalty.evaluate(model.vars(), team, step)?;
        penalty.balance(&mut addition, gradients, carried)?;
        Ok(Some(addition))
    }
}
