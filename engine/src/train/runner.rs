//! The loop that all trainers share: steps, schedule, checkpoints, metrics.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::batch::Sampler;
use super::checkpoint::{self, Checkpoint, Position};
use super::config::TrainConfig;
use super::forward::TrainModel;
use super::metrics::{MetricsFile, StepReport};
use super::optimiser::{AdamW, learning_rate};
use super::parallel::{ShareLoss, differentiate};
use super::params::NamedTensors;
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
}

/// What a finished run tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// Steps done in all, those before resuming included.
    pub steps: usize,
    /// Tokens that went through the model.
    pub tokens: usize,
    /// Examples that were left out because they were longer than allowed or had nothing to train on.
    pub left_out: usize,
    /// The last step, as reported; `None` when a resumed run was already at its end.
    pub last: Option<StepReport>,
    /// Mean loss of the last tenth of the steps of this process.
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
    pub(super) left_out: usize,
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
        let mut state = self.start()?;
        let mut metrics = MetricsFile::open(self.folder, state.position.step)?;
        let clock = Instant::now();
        let first = state.position.step;
        let mut epoch = sampler.epoch(state.position.epoch);
        while state.position.step < total {
            if reporter.cancelled() {
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
                total,
                (clock, first),
            )?;
            metrics.write(&report)?;
            reporter.step(&report);
            state.losses.push(report.loss);
            state.last = Some(report);
            let every = self.config.checkpoint_every;
            if every > 0 && state.position.step % every == 0 && state.position.step < total {
                self.save(&state, reporter)?;
            }
        }
        if self.config.checkpoint_every > 0 {
            self.save(&state, reporter)?;
        }
        let tail = &state.losses[state.losses.len() - state.losses.len().div_ceil(10)..];
        Ok(TrainReport {
            steps: state.position.step,
            tokens: state.position.tokens,
            left_out: self.left_out,
            final_loss: tail.iter().sum::<f64>() / tail.len().max(1) as f64,
            last: state.last,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    fn step(
        &self,
        objective: &impl Objective,
        sampler: &Sampler,
        indices: &[usize],
        state: &mut State,
        total: usize,
        (clock, first): (Instant, usize),
    ) -> Result<StepReport> {
        let begin = Instant::now();
        let position = &mut state.position;
        let weight: usize = indices.iter().map(|&i| objective.weight(i)).sum();
        let workers = self.model.workers(self.config.workers);
        let shares = sampler.shares(indices, workers);
        let result = differentiate(self.model, &shares, |share| {
            objective.loss(self.model, share, weight)
        })?;
        let rate = learning_rate(&self.config.optimiser, position.step, total);
        self.check_finite("the loss", result.loss, position.step)?;
        let norm = state
            .optimiser
            .step(self.model.vars(), &result.gradients, rate, workers)?;
        self.check_finite("the gradient", norm, position.step)?;
        let tokens = indices.iter().map(|&i| sampler.length(i)).sum();
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
            figures: result.figures.means(indices.len()),
        })
    }

    fn check_finite(&self, what: &str, value: f64, step: usize) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        let hint = match checkpoint::newest(self.folder) {
            Some(path) => format!(
                "; the last checkpoint is {}; try a lower learning rate",
                path.display()
            ),
            None => "; there is no checkpoint yet; try a lower learning rate".to_owned(),
        };
        Err(Error::Diverged {
            what: what.to_owned(),
            step: step + 1,
            hint,
        })
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
            let loaded = checkpoint::load(&place, &self.settings)?;
            for (name, var) in vars {
                let Some(tensor) = loaded.weights.get(name) else {
                    return Err(Error::MissingTensor {
                        path: place,
                        tensor: name.clone(),
                    });
                };
                var.set(&tensor.to_device(var.device())?)?;
            }
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
