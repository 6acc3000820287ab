//! What a person can set about the methods that ours are compared with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::config::{check, within};
use super::{LoraConfig, Method, RunConfig, TrainConfig, TrainMethod, TrainSize, USUAL};
use crate::types::Sampling;
use crate::{Bounds, Error, Result};

/// A descent over examples as is usual for a method that trains adapters.
fn usual(method: TrainMethod) -> TrainConfig {
    let mut train = TrainConfig {
        epochs: method.epochs(),
        ..TrainConfig::default()
    };
    let RunConfig { optimiser, .. } = &mut train.run;
    optimiser.learning_rate = method.learning_rate(TrainSize::Lora);
    train
}

/// An autoregressive reward model (GenARM, Xu et al. 2025): an adapter whose log-probabilities are the reward,
/// without a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmConfig {
    /// The common part.
    pub train: TrainConfig,
    /// The adapter.
    pub lora: LoraConfig,
    /// What the difference of both answers' log-probabilities is multiplied by.
    pub beta: f64,
}

impl Default for ArmConfig {
    fn default() -> Self {
        let method = TrainMethod::Arm;
        Self {
            train: usual(method),
            lora: LoraConfig::of(method),
            beta: method.beta(),
        }
    }
}

impl ArmConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        check("beta", self.beta, Bounds::above(0.0))?;
        self.train.check()
    }
}

/// One autoregressive reward model for all preferences (PARM, Lin et al. 2025): beside every adapted linear stand
/// `s (B₁ A₁ + B₂ W(w) A₂)` with `W(w) = Σ wᵢ Wᵢ`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParmConfig {
    /// The common part.
    pub train: TrainConfig,
    /// `r₁`, the rank of the part that all preferences share.
    pub shared_rank: usize,
    /// `r₂`, the rank of the part that the preference steers.
    pub steered_rank: usize,
    /// Both parts are scaled by `s = alpha / r₁`.
    pub alpha: f64,
    /// Last parts of the paths of the linears to adapt.
    pub target_modules: Vec<String>,
    /// What the difference of both answers' log-probabilities is multiplied by.
    pub beta: f64,
    /// Every step's preference is drawn from the Dirichlet distribution of this concentration.
    pub concentration: f64,
}

impl Default for ParmConfig {
    fn default() -> Self {
        let method = TrainMethod::Parm;
        let lora = LoraConfig::of(method);
        Self {
            train: usual(method),
            shared_rank: lora.rank,
            steered_rank: lora.rank,
            alpha: lora.alpha,
            target_modules: lora.target_modules,
            beta: method.beta(),
            concentration: USUAL.concentration,
        }
    }
}

impl ParmConfig {
    /// `s`.
    pub fn scale(&self) -> f64 {
        self.alpha / self.shared_rank as f64
    }

    /// The shared part as an adapter of its own.
    pub fn shared(&self) -> LoraConfig {
        LoraConfig {
            rank: self.shared_rank,
            alpha: self.alpha,
            target_modules: self.target_modules.clone(),
        }
    }

    /// An objective's share of the steered part, at the same scale.
    pub fn steered(&self) -> LoraConfig {
        self.shared().with_rank(self.steered_rank)
    }

    /// Refuses numbers that make no sense of a model with these linears.
    pub fn check(&self, linears: &[(String, [usize; 2])]) -> Result<()> {
        within("shared_rank", self.shared_rank, u32::MAX as usize)?;
        within("steered_rank", self.steered_rank, u32::MAX as usize)?;
        self.shared().check(linears)?;
        self.steered().check(linears)?;
        check("beta", self.beta, Bounds::above(0.0))?;
        check("concentration", self.concentration, Bounds::above(0.0))?;
        self.train.check()
    }
}

/// The least weight of the objective that MODPO's pairs are about.
pub const LEAST_MODPO_WEIGHT: f64 = 0.1;

