//! The loop that all trainers share: steps, checkpoints, metrics, and what ends it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::checkpoint::{self, Checkpoint, Position};
use super::diverged::{blow_up, diverged};
use super::forward::TrainModel;
use super::metrics::{MetricsFile, final_loss};
use super::optimiser::AdamW;
use super::out_folder;
use super::params::{self, NamedTensors, NamedVars};
use super::progress::TrainReporter;
use crate::types::{RunConfig, TrainStep};
use crate::{Error, Result};

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
    pub last: Option<TrainStep>,
    /// Mean loss of the last tenth of the steps, those before resuming included.
    pub final_loss: f64,
    /// Wall clock of the loop in this process.
    pub seconds: f64,
}

/// A kind of training as the loop sees it: steps, each of which leaves weights that can be kept.
pub(super) trait Steps {
    /// What goes from step to step besides tensors.
    type Carried: Serialize;

    /// Steps in all.
    fn total(&self) -> usize;

    /// An optimiser that knows nothing yet.
    fn optimiser(&self, vars: &NamedVars) -> Result<AdamW>;

    /// What a new run begins with, measured where it has to be.
    fn begin(&mut self, reporter: &mut dyn TrainReporter) -> Result<Self::Carried>;

    /// What the checkpoint at `place` has carried, and how many updates its optimiser has made.
    fn resume(&self, position: &Position, place: &Path) -> Result<(Self::Carried, usize)>;

    /// One step. It calls [`Runner::keep_if_due`] before it changes a weight or what is carried, and ends with
    /// [`Error::Cancelled`] only before that. The loop counts steps and tokens, and fills in these counts and the time
    /// that is left in the report.
    fn step(
        &mut self,
        runner: &Runner<'_>,
        state: &mut State<Self::Carried>,
        reporter: &mut dyn TrainReporter,
    ) -> Result<TrainStep>;
}

/// A run in progress.
pub(super) struct Runner<'a> {
    pub(super) model: &'a TrainModel,
    pub(super) folder: &'a Path,
    pub(super) config: &'a RunConfig,
    /// Everything that must be the same for a checkpoint to fit.
    pub(super) settings: Value,
    /// Examples that take no part, by reason.
    pub(super) left_out: BTreeMap<String, usize>,
    /// Where every example stands in the data as given.
    pub(super) places: Vec<usize>,
}

/// Where a run stands.
pub(super) struct State<C> {
    pub(super) position: Position,
    pub(super) optimiser: AdamW,
    pub(super) carried: C,
    /// Steps done when this process took it up, and steps in all.
    span: (usize, usize),
}

impl Runner<'_> {
    /// Trains to the end, or until cancelled.
    pub(super) fn run(
        &self,
        steps: &mut impl Steps,
        reporter: &mut dyn TrainReporter,
    ) -> Result<TrainReport> {
        std::fs::create_dir_all(self.folder).map_err(Error::io("create", self.folder))?;
        out_folder::clear(self.folder, self.config)?;
        let mut state = self.start(steps, reporter)?;
        let mut metrics = MetricsFile::open(self.folder, state.position.step)?;
        let mut losses = metrics.take_losses();
        let mut last = None;
        let clock = Instant::now();
        let (first, total) = state.span;
        while state.position.step < total {
            let stepped = if reporter.cancelled() {
                Err(Error::Cancelled)
            } else {
                steps.step(self, &mut state, reporter)
            };
            let mut report = match stepped {
                Ok(report) => report,
                Err(Error::Cancelled) => {
                    self.check_weights(state.position.step)?;
                    self.save(&state, reporter)?;
                    return Err(Error::Cancelled);
                }
                Err(other) => return Err(other),
            };
            let position = &mut state.position;
            position.step += 1;
            position.tokens += report.tokens;
            let pace = clock.elapsed().as_secs_f64() / (position.step - first) as f64;
            (report.step, report.steps) = (position.step, total);
            report.eta_seconds = pace * (total - position.step) as f64;
            metrics.write(&report)?;
            reporter.step(&report);
            losses.push(report.loss);
            last = Some(report);
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
            final_loss: final_loss(&losses),
            last,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// Writes the checkpoint of the steps done so far where one is due.
    pub(super) fn keep_if_due(
        &self,
        state: &State<impl Serialize>,
        reporter: &mut dyn TrainReporter,
    ) -> Result<()> {
        if self.is_due(state) {
            self.save(state, reporter)?;
        }
        Ok(())
    }

    /// Whether the weights after the steps done so far are to be kept, and are not yet.
    pub(super) fn is_due<C>(&self, state: &State<C>) -> bool {
        let (step, (first, total), every) = (
            state.position.step,
            state.span,
            self.config.checkpoint_every,
        );
        every > 0 && step > first && step.is_multiple_of(every) && step < total
    }

    /// Refuses a loss with which training cannot go on.
    pub(super) fn check_loss(
        &self,
        what: &str,
        loss: f64,
        step: usize,
        indices: &[usize],
    ) -> Result<()> {
        match blow_up(loss) {
            None => Ok(()),
            Some(became) => Err(self.diverged(what, became, step, indices)),
        }
    }

    /// Refuses gradients that are no numbers.
    pub(super) fn check_norm(&self, norm: f64, step: usize, indices: &[usize]) -> Result<()> {
        if norm.is_finite() {
            return Ok(());
        }
        let became = "became NaN or infinite".to_owned();
        Err(self.diverged("the gradient", became, step, indices))
    }

    /// The words for a run that left its range at `step`, on the examples at `indices`.
    pub(super) fn diverged(
        &self,
        what: &str,
        became: String,
        step: usize,
        indices: &[usize],
    ) -> Error {
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

    fn start<S: Steps>(
        &self,
        steps: &mut S,
        reporter: &mut dyn TrainReporter,
    ) -> Result<State<S::Carried>> {
        let vars = self.model.vars();
        let mut optimiser = steps.optimiser(vars)?;
        let newest = checkpoint::newest(self.folder).filter(|_| self.config.resume);
        let (position, carried) = if let Some(place) = newest {
            let loaded = checkpoint::load(&place, &self.settings, vars)?;
            loaded.restore(vars)?;
            let (carried, updates) = steps.resume(&loaded.position, &place)?;
            optimiser.restore(vars, &loaded.optimiser, updates)?;
            (loaded.position, carried)
        } else {
            let position = Position {
                step: 0,
                epoch: 0,
                step_in_epoch: 0,
                tokens: 0,
                settings: self.settings.clone(),
                carried: Value::Null,
            };
            (position, steps.begin(reporter)?)
        };
        Ok(State {
            span: (position.step, steps.total()),
            position,
            optimiser,
            carried,
        })
    }

    fn save(&self, state: &State<impl Serialize>, reporter: &mut dyn TrainReporter) -> Result<()> {
        let vars = self.model.vars();
        let weights: NamedTensors = vars
            .iter()
            .map(|(name, v)| (name.clone(), v.as_detached_tensor()))
            .collect();
        let carried = serde_json::to_value(&state.carried)
            .map_err(|e| Error::internal(format!("what a checkpoint carries: {e}")))?;
        let checkpoint = Checkpoint {
            position: Position {
                carried,
                ..state.position.clone()
            },
            weights,
            optimiser: state.optimiser.state(vars),
        };
        let place = checkpoint::save(self.folder, &checkpoint)?;
        reporter.saved(state.position.step, &place);
        Ok(())
    }
}
