//! What a person can set about policy optimisation.

use serde::{Deserialize, Serialize};

use super::config::{check, within};
use super::{LoraConfig, OptimiserConfig, RunConfig, TrainMethod, TrainSize, USUAL};
use crate::types::RouterActivation;
use crate::{Bounds, Error, Result};

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
pub struct PpoConfig {
    /// What runs of every kind have; a batch is a step, and Adam's schedule is over batches.
    #[serde(flatten)]
    pub run: RunConfig,
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
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            run: RunConfig {
                optimiser: OptimiserConfig {
                    learning_rate: TrainMethod::Router.learning_rate(TrainSize::Lora),
                    weight_decay: 0.0,
                    clip: 0.5,
                    ..OptimiserConfig::default()
                },
                checkpoint_every: USUAL.checkpoint_batches,
                ..RunConfig::default()
            },
            batches: USUAL.batches,
            batch: USUAL.batch,
            epochs: 4,
            minibatch: 16,
            max_tokens: USUAL.max_tokens,
            stop: Vec::new(),
            temperature: 1.0,
            value_rate: 1e-3,
            clip: 0.2,
            value_weight: 0.1,
            gamma: 1.0,
            gae_lambda: 0.95,
            kl: KlConfig::default(),
            stop_kl: 0.15,
            ratio_limit: 10.0,
            calibration: 128,
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
            ("max_tokens", self.max_tokens, 1 << 20),
        ] {
            within(name, value, most)?;
        }
        self.run.check()?;
        if !(2..=1 << 16).contains(&self.calibration) {
            let problem = format!(
                "is {}; it must be 2 to {}: a deviation takes at least 2 answers",
                self.calibration,
                1 << 16
            );
            return Err(Error::option("calibration", problem));
        }
        let (above, share) = (Bounds::above(0.0), Bounds::of(0.0, 1.0));
        for (name, value, bounds) in [
            ("value_rate", self.value_rate, above),
            ("temperature", self.temperature, above),
            ("clip", self.clip, above),
            ("kl.horizon", self.kl.horizon, above),
            ("stop_kl", self.stop_kl, above),
            ("ratio_limit", self.ratio_limit, above),
            ("value_weight", self.value_weight, above),
            ("kl_target", self.kl.target.unwrap_or(1.0), above),
            ("gamma", self.gamma, share),
            ("gae_lambda", self.gae_lambda, share),
            ("kl", self.kl.start, Bounds::at_least(0.0)),
        ] {
            check(name, value, bounds)?;
        }
        Ok(())
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
        let mut ppo = PpoConfig {
            // It starts at the base and is asked to stay within sight of it.
            kl: KlConfig {
                start: 0.2,
                target: Some(3.0),
                ..KlConfig::default()
            },
            ..PpoConfig::default()
        };
        ppo.run.optimiser.learning_rate = TrainMethod::Ppo.learning_rate(TrainSize::Lora);
        Self {
            reward_weights: Vec::new(),
            ppo,
            lora: LoraConfig::default(),
        }
    }
}

/// How objectives become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scalarisation {
    /// Fixed weights, the preference itself; the ablation that drifts to an edge of the front.
    Linear,
    /// Tchebycheff (Eqs. 14 to 16): the objective with the largest weighted gap alone.
    Tch,
    /// Tchebycheff by online mirror descent: weights grow by the exponential of their gap (Eq. 18).
    OmdTch,
    /// Smooth Tchebycheff (Eq. 17): softmax of the weighted gaps over a smoothing.
    Stch,
    /// Both (appendix D.3): mirror descent that forgets, whose rest point is the smooth form's weights.
    #[default]
    OmdStch,
}

impl Scalarisation {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Linear,
        Self::Tch,
        Self::OmdTch,
        Self::Stch,
        Self::OmdStch,
    ];

    /// As on the command line, e.g. `omd-stch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Tch => "tch",
            Self::OmdTch => "omd-tch",
            Self::Stch => "stch",
            Self::OmdStch => "omd-stch",
        }
    }

    /// What it does, in a line.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Linear => {
                "The preference itself weighs the rewards; drifts to an edge of the front"
            }
            Self::Tch => "The objective that falls shortest of its ideal, alone",
            Self::OmdTch => "Weights grow with how far each objective falls short",
            Self::Stch => "Softmax over how far each objective falls short",
            Self::OmdStch => "Both, as in the paper's appendix: weights that grow and forget",
        }
    }

    /// The smoothing where none is given: Eq. 17 has none, which is 1; the running form takes 0.1, so that
    /// with its rate of 0.1 it forgets 1 % per batch.
    pub const fn default_smoothing(self) -> f64 {
        match self {
            Self::OmdStch => 0.1,
            _ => 1.0,
        }
    }
}

/// What can be set about scalarisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScalariseConfig {
    /// Which form.
    pub form: Scalarisation,
    /// Coefficients as the paper writes them, `w_i`, in place of the exact gradient's, which are
    /// proportional to `w_i lambda_i`: the literal form also follows objectives that nobody asked for.
    pub literal: bool,
    /// Rate of mirror descent, per batch.
    pub rate: f64,
    /// Smoothing of the smooth forms; by default the form's own.
    pub smoothing: Option<f64>,
    /// Running weights are cut to this and one minus this, and then divided by their sum.
    pub least: f64,
    /// How fast the running mean of rewards follows a batch.
    pub follow: f64,
    /// The ideal point in normalised rewards; by default measured on the experts.
    pub ideal: Option<Vec<f64>>,
    /// How far above the best expert the measured ideal lies.
    pub margin: f64,
}

impl Default for ScalariseConfig {
    fn default() -> Self {
        Self {
            form: Scalarisation::default(),
            literal: false,
            rate: 0.1,
            smoothing: None,
            least: 0.02,
            follow: 0.1,
            ideal: None,
            margin: 0.1,
        }
    }
}

impl ScalariseConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self, objectives: usize) -> Result<()> {
        // All weights together are less than one.
        let least = Bounds::at_least(0.0).below(1.0 / objectives.max(1) as f64);
        for (name, value, bounds) in [
            ("rate", self.rate, Bounds::above(0.0)),
            (
                "smoothing",
                self.smoothing.unwrap_or(1.0),
                Bounds::above(0.0),
            ),
            ("least", self.least, least),
            ("margin", self.margin, Bounds::at_least(0.0)),
            ("follow", self.follow, Bounds::above(0.0).at_most(1.0)),
        ] {
            check(name, value, bounds)?;
        }
        match &self.ideal {
            Some(ideal) if ideal.len() != objectives => Err(Error::option(
                "ideal",
                format!(
                    "has {} numbers; the bundle has {objectives} objectives",
                    ideal.len()
                ),
            )),
            Some(ideal) if ideal.iter().any(|z| !z.is_finite()) => {
                Err(Error::option("ideal", "has a number that is not finite"))
            }
            _ => Ok(()),
        }
    }
}