/// An adapter for one preference by DPO with margins (MODPO, Zhou et al. 2024): the pairs are about the first
/// objective, the others speak through their value vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModpoConfig {
    /// The common part.
    pub train: TrainConfig,
    /// The adapter.
    pub lora: LoraConfig,
    /// How strongly the model is held to the reference; value vectors count as rewards of the same.
    pub beta: f64,
    /// Weights of the objectives: first that of the pairs, then one per value vector; they are normalised.
    pub preference: Vec<f64>,
    /// Value vectors of the other objectives, PEFT folders.
    pub values: Vec<PathBuf>,
}

impl Default for ModpoConfig {
    fn default() -> Self {
        let method = TrainMethod::Modpo;
        Self {
            train: usual(method),
            lora: LoraConfig::of(method),
            beta: method.beta(),
            preference: vec![1.0],
            values: Vec::new(),
        }
    }
}

impl ModpoConfig {
    /// The weights, normalised; refuses numbers that make no sense.
    pub fn weights(&self) -> Result<Vec<f64>> {
        check("beta", self.beta, Bounds::above(0.0))?;
        self.train.check()?;
        let weights =
            crate::types::Preference::with_len(self.preference.clone(), self.values.len() + 1);
        let weights = weights.map_err(|problem| {
            let problem = format!(
                "{problem}: one number for the objective of the pairs, then one per value vector of `values`"
            );
            Error::option("preference", problem)
        })?;
        let weights = weights.as_slice().to_vec();
        // Nine parts in ten to others, in whatever numbers, are the bound itself.
        let first = weights.first().copied().unwrap_or(1.0);
        if first < LEAST_MODPO_WEIGHT - 1e-9 {
            let problem = format!(
                "gives {first:.3} to the objective of the pairs, and the loss is divided by it; it must be at least {LEAST_MODPO_WEIGHT}: take pairs of an objective with more weight, and a value vector for this one"
            );
            return Err(Error::option("preference", problem));
        }
        Ok(weights)
    }
}

/// Experts and the routers over them, trained together on answers (LoRAMoE, Dou et al. 2024).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoramoeConfig {
    /// The common part.
    pub train: TrainConfig,
    /// How many experts stand beside each module.
    pub experts: usize,
    /// Each of them.
    pub lora: LoraConfig,
}

impl Default for LoramoeConfig {
    fn default() -> Self {
        let method = TrainMethod::Loramoe;
        Self {
            train: usual(method),
            experts: USUAL.experts,
            lora: LoraConfig::of(method),
        }
    }
}

impl LoramoeConfig {
    /// Refuses numbers that make no sense of a model with these linears.
    pub fn check(&self, linears: &[(String, [usize; 2])]) -> Result<()> {
        check("experts", self.experts as f64, Bounds::of(2.0, 256.0))?;
        self.lora.check(linears)?;
        self.train.check()
    }
}

/// A model that corrects answers (Aligner, MetaAligner): first a run that copies, then one that corrects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrectionConfig {
    /// The common part, of both runs.
    pub train: TrainConfig,
    /// Which weights move.
    pub method: Method,
    /// Share of the pairs whose worse answer is copied before corrections are learnt; 0 to learn these at once.
    pub copies: f64,
    /// What the model is told, in place of the authors' instruction: a text with `{question}`, `{answer}` and, for
    /// MetaAligner, `{aspects}`.
    #[serde(default)]
    pub template: Option<String>,
}

impl Default for CorrectionConfig {
    fn default() -> Self {
        let method = TrainMethod::Aligner;
        Self {
            train: usual(method),
            method: Method::Lora(LoraConfig::of(method)),
            copies: USUAL.copies,
            template: None,
        }
    }
}

impl CorrectionConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        check("copies", self.copies, Bounds::of(0.0, 1.0))?;
        self.train.check()
    }
}

