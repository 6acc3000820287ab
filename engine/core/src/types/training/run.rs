//! How a training run goes, as it is told and as it is found on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TrainJob;
use crate::types::Trouble;

/// One step of a run: a line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainStep {
    /// From one.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// The pass over the data, from zero.
    #[serde(default)]
    pub epoch: usize,
    /// Mean loss of the step.
    pub loss: f64,
    /// As used.
    pub learning_rate: f64,
    /// Norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// Tokens that went through the model in this step.
    #[serde(default)]
    pub tokens: usize,
    /// Of this step.
    pub tokens_per_second: f64,
    /// Until the end, at the speed so far.
    pub eta_seconds: f64,
    /// All other figures, e.g. `accuracy` or `reward.helpful`; what stands before the first dot groups them.
    #[serde(flatten)]
    pub figures: BTreeMap<String, f64>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainEnd {
    /// The result is in the run's folder.
    Done,
    /// Somebody stopped it; a checkpoint was written.
    Cancelled,
    /// It could not go on, and this is why.
    Failed(Trouble),
}

/// News of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TrainNews {
    /// Something longer than a step goes on before the first one, e.g. the reference's log-probabilities.
    Preparing {
        /// What it is.
        what: String,
        /// How much of it is done.
        done: usize,
        /// Of how much.
        total: usize,
    },
    /// A step was taken.
    Step(TrainStep),
    /// A checkpoint was written whole.
    Saved {
        /// After this step.
        step: usize,
    },
    /// It ended.
    Ended(TrainEnd),
}

/// A run as it was found on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainRun {
    /// What was asked for.
    pub plan: TrainJob,
    /// Every step that its metrics hold.
    pub steps: Vec<TrainStep>,
    /// Steps done at its newest checkpoint.
    pub checkpoint: Option<usize>,
    /// How it ended; `None` where it was killed on the way.
    pub end: Option<TrainEnd>,
}
