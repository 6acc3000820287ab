//! The loop that all trainers share: steps, schedule, checkpoints, metrics.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::batch::Sampler;
use super::checkpoint::{self, Checkpoint, Position};
use super::claim;
use super::config::TrainConfig;
use super::diverged::{blow_up, diverged};
use super::forward::TrainModel;
use super::metrics::{MetricsFile, StepReport, final_loss};
use super::optimiser::{AdamW, global_norm, learning_rate};
use super::parallel::{ShareLoss, StepGradients, differentiate};
use super::params::{self, NamedTensors};
use super::penalty::Addition;
use super::progress::TrainReporter;
use crate::{Error, Result};

/// What a kind of training brings to the loop.
pub(super) trait Objective: Sync {
    /// Tokens that go through the model for every example.
    fn lengths(&self) -> Vec<usize>;

    /// What example `index` weighs in the mean loss, e.g. its targets.
    fn weight(&self, index: usize) -> usize;

    /// `share`'s part of the mean loss, which is its sum divided by `total` weight.
    fn loss(&self, model: &TrainModel, share: &[usize], total: usize) -> Result<ShareLoss>;

    /// What depends on the trainable weights alone: added once per step, with its gradient. It may look at the
    /// loss's `gradients`, and keeps in `carried` what the next step has to know.
    fn addition(
        &self,
        _model: &TrainModel,
        _workers: usize,
        _gradients: &[Tensor],
        _carried: &mut serde_json::Value,
    ) -> Result<Option<Addition>> {
        Ok(None)
    }
}

/// What a finished run tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Steps done in all, those before resuming included.
    pub steps: usize,
    /// Tokens that went through the model.
    pub tokens: usize,
    /// Examples that were left out: bad ones that were to be skipped, those longer than allowed, those with
    /// nothing to train on.
    pub left_out: usize,
    /// Lines left out, by reason.
    #[serde(default)]
    pub left_out_by: BTreeMap<String, usize>,
    /// The last step, as reported; `None` when a resumed run was already at its end.
    pub last: Option<StepReport>,
    /// Mean loss of the last tenth of the steps, those before resuming included.
    pub final_loss: f64,
    /// Wall clock of the loop in this process.
    pub seconds: f64,
}

/// A run in progress.
pub(super) struct Runner<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) model: &'a TrainModel,
    pub(super) folder: &'a Path,
    /// Everything that must be the same for a checkpoint to fit.
    pub(super) settings: serde_json::Value,
    /// Examples that take no part, by reason.
    pub(super) left_out: BTreeMap<String, usize>,
    /// Where every example stands in the data as given.
    pub(super) places: Vec<usize>,
}

struct State {
    position: Position,
    optimiser: AdamW,
    losses: Vec<f64>,
    last: Option<StepReport>,
}