/// An adapter that reads in its prompt which scores its answer should have (RiC, Yang et al. 2024): learns from the
/// base's own answers with the scores of the bundle's reward models as tags, then in rounds from its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RicConfig {
    /// The common part; steps and rate are those of the first descent.
    pub train: TrainConfig,
    /// The adapter.
    pub lora: LoraConfig,
    /// Answers of the base that are scored and learnt from first.
    pub answers: usize,
    /// Online rounds.
    pub rounds: usize,
    /// Answers that are sampled in each.
    pub round_answers: usize,
    /// Steps of each; passes as the first descent has them where `None`.
    pub round_steps: Option<usize>,
    /// The learning rate of a round, constant.
    pub round_rate: f64,
    /// Answers of a round are learnt from where a score is at least this quantile of the round's; first answers
    /// likewise.
    pub quantile: f64,
    /// Of the first answers above it at most so many are learnt from again in every round.
    pub originals: usize,
    /// Answers at a time.
    pub batch: usize,
    /// New tokens per answer at most.
    pub max_tokens: usize,
    /// An answer ends before the first of these, e.g. a dialogue's next turn.
    pub stop: Vec<String>,
    /// Answers are sampled at it.
    pub temperature: f64,
    /// From the smallest set of tokens whose probability reaches this.
    pub top_p: f64,
}

impl Default for RicConfig {
    fn default() -> Self {
        let method = TrainMethod::Ric;
        Self {
            train: usual(method),
            lora: LoraConfig::of(method),
            answers: USUAL.answers,
            rounds: USUAL.rounds,
            round_answers: USUAL.answers,
            round_steps: None,
            round_rate: USUAL.round_rate,
            quantile: USUAL.quantile,
            originals: USUAL.originals,
            batch: USUAL.batch,
            max_tokens: USUAL.max_tokens,
            stop: Vec::new(),
            temperature: 0.7,
            top_p: 0.9,
        }
    }
}

impl RicConfig {
    /// How answers are sampled; each has a seed of its own.
    pub fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            ..Sampling::default()
        }
    }

    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        // A deviation takes at least two answers.
        check("answers", self.answers as f64, Bounds::of(2.0, 1e9))?;
        check("rounds", self.rounds as f64, Bounds::of(0.0, 64.0))?;
        within("round_answers", self.round_answers, 1_000_000_000)?;
        within(
            "round_steps",
            self.round_steps.unwrap_or(1),
            u32::MAX as usize,
        )?;
        within("batch", self.batch, 1 << 16)?;
        within("max_tokens", self.max_tokens, 1 << 20)?;
        let above = Bounds::above(0.0);
        for (name, value, bounds) in [
            ("round_rate", self.round_rate, above),
            ("temperature", self.temperature, above),
            ("top_p", self.top_p, above.at_most(1.0)),
            ("quantile", self.quantile, Bounds::of(0.0, 1.0)),
        ] {
            check(name, value, bounds)?;
        }
        self.train.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(preference: &[f64], values: usize) -> Result<Vec<f64>> {
        ModpoConfig {
            preference: preference.to_vec(),
            values: vec![PathBuf::from("v"); values],
            ..ModpoConfig::default()
        }
        .weights()
    }

    #[test]
    fn a_first_weight_that_the_loss_cannot_be_divided_by_is_refused_with_the_reason() {
        assert_eq!(weights(&[2.0, 6.0], 1).unwrap(), [0.25, 0.75]);
        assert_eq!(weights(&[1.0], 0).unwrap(), [1.0]);
        for most in [&[1.0, 9.0][..], &[0.1, 0.3, 0.6], &[1.0, 4.5, 4.5]] {
            assert!(weights(most, most.len() - 1).is_ok(), "{most:?}");
        }
        for (preference, values, words) in [
            (&[0.0, 1.0][..], 1, "divided by it"),
            (&[0.05, 0.95], 1, "gives 0.050"),
            (&[0.5, 0.5], 2, "one per value vector"),
            (&[-1.0, 2.0], 1, "preference"),
        ] {
            let text = weights(preference, values).unwrap_err().to_string();
            assert!(
                text.contains(words) && text.contains("preference"),
                "{text}"
            );
        }
    }

    #[test]
    fn both_parts_of_parm_have_one_scale() {
        let config = ParmConfig {
            shared_rank: 4,
            steered_rank: 2,
            alpha: 8.0,
            ..ParmConfig::default()
        };
        assert_eq!(config.scale(), 2.0);
        assert_eq!(config.shared().scale(), config.steered().scale());
    }
}
