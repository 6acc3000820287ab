//! Direct preference optimisation (Rafailov et al. 2023).
//!
//! `L = -log sigmoid(beta ((log p(y+) - log p(y-)) - (log p_ref(y+) - log p_ref(y-))))`, log-probabilities
//! summed over the answer's tokens with the end token; the reference is the model before training, with
//! adapters off, and is asked once.

use std::path::Path;

use candle_core::Tensor;

use super::base::{Base, digest, settings};
use super::batch::{Example, PredictionBatch, targets_of};
use super::config::{DpoConfig, Start};
use super::forward::{Adapters, TrainModel};
use super::metrics::Figures;
use super::parallel::ShareLoss;
use super::progress::TrainReporter;
use super::runner::{Objective, Runner, TrainReport};
use super::sft::sequence_log_probs;
use crate::{Error, Result};

/// A prompt with a better and a worse answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// With the answer that was preferred.
    pub chosen: Example,
    /// With the other one.
    pub rejected: Example,
}

impl Pair {
    pub(super) fn len(&self) -> usize {
        self.chosen.len() + self.rejected.len()
    }

    pub(super) fn both(&self) -> [&Example; 2] {
        [&self.chosen, &self.rejected]
    }

    pub(super) fn fits(&self, longest: usize) -> bool {
        self.both()
            .iter()
            .all(|e| e.len() <= longest && targets_of(e, false) > 0)
    }
}

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

struct Dpo<'a> {
    pairs: Vec<&'a Pair>,
    /// `log p_ref(y+) - log p_ref(y-)` of every pair.
    reference: Vec<f32>,
    beta: f64,
}

impl Objective for Dpo<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.pairs.iter().map(|p| p.len()).collect()
    }

    fn weight(&self, _index: usize) -> usize {
        1
    }

    fn loss(&self, model: &TrainModel, share: &[usize], total: usize) -> Result<ShareLoss> {
        let examples: Vec<&Example> = share.iter().flat_map(|&i| self.pairs[i].both()).collect();
        let batch = PredictionBatch::new(examples.iter().copied(), false);
        let sums = batch.sum_by_sequence(&model.log_probs(&batch, Adapters::On)?)?;
        let (chosen, rejected) = split_pairs(&sums)?;
        let reference: Vec<f32> = share.iter().map(|&i| self.reference[i]).collect();
        let reference = Tensor::from_vec(reference, share.len(), sums.device())?;
        let margins = (((chosen - rejected)? - reference)? * self.beta)?;
        let loss = (minus_log_sigmoid(&margins)?.sum_all()? * (1.0 / total as f64))?;
        let margins: Vec<f32> = margins.to_vec1()?;
        let figures = Figures::new([
            ("margin", margins.iter().map(|&m| f64::from(m)).sum()),
            (
                "accuracy",
                margins.iter().filter(|&&m| m > 0.0).count() as f64,
            ),
        ]);
        Ok(ShareLoss { loss, figures })
    }
}

/// Trains on `pairs` and leaves a model's folder (full) or a PEFT folder (LoRA) in `out`.
pub fn dpo(
    config: &DpoConfig,
    start: &Start,
    pairs: &[Pair],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    if !(config.beta.is_finite() && config.beta > 0.0) {
        return Err(Error::option(
            "beta",
            format!("is {}; it must be above zero", config.beta),
        ));
    }
    config.train.check()?;
    let device = config.train.open_device()?;
    let base = Base::open(start, config.train.seed, &device)?;
    base.check_tokens(pairs.iter().flat_map(|p| p.both()))?;
    let kept: Vec<&Pair> = pairs
        .iter()
        .filter(|p| p.fits(config.train.max_length))
        .collect();
    let examples: Vec<&Example> = kept.iter().flat_map(|p| p.both()).collect();
    let frozen = TrainModel::frozen(base.shape.clone(), &base.weights)?;
    let total = examples.len();
    let sums = sequence_log_probs(
        &frozen,
        &examples,
        Adapters::Off,
        frozen.workers(config.train.workers),
        |done| {
            reporter.preparing("reference log-probabilities", done, total);
        },
    )?;
    let reference = sums.chunks_exact(2).map(|s| (s[0] - s[1]) as f32).collect();
    let model = TrainModel::new(
        base.shape.clone(),
        &base.weights,
        &config.method,
        config.train.seed,
    )?;
    let runner = Runner {
        config: &config.train,
        model: &model,
        folder: out,
        settings: settings("dpo", config, digest(examples.iter().copied())),
        left_out: pairs.len() - kept.len(),
    };
    let report = runner.run(
        &Dpo {
            pairs: kept,
            reference,
            beta: config.beta,
        },
        reporter,
    )?;
    base.write(out, &model, &config.method)?;
    Ok(report)
}
