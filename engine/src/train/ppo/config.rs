//! What a person can set about policy optimisation.

use serde::{Deserialize, Serialize};

use super::advantage::Gae;
use super::scalarise::ScalariseConfig;
use crate::device::DeviceChoice;
use crate::train::config::{LoraConfig, OptimiserConfig, check_workers, device_in_words, within};
use crate::train::out_folder::Again;
use crate::types::{TrainMethod, TrainSize, USUAL};
use crate::weights::RouterActivation;
use crate::{Error, Result};

/// How the policy is held to the base model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KlConfig {
    /// Penalty per nat at the start.
    pub start: f64,
    /// Nats per answer that the penalty steers towards; by default those of the first batch. An untrained
    /// router mixes experts that have left the base already, and should go no further.
    pub target: Option<f64>,
    /// Answers over which the penalty changes by as much as it is off.
    pub horizon: f64,
}

impl Default for KlConfig {
    fn default() -> Self {
        Self {
            start: 0.02,
            target: None,
            horizon: 10_000.0,
        }
    }
}

impl KlConfig {
    /// The penalty after a batch of `answers` with mean divergence `nats`: multiplied by
    /// `1 + clip(nats / target - 1, ±0.2) answers / horizon` (Ziegler et al. 2019).
    pub fn adapt(&self, penalty: f64, nats: f64, target: f64, answers: usize) -> f64 {
        let error = (nats / target.max(1e-6) - 1.0).clamp(-0.2, 0.2);
        penalty * (1.0 + error * answers as f64 / self.horizon)
    }
}

/// Proximal policy optimisation (Schulman et al. 2017) on rewards of whole answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PpoConfig {
    /// Everything random comes from this.
    pub seed: u64,
    /// Batches of answers in all.
    pub batches: usize,
    /// Answers per batch.
    pub batch: usize,
    /// Passes over a batch.
    pub epochs: usize,
    /// Answers per update.
    pub minibatch: usize,
    /// New tokens per answer at most.
    pub max_tokens: usize,
    /// An answer ends before the first of these, e.g. a dialogue's next turn.
    pub stop: Vec<String>,
    /// Answers are sampled at it, and their probabilities are those at it.
    pub temperature: f64,
    /// Adam and its schedule over batches.
    pub optimiser: OptimiserConfig,
    /// Learning rate of the value head.
    pub value_rate: f64,
    /// Ratios of probabilities are cut to one plus or minus this; values to the old ones plus or minus it.
    pub clip: f64,
    /// Weight of the value loss.
    pub value_weight: f64,
    /// Discount.
    pub gamma: f64,
    /// Of generalised advantage estimation.
    pub gae_lambda: f64,
    /// How the policy is held to the base model.
    pub kl: KlConfig,
    /// A batch's updates end where the policy has moved this far from the one that sampled, in nats per
    /// token.
    pub stop_kl: f64,
    /// An update whose mean ratio exceeds this is left out.
    pub ratio_limit: f64,
    /// Answers by which rewards are normalised (base model) and the ideal point is measured (each expert).
    pub calibration: usize,
    /// Threads.
    pub workers: usize,
    /// Batches between checkpoints; 0 for none but the one written on cancelling.
    pub checkpoint_every: usize,
    /// Goes on from the newest checkpoint in the output folder, if there is one.
    pub resume: bool,
    /// Removes a run that the output folder holds.
    pub overwrite: bool,
    /// Where to compute. Not a setting of the run.
    #[serde(with = "device_in_words")]
    pub device: DeviceChoice,
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            batches: USUAL.rollouts.batches,
            batch: USUAL.rollouts.batch,
            epochs: 4,
            minibatch: 16,
            max_tokens: USUAL.rollouts.max_tokens,
            stop: Vec::new(),
            temperature: 1.0,
            optimiser: OptimiserConfig {
                learning_rate: TrainMethod::Router.learning_rate(TrainSize::Lora),
                weight_decay: 0.0,
                clip: 0.5,
                ..OptimiserConfig::default()
            },
            value_rate: 1e-3,
            clip: 0.2,
            value_weight: 0.1,
            gamma: 1.0,
            gae_lambda: 0.95,
            kl: KlConfig::default(),
            stop_kl: 0.15,
            ratio_limit: 10.0,
            calibration: 128,
            workers: 2,
            checkpoint_every: USUAL.checkpoint_batches,
            resume: false,
            overwrite: false,
            device: DeviceChoice::Cpu,
        }
    }
}

