//! Steps down a loss over examples: fine-tuning, preferences, reward models.

use std::path::Path;
use std::time::Instant;

use candle_core::Tensor;
use serde_json::Value;

use super::batch::Sampler;
use super::checkpoint::Position;
use super::forward::TrainModel;
use super::optimiser::{AdamW, global_norm, learning_rate};
use super::parallel::{ShareLoss, StepGradients, Team, differentiate};
use super::params::NamedVars;
use super::penalty::Addition;
use super::progress::TrainReporter;
use super::runner::{Runner, State, Steps};
use crate::types::{TrainConfig, TrainStep};
use crate::{Error, Result};

/// The step that a share is a part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepExamples<'a> {
    /// From zero.
    pub(super) number: usize,
    /// All its examples.
    pub(super) indices: &'a [usize],
    /// What these weigh together.
    pub(super) weight: usize,
}

/// What a kind of training brings to the descent.
pub(super) trait Objective: Sync {
    /// Tokens that go through the model for every example.
    fn lengths(&self) -> Vec<usize>;

    /// What example `index` weighs in the mean loss, e.g. its targets.
    fn weight(&self, index: usize) -> usize;

    /// How many examples each set has, in order; a step takes as many tokens of each. One set of all by default.
    fn sets(&self) -> Vec<usize> {
        vec![self.lengths().len()]
    }

    /// `share`'s part of the mean loss of `step`, which is the sum divided by the step's weight.
    fn loss(
        &self,
        model: &TrainModel,
        share: &[usize],
        step: &StepExamples<'_>,
    ) -> Result<ShareLoss>;

    /// What depends on the trainable weights alone: added once per step, with its gradient. It may look at the
    /// loss's `gradients`, and keeps in `carried` what the next step has to know.
    fn addition(
        &self,
        _model: &TrainModel,
        _team: &Team,
        _gradients: &[Tensor],
        _step: u64,
        _carried: &mut Value,
    ) -> Result<Option<Addition>> {
        Ok(None)
    }
}

/// The descent of an [`Objective`], batch by batch.
pub(super) struct Descent<'a, O> {
    config: &'a TrainConfig,
    objective: &'a O,
    team: Team,
    sampler: Sampler,
    /// The pass over the data that the batches are of.
    epoch: (usize, Vec<Vec<usize>>),
    total: usize,
}

impl<'a, O: Objective> Descent<'a, O> {
    pub(super) fn new(
        config: &'a TrainConfig,
        model: &TrainModel,
        objective: &'a O,
    ) -> Result<Self> {
        config.check()?;
        let lengths = objective.lengths();
        if lengths.is_empty() {
            return Err(Error::option(
                "data",
                "has no example that fits; at least one is needed",
            ));
        }
        let sampler = Sampler::of_sets(
            lengths,
            &objective.sets(),
            config.batch_tokens,
            config.run.seed,
        );
        let total = config
            .steps
            .unwrap_or_else(|| (0..config.epochs).map(|e| sampler.epoch(e).len()).sum());
        Ok(Self {
            config,
            objective,
            team: Team::new(model.workers(config.run.workers))?,
            epoch: (0, sampler.epoch(0)),
            sampler,
            total,
        })
    }

    /// The batch that comes next.
    fn batch(&mut self, position: &mut Position) -> Vec<usize> {
        if self.epoch.0 != position.epoch {
            self.epoch = (position.epoch, self.sampler.epoch(position.epoch));
        }
        while position.step_in_epoch >= self.epoch.1.len() {
            position.epoch += 1;
            position.step_in_epoch = 0;
            self.epoch = (position.epoch, self.sampler.epoch(position.epoch));
        }
        self.epoch.1[position.step_in_epoch].clone()
    }
}

impl<O: Objective> Steps for Descent<'_, O> {
    type Carried = Value;

    fn total(&self) -> usize {
        self.total
    }

    fn optimiser(&self, vars: &NamedVars) -> Result<AdamW> {
        AdamW::new(&self.config.run.optimiser, vars)
    }

    fn begin(&mut self, _reporter: &mut dyn TrainReporter) -> Result<Value> {
        Ok(Value::Null)
    }

    fn resume(&self, position: &Position, _place: &Path) -> Result<(Value, usize)> {
        Ok((position.carried.clone(), position.step))
    }

    /// Loss and gradient are looked at before the weights are touched, and a checkpoint that is due is written only
    /// then: what it holds has given a finite loss.
    fn step(
        &mut self,
        runner: &Runner<'_>,
        state: &mut State<Value>,
        reporter: &mut dyn TrainReporter,
    ) -> Result<TrainStep> {
        let mut begin = Instant::now();
        let step = state.position.step;
        let indices = self.batch(&mut state.position);
        let (model, objective) = (runner.model, self.objective);
        let examples = StepExamples {
            number: step,
            indices: &indices,
            weight: indices.iter().map(|&i| objective.weight(i)).sum(),
        };
        let shares = self.sampler.shares(&indices, self.team.size());
        let mut result = differentiate(model, &self.team, &shares, |share| {
            objective.loss(model, share, &examples)
        })?;
        runner.check_loss("the loss", result.loss, step, &indices)?;
        let mut figures = result.figures.means(indices.len());
        // A checkpoint that is due below is of the step before.
        let mut carried = state.carried.clone();
        if let Some(addition) = objective.addition(
            model,
            &self.team,
            &result.gradients,
            step as u64,
            &mut carried,
        )? {
            add(&mut result, addition.value, addition.gradients)?;
            figures.extend(addition.figures);
            runner.check_loss("the loss with its penalty", result.loss, step, &indices)?;
        }
        if runner.is_due(state) {
            runner.check_norm(global_norm(&result.gradients)?, step, &indices)?;
            let saving = Instant::now();
            runner.keep_if_due(state, reporter)?;
            // Not a part of the step's own speed.
            begin += saving.elapsed();
        }
        let rate = learning_rate(&self.config.run.optimiser, step, self.total);
        let norm = state
            .optimiser
            .step(model.vars(), &result.gradients, rate, &self.team)?;
        runner.check_norm(norm, step, &indices)?;
        let tokens = indices.iter().map(|&i| self.sampler.length(i)).sum();
        state.carried = carried;
        state.position.step_in_epoch += 1;
        Ok(TrainStep {
            step,
            steps: self.total,
            epoch: state.position.epoch,
            loss: result.loss,
            learning_rate: rate,
            gradient_norm: norm,
            tokens,
            tokens_per_second: tokens as f64 / begin.elapsed().as_secs_f64(),
            eta_seconds: 0.0,
            figures,
        })
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
