//! What a recipe can set about the steps that train or measure.

use serde::{Deserialize, Serialize};

use crate::train::ppo::{KlConfig, PpoConfig, RouterConfig, Scalarisation, ScalariseConfig};
use crate::train::{DpoConfig, LoraConfig, Method, OptimiserConfig, TrainConfig};
use crate::{Error, Result};

/// The tables `[training.experts]`, `[training.values]` and `[training.routers]`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Of objectives that are trained from preference data.
    pub experts: DpoSettings,
    /// Of value vectors that are trained from preference data.
    pub values: DpoSettings,
    /// Of routers.
    pub routers: RouterSettings,
}

/// Which weights move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// All of them: the difference becomes an adapter by task-SVD, as in HoE.
    Full,
    /// Adapters alone.
    #[default]
    Lora,
}

/// Direct preference optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DpoSettings {
    /// Which weights move.
    pub method: Weights,
    /// Rank of adapters; by default the recipe's.
    pub rank: Option<usize>,
    /// Adapters are scaled by `alpha / rank`; by default twice the rank.
    pub alpha: Option<f64>,
    /// Last parts of the paths of the linears to adapt; by default all of the decoder.
    pub target_modules: Option<Vec<String>>,
    /// How strongly the model is held to the base.
    pub beta: f64,
    /// The highest learning rate; by default 1e-4 for adapters and 1e-5 for all weights.
    pub learning_rate: Option<f64>,
    /// Passes over the data.
    pub epochs: usize,
    /// Steps in all, in place of epochs.
    pub steps: Option<usize>,
    /// Tokens per step, roughly.
    pub batch_tokens: usize,
    /// Longer pairs are left out.
    pub max_length: usize,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    pub skip_bad: bool,
    /// Share of the steps for linear warm-up.
    pub warm_up: f64,
    /// Decoupled decay of matrices.
    pub weight_decay: f64,
    /// Steps between checkpoints: what a kill may cost.
    pub checkpoint_every: usize,
}

impl Default for DpoSettings {
    fn default() -> Self {
        Self {
            method: Weights::Lora,
            rank: None,
            alpha: None,
            target_modules: None,
            beta: 0.1,
            learning_rate: None,
            epochs: 1,
            steps: None,
            batch_tokens: 4096,
            max_length: 512,
            skip_bad: false,
            warm_up: 0.03,
            weight_decay: 0.01,
            checkpoint_every: 50,
        }
    }
}

impl DpoSettings {
    /// As the trainer takes them; `rank` is the recipe's.
    pub fn config(&self, rank: usize, seed: u64, workers: usize, resume: bool) -> DpoConfig {
        let rank = self.rank.unwrap_or(rank);
        let (method, rate) = match self.method {
            Weights::Full => (Method::Full, 1e-5),
            Weights::Lora => {
                let standard = LoraConfig::default().target_modules;
                let lora = LoraConfig {
                    rank,
                    alpha: self.alpha.unwrap_or(2.0 * rank as f64),
                    target_modules: self.target_modules.clone().unwrap_or(standard),
                };
                (Method::Lora(lora), 1e-4)
            }
        };
        DpoConfig {
            train: TrainConfig {
                seed,
                epochs: self.epochs,
                steps: self.steps,
                batch_tokens: self.batch_tokens,
                max_length: self.max_length,
                workers,
                optimiser: OptimiserConfig {
                    learning_rate: self.learning_rate.unwrap_or(rate),
                    warm_up: self.warm_up,
                    weight_decay: self.weight_decay,
                    ..OptimiserConfig::default()
                },
                checkpoint_every: self.checkpoint_every,
                resume,
                ..TrainConfig::default()
            },
            method,
            beta: self.beta,
            ..DpoConfig::default()
        }
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self, rank: usize) -> Result<()> {
        if !(self.beta.is_finite() && self.beta > 0.0) {
            let problem = format!("is {}; it must be above zero", self.beta);
            return Err(Error::option("beta", problem));
        }
        check_every(self.checkpoint_every)?;
        self.config(rank, 0, 1, false).train.check()
    }
}

