//! Training as the window and the engine's thread speak of it: what to train, and how it goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::penalty::{Penalty, Strength};

/// What is made, and the settings of that kind alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TrainTask {
    /// An adapter by direct preference optimisation.
    Dpo {
        /// How strongly the model is held to the reference.
        beta: f64,
        /// Rank of the adapter.
        rank: usize,
        /// Earlier adapters that it is trained apart from; the metrics show the cosine to each.
        #[serde(default)]
        against: Vec<PathBuf>,
        /// What keeps it apart from them.
        #[serde(default)]
        penalty: Penalty,
        /// The penalty's weight beside the loss.
        #[serde(default)]
        alpha: Strength,
        /// What becomes of it in a bundle.
        becomes: Becomes,
    },
    /// An adapter by supervised fine-tuning.
    Sft {
        /// Whether the prompt's tokens count in the loss, too.
        prompts: bool,
        /// Rank of the adapter.
        rank: usize,
        /// What becomes of it in a bundle.
        becomes: Becomes,
    },
    /// A reward model after Bradley and Terry.
    Reward {
        /// The objective that it scores, by name.
        objective: String,
        /// Weight of the squared sum of both scores, which keeps scores around zero.
        center: f64,
    },
    /// A router expert (HoE, section 3.2) by policy optimisation on the bundle's rewards.
    Router {
        /// Where it stands, one share per objective.
        preference: Vec<f64>,
        /// How objectives become one.
        scalarise: Scalarise,
        /// The answers that it learns from.
        rollouts: Rollouts,
    },
    /// An adapter for one preference (MORLHF) by policy optimisation with fixed weights of the rewards.
    Ppo {
        /// Weights of the objectives; they are normalised.
        weights: Vec<f64>,
        /// Rank of the adapter.
        rank: usize,
        /// The answers that it learns from.
        rollouts: Rollouts,
        /// What becomes of it in a bundle.
        becomes: Becomes,
    },
}

/// The answers that policy optimisation learns from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rollouts {
    /// Batches in all; each is a step of the run.
    pub batches: usize,
    /// Answers per batch.
    pub batch: usize,
    /// New tokens per answer at most.
    pub max_tokens: usize,
}

/// How several objectives become one (HoE, section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scalarise {
    /// Fixed weights, the preference itself.
    Linear,
    /// Tchebycheff: the objective with the largest weighted gap alone.
    Tch,
    /// Tchebycheff by online mirror descent.
    OmdTch,
    /// Smooth Tchebycheff.
    Stch,
    /// Both.
    #[default]
    OmdStch,
}

impl Scalarise {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Linear,
        Self::Tch,
        Self::OmdTch,
        Self::Stch,
        Self::OmdStch,
    ];
}

/// What becomes of a trained adapter in a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// A value vector, for extrapolation.
    Value,
    /// A LoRA expert at this preference.
    Expert(Vec<f64>),
}

/// A training run as a person asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// Names the result.
    pub name: String,
    /// The bundle whose base model it starts from.
    pub bundle: PathBuf,
    /// The run's folder: `run.json`, `metrics.jsonl`, `checkpoints/` and the result.
    pub folder: PathBuf,
    /// JSON Lines with the examples, or with prompts; empty for the bundle's own prompts.
    pub data: PathBuf,
    /// Whether lines of it that cannot be used are skipped and counted; else they are refused.
    #[serde(default)]
    pub skip_bad: bool,
    /// What is made.
    pub task: TrainTask,
    /// Steps in all; takes the place of `epochs`.
    pub steps: Option<usize>,
    /// Passes over the data.
    pub epochs: usize,
    /// Tokens per step, roughly.
    pub batch_tokens: usize,
    /// Examples longer than this are left out and counted.
    pub max_length: usize,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Threads, each with its share of every step.
    pub workers: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Everything random comes from this.
    pub seed: u64,
}

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
    Failed(String),
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
    pub plan: TrainPlan,
    /// Every step that its metrics hold.
    pub steps: Vec<TrainStep>,
    /// Steps done at its newest checkpoint.
    pub checkpoint: Option<usize>,
    /// How it ended; `None` where it was killed on the way.
    pub end: Option<TrainEnd>,
}