impl PpoConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in [
            ("batches", self.batches, 1 << 24),
            ("batch", self.batch, 1 << 16),
            ("epochs", self.epochs, 1 << 10),
            ("minibatch", self.minibatch, 1 << 16),
            ("max-tokens", self.max_tokens, 1 << 20),
        ] {
            within(name, value, most)?;
        }
        check_workers(self.workers)?;
        self.optimiser.check()?;
        if !(2..=1 << 16).contains(&self.calibration) {
            let problem = format!(
                "is {}; it must be 2 to {}: a deviation takes at least 2 answers",
                self.calibration,
                1 << 16
            );
            return Err(Error::option("calibration", problem));
        }
        for (name, value) in [
            ("value-rate", self.value_rate),
            ("temperature", self.temperature),
            ("clip", self.clip),
            ("kl horizon", self.kl.horizon),
            ("stop kl", self.stop_kl),
            ("ratio limit", self.ratio_limit),
            ("value weight", self.value_weight),
            ("kl target", self.kl.target.unwrap_or(1.0)),
        ] {
            if !(value.is_finite() && value > 0.0) {
                let problem = format!("is {value}; it must be above zero");
                return Err(Error::option(name, problem));
            }
        }
        for (name, value) in [("gamma", self.gamma), ("gae-lambda", self.gae_lambda)] {
            if !(0.0..=1.0).contains(&value) {
                let problem = format!("is {value}; it must be between 0 and 1");
                return Err(Error::option(name, problem));
            }
        }
        if !(self.kl.start.is_finite() && self.kl.start >= 0.0) {
            let problem = format!("is {}; it must be 0 or above", self.kl.start);
            return Err(Error::option("kl", problem));
        }
        Ok(())
    }

    /// What is to be done with a run that the output folder holds.
    pub(in crate::train) fn again(&self) -> Again {
        Again {
            resume: self.resume,
            overwrite: self.overwrite,
        }
    }

    /// The estimator of advantages.
    pub fn gae(&self) -> Gae {
        Gae {
            gamma: self.gamma,
            lambda: self.gae_lambda,
        }
    }
}

/// A router expert (HoE section 3.2, appendix D.3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouterConfig {
    /// Where it stands: as many numbers as the bundle has objectives.
    pub preference: Vec<f64>,
    /// The common part.
    pub ppo: PpoConfig,
    /// How objectives become one.
    pub scalarise: ScalariseConfig,
    /// What follows each linear layer.
    pub activation: RouterActivation,
    /// Share that an expert has at least in the untrained router: what has no share has no gradient.
    pub floor: f64,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            preference: Vec::new(),
            ppo: PpoConfig::default(),
            scalarise: ScalariseConfig::default(),
            activation: RouterActivation::default(),
            floor: 0.01,
        }
    }
}

/// An adapter for one preference (MORLHF): the same optimisation with fixed weights of the rewards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MorlConfig {
    /// Weights of the bundle's objectives; they are normalised.
    pub reward_weights: Vec<f64>,
    /// The common part.
    pub ppo: PpoConfig,
    /// The adapter.
    pub lora: LoraConfig,
}

impl Default for MorlConfig {
    fn default() -> Self {
        let ppo = PpoConfig::default();
        Self {
            reward_weights: Vec::new(),
            ppo: PpoConfig {
                // It starts at the base and is asked to stay within sight of it.
                kl: KlConfig {
                    start: 0.2,
                    target: Some(3.0),
                    ..KlConfig::default()
                },
                optimiser: OptimiserConfig {
                    learning_rate: TrainMethod::Ppo.learning_rate(TrainSize::Lora),
                    ..ppo.optimiser.clone()
                },
                ..ppo
            },
            lora: LoraConfig::default(),
        }
    }
}
