//! Supervised fine-tuning: the mean negative log-probability of the answers' tokens.

use std::path::Path;

use candle_core::Device;
use serde_json::json;

use super::base::{Base, digest};
use super::batch::{Example, PredictionBatch, targets_of};
use super::config::{Start, open_device};
use super::descent::{Descent, Objective, StepExamples};
use super::filter::{Filtered, Fit};
use super::forward::{Adapters, TrainModel};
use super::metrics::Figures;
use super::out_folder::{check_writable, hold};
use super::parallel::{ShareLoss, Team};
use super::params;
use super::progress::TrainReporter;
use super::runner::{Runner, TrainReport};
use crate::types::{Method, SftConfig};
use crate::weights::Adapter;
use crate::{Error, Result};

pub(super) struct Sft<'a> {
    pub(super) examples: Vec<&'a Example>,
    pub(super) prompts: bool,
}

impl Objective for Sft<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.examples.iter().map(|e| e.len()).collect()
    }

    fn weight(&self, index: usize) -> usize {
        targets_of(self.examples[index], self.prompts)
    }

    fn loss(
        &self,
        model: &TrainModel,
        share: &[usize],
        step: &StepExamples<'_>,
    ) -> Result<ShareLoss> {
        let batch = PredictionBatch::new(share.iter().map(|&i| self.examples[i]), self.prompts);
        let pass = model.learn(&batch, 1.0)?.log_probs;
        let loss = (pass.output.sum_all()? * (-1.0 / step.weight as f64))?;
        Ok(ShareLoss {
            loss,
            pass,
            figures: Figures::default(),
        })
    }
}

/// Whether an example can be learnt from within `longest` tokens.
pub(super) fn fit(example: &Example, longest: usize, prompts: bool) -> Fit {
    if example.len() > longest {
        Fit::TooLong
    } else if targets_of(example, prompts) == 0 {
        Fit::NothingToLearn
    } else {
        Fit::Fits
    }
}

/// Trains on `examples` and leaves a model's folder (full) or a PEFT folder (LoRA) in `out`.
pub fn sft(
    config: &SftConfig,
    start: &Start,
    examples: &[Example],
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.train.check()?;
    let mut inputs = start.folders();
    inputs.extend(config.begin_with.as_deref());
    check_writable(out, &config.train.run, &inputs)?;
    let device = open_device(&config.train.run)?;
    let base = Base::open(start, config.train.run.seed, &device)?;
    base.check_tokens(examples)?;
    let begun = match (&config.begin_with, &config.method) {
        (None, _) => None,
        (Some(folder), Method::Lora(lora)) => {
            Some((Adapter::load(folder, &base.shape.projections())?, lora))
        }
        (Some(_), Method::Full) => {
            let problem =
                "is an adapter, but all weights are trained here; train an adapter with `lora`";
            return Err(Error::option("begin_with", problem));
        }
    };
    let longest = base.longest(&config.train);
    let fits = |example: &Example| fit(example, longest, config.train_on_prompts);
    let Filtered {
        kept,
        places,
        left_out,
    } = Filtered::of(examples, fits);
    let model = TrainModel::new(
        base.shape.clone(),
        &base.weights,
        &config.method,
        config.train.run.seed,
    )?;
    if let Some((adapter, lora)) = &begun {
        params::take_up(model.vars(), lora, adapter)?;
    }
    // Folders may move between a run and its resumption; what they hold may not change.
    let by_content = SftConfig {
        begin_with: None,
        ..config.clone()
    };
    let mut settings = base.settings("sft", &by_content, digest(kept.iter().copied()));
    settings["begin_with"] = json!(begun.as_ref().map(|(adapter, _)| &adapter.digest));
    let _held = hold(out, &config.train.run, &inputs, "sft")?;
    let runner = Runner {
        model: &model,
        folder: out,
        config: &config.train.run,
        settings,
        left_out,
        places,
    };
    let objective = Sft {
        examples: kept,
        prompts: config.train_on_prompts,
    };
    let report = runner.run(
        &mut Descent::new(&config.train, &model, &objective)?,
        reporter,
    )?;
    base.write(out, &model, &config.method)?;
    Ok(report)
}

/// The summed log-probability and the number of targets over the answers of `examples`, computed by
/// `workers` threads. The perplexity is `exp(-sum / targets)`.
pub fn log_likelihood(start: &Start, examples: &[Example], workers: usize) -> Result<(f64, usize)> {
    let base = Base::open(start, 0, &Device::Cpu)?;
    base.check_tokens(examples)?;
    let model = TrainModel::frozen(base.shape.clone(), &base.weights)?;
    let sums = sequence_log_probs(
        &model,
        &examples.iter().collect::<Vec<_>>(),
        Adapters::Off,
        &Team::new(workers)?,
        |_| Ok(()),
    )?;
    Ok((
        sums.iter().sum(),
        examples.iter().map(|e| targets_of(e, false)).sum(),
    ))
}

/// Tokens of a batch without gradients.
const INFERENCE_TOKENS: usize = 2048;

/// The summed log-probability of every example's answer, without gradients, in order; ends where `progress` fails.
pub(super) fn sequence_log_probs(
    model: &TrainModel,
    examples: &[&Example],
    adapters: Adapters,
    team: &Team,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut chunks: Vec<Vec<usize>> = vec![Vec::new()];
    let mut tokens = 0;
    for (index, example) in examples.iter().enumerate() {
        if tokens + example.len() > INFERENCE_TOKENS && tokens > 0 {
            chunks.push(Vec::new());
            tokens = 0;
        }
        tokens += example.len();
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(index);
        }
    }
    let mut all = Vec::with_capacity(examples.len());
    for group in chunks.chunks(team.size()) {
        let parts = team.each(group, |chunk| {
            let batch = PredictionBatch::new(chunk.iter().map(|&i| examples[i]), false);
            if batch.rows.is_empty() {
                return Ok(vec![0.0; chunk.len()]);
            }
            Ok(batch
                .sum_by_sequence(&model.log_probs(&batch, adapters)?)?
                .to_vec1::<f32>()?)
        })?;
        all.extend(parts.into_iter().flatten().map(f64::from));
        progress(all.len())?;
    }
    Ok(all)
}