/// Policy optimisation of routers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterSettings {
    /// Batches of answers in all.
    pub batches: usize,
    /// Answers per batch.
    pub batch: usize,
    /// Answers per update.
    pub minibatch: usize,
    /// Passes over a batch.
    pub epochs: usize,
    /// New tokens per answer at most.
    pub max_tokens: usize,
    /// Answers are sampled at it.
    pub temperature: f64,
    /// Of the router's layers.
    pub learning_rate: f64,
    /// Penalty per nat away from the base, at the start.
    pub kl: f64,
    /// Nats per answer that the penalty steers towards; by default those of the first batch.
    pub kl_target: Option<f64>,
    /// How objectives become one.
    pub scalarise: Scalarisation,
    /// Coefficients as the paper writes them in place of the exact gradient's.
    pub literal: bool,
    /// Answers by which rewards are normalised and the ideal point is measured.
    pub calibration: usize,
    /// Batches between checkpoints: what a kill may cost.
    pub checkpoint_every: usize,
}

impl Default for RouterSettings {
    fn default() -> Self {
        let standard = PpoConfig::default();
        Self {
            batches: standard.batches,
            batch: standard.batch,
            minibatch: standard.minibatch,
            epochs: standard.epochs,
            max_tokens: standard.max_tokens,
            temperature: standard.temperature,
            learning_rate: standard.optimiser.learning_rate,
            kl: standard.kl.start,
            kl_target: standard.kl.target,
            scalarise: Scalarisation::default(),
            literal: false,
            calibration: standard.calibration,
            checkpoint_every: standard.checkpoint_every,
        }
    }
}

impl RouterSettings {
    /// As the trainer takes them.
    pub fn config(
        &self,
        preference: Vec<f64>,
        seed: u64,
        workers: usize,
        resume: bool,
    ) -> RouterConfig {
        let standard = PpoConfig::default();
        RouterConfig {
            preference,
            ppo: PpoConfig {
                seed,
                batches: self.batches,
                batch: self.batch,
                minibatch: self.minibatch,
                epochs: self.epochs,
                max_tokens: self.max_tokens,
                temperature: self.temperature,
                optimiser: OptimiserConfig {
                    learning_rate: self.learning_rate,
                    ..standard.optimiser.clone()
                },
                kl: KlConfig {
                    start: self.kl,
                    target: self.kl_target,
                    ..standard.kl.clone()
                },
                calibration: self.calibration,
                workers,
                checkpoint_every: self.checkpoint_every,
                resume,
                ..standard
            },
            scalarise: ScalariseConfig {
                form: self.scalarise,
                literal: self.literal,
                ..ScalariseConfig::default()
            },
            ..RouterConfig::default()
        }
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        check_every(self.checkpoint_every)?;
        self.config(Vec::new(), 0, 1, false).ppo.check()
    }
}

/// A step that is killed goes on from a checkpoint, so there must be some.
fn check_every(steps: usize) -> Result<()> {
    if steps == 0 {
        return Err(Error::option(
            "checkpoint_every",
            "is 0; it must be at least 1",
        ));
    }
    Ok(())
}

/// The table `[auto]`: how a place is found for experts with `place = "auto"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoSettings {
    /// Step of the grid over the simplex; by default 0.1 for two objectives, 0.25 for three, 0.5 for more.
    pub step: Option<f64>,
    /// The first so many of the training prompts.
    pub prompts: usize,
    /// New tokens of an answer at most.
    pub max_tokens: usize,
}

impl Default for AutoSettings {
    fn default() -> Self {
        Self {
            step: None,
            prompts: 64,
            max_tokens: 128,
        }
    }
}

impl AutoSettings {
    /// The step of the grid for so many objectives.
    pub fn step(&self, objectives: usize) -> f64 {
        self.step.unwrap_or(match objectives {
            0..=2 => 0.1,
            3 => 0.25,
            _ => 0.5,
        })
    }
}