impl Runner<'_> {
    /// Trains to the end, or until cancelled.
    pub(super) fn run(
        &self,
        objective: &impl Objective,
        reporter: &mut dyn TrainReporter,
    ) -> Result<TrainReport> {
        self.config.check()?;
        std::fs::create_dir_all(self.folder).map_err(Error::io("create", self.folder))?;
        let lengths = objective.lengths();
        if lengths.is_empty() {
            return Err(Error::option(
                "data",
                "has no example that fits; at least one is needed",
            ));
        }
        let sampler = Sampler::new(lengths, self.config.batch_tokens, self.config.seed);
        let total = self.config.steps.unwrap_or_else(|| {
            (0..self.config.epochs)
                .map(|e| sampler.epoch(e).len())
                .sum()
        });
        claim::clear(self.folder, self.config.again())?;
        let mut state = self.start()?;
        let mut metrics = MetricsFile::open(self.folder, state.position.step)?;
        state.losses = metrics.take_losses();
        let clock = Instant::now();
        let first = state.position.step;
        let mut epoch = sampler.epoch(state.position.epoch);
        while state.position.step < total {
            if reporter.cancelled() {
                self.check_weights(state.position.step)?;
                self.save(&state, reporter)?;
                return Err(Error::Cancelled);
            }
            while state.position.step_in_epoch >= epoch.len() {
                state.position.epoch += 1;
                state.position.step_in_epoch = 0;
                epoch = sampler.epoch(state.position.epoch);
            }
            let indices = &epoch[state.position.step_in_epoch];
            let report = self.step(
                objective,
                &sampler,
                indices,
                &mut state,
                (total, clock, first),
                reporter,
            )?;
            metrics.write(&report)?;
            reporter.step(&report);
            state.losses.push(report.loss);
            state.last = Some(report);
        }
        self.check_weights(state.position.step)?;
        if self.config.checkpoint_every > 0 {
            self.save(&state, reporter)?;
        }
        Ok(TrainReport {
            steps: state.position.step,
            tokens: state.position.tokens,
            left_out: self.left_out.values().sum(),
            left_out_by: self.left_out.clone(),
            final_loss: final_loss(&state.losses),
            last: state.last,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// One step. Loss and gradient are looked at before the weights are touched, and a checkpoint that is due
    /// is written only then: what it holds has given a finite loss.
    fn step(
        &self,
        objective: &impl Objective,
        sampler: &Sampler,
        indices: &[usize],
        state: &mut State,
        (total, clock, first): (usize, Instant, usize),
        reporter: &mut dyn TrainReporter,
    ) -> Result<StepReport> {
        let mut begin = Instant::now();
        let step = state.position.step;
        let weight: usize = indices.iter().map(|&i| objective.weight(i)).sum();
        let workers = self.model.workers(self.config.workers);
        let shares = sampler.shares(indices, workers);
        let mut result = differentiate(self.model, &shares, |share| {
            objective.loss(self.model, share, weight)
        })?;
        self.check("the loss", result.loss, step, indices)?;
        let mut figures = result.figures.means(indices.len());
        // A checkpoint that is due below is of the step before.
        let mut carried = state.position.carried.clone();
        if let Some(addition) =
            objective.addition(self.model, workers, &result.gradients, &mut carried)?
        {
            add(&mut result, addition.value, addition.gradients)?;
            figures.extend(addition.figures);
            self.check("the loss with its penalty", result.loss, step, indices)?;
        }
        if self.due(step, first, total) {
            let norm = global_norm(&result.gradients)?;
            self.check_norm(norm, step, indices)?;
            let saving = Instant::now();
            self.save(state, reporter)?;
            // Not a part of the step's own speed.
            begin += saving.elapsed();
        }
        let rate = learning_rate(&self.config.optimiser, step, total);
        let norm = state
            .optimiser
            .step(self.model.vars(), &result.gradients, rate, workers)?;
        self.check_norm(norm, step, indices)?;
        let tokens = indices.iter().map(|&i| sampler.length(i)).sum();
        let position = &mut state.position;
        position.carried = carried;
        position.step += 1;
        position.step_in_epoch += 1;
        position.tokens += tokens;
        let pace = clock.elapsed().as_secs_f64() / (position.step - first) as f64;
        Ok(StepReport {
            step: position.step,
            steps: total,
            epoch: position.epoch,
            loss: result.loss,
            learning_rate: rate,
            gradient_norm: norm,
            tokens,
            tokens_per_second: tokens as f64 / begin.elapsed().as_secs_f64(),
            eta_seconds: pace * (total - position.step) as f64,
            figures,
        })
    }

    /// Whether the weights after `step` steps are to be kept, and are not yet.
    fn due(&self, step: usize, first: usize, total: usize) -> bool {
        let every = self.config.checkpoint_every;
        every > 0 && step > first && step.is_multiple_of(every) && step < total
    }

    fn check(&self, what: &str, loss: f64, step: usize, indices: &[usize]) -> Result<()> {
        match blow_up(loss) {
            None => Ok(()),
            Some(became) => Err(self.diverged(what, became, step, indices)),
        }
    }

    fn check_norm(&self, norm: f64, step: usize, indices: &[usize]) -> Result<()> {
        if norm.is_finite() {
            return Ok(());
        }
        let became = "became NaN or infinite".to_owned();
        Err(self.diverged("the gradient", became, step, indices))
    }

    fn diverged(&self, what: &str, became: String, step: usize, indices: &[usize]) -> Error {
        let place = |&i: &usize| self.places.get(i).copied().unwrap_or(i);
        let examples = indices.iter().map(place).collect();
        diverged(self.folder, (what, became), step, examples)
    }

    /// Refuses to keep weights that no longer are numbers.
    fn check_weights(&self, step: usize) -> Result<()> {
        match params::spoilt(self.model.vars())? {
            None => Ok(()),
            // The last step's loss was finite, so this is what the last update did.
            Some(name) => {
                let what = format!("the weight {name}");
                let became = "became NaN".to_owned();
                Err(self.diverged(&what, became, step.saturating_sub(1), &[]))
            }
        }
    }

    fn start(&self) -> Result<State> {
        let vars = self.model.vars();
        let mut optimiser = AdamW::new(&self.config.optimiser, vars)?;
        let fresh = Position {
            step: 0,
            epoch: 0,
            step_in_epoch: 0,
            tokens: 0,
            settings: self.settings.clone(),
            carried: serde_json::Value::Null,
        };
        let mut position = fresh;
        if let Some(place) = checkpoint::newest(self.folder).filter(|_| self.config.resume) {
            let loaded = checkpoint::load(&place, &self.settings, vars)?;
            loaded.restore(vars)?;
            optimiser.restore(vars, &loaded.optimiser, loaded.position.step)?;
            position = loaded.position;
        }
        Ok(State {
            position,
            optimiser,
            losses: Vec::new(),
            last: None,
        })
    }

    fn save(&self, state: &State, reporter: &mut dyn TrainReporter) -> Result<()> {
        let vars = self.model.vars();
        let weights: NamedTensors = vars
            .iter()
            .map(|(name, v)| (name.clone(), v.as_detached_tensor()))
            .collect();
        let checkpoint = Checkpoint {
            position: state.position.clone(),
            weights,
            optimiser: state.optimiser.state(vars),
        };
        let place = checkpoint::save(self.folder, &checkpoint)?;
        reporter.saved(state.position.step, &place);
        Ok(())
    }
}

/// Adds what depends on the weights alone.
fn add(result: &mut StepGradients, value: f64, gradients: Vec<Option<Tensor>>) -> Result<()> {
    result.loss += value;
    for (sum, gradient) in result.gradients.iter_mut().zip(gradients) {
        if let Some(gradient) = gradient {
            *sum = (&*sum + gradient)?;
        }
    }
    Ok(())
}
