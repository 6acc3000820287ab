//! What a person can set about a training run.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{PenaltyKind, Strength, TrainMethod, TrainSize, USUAL};
use crate::types::DeviceChoice;
use crate::{Bounds, Error, Result};

/// Low-rank adapters beside frozen weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraConfig {
    /// Rank of every adapter.
    pub rank: usize,
    /// The adapters' output is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Last parts of the paths of the linears to adapt, e.g. `q_proj`.
    pub target_modules: Vec<String>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self::of(TrainMethod::default())
    }
}

impl LoraConfig {
    /// As is usual for a method.
    pub fn of(method: TrainMethod) -> Self {
        let usual = method.adapter();
        Self {
            rank: usual.rank,
            alpha: usual.alpha,
            target_modules: usual.modules.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// Of all linears of the decoder, scaled as is usual.
    pub fn of_rank(rank: usize) -> Self {
        Self::default().with_rank(rank)
    }

    /// This with another rank and the same scale.
    pub fn with_rank(self, rank: usize) -> Self {
        Self {
            rank,
            alpha: self.alpha * rank as f64 / self.rank as f64,
            ..self
        }
    }

    /// Whether the module at `path` gets an adapter.
    pub fn targets(&self, path: &str) -> bool {
        self.target_modules.iter().any(|t| {
            path == t
                || path
                    .strip_suffix(t.as_str())
                    .is_some_and(|p| p.ends_with('.'))
        })
    }

    /// Refuses targets that name nothing of a model with these linears.
    pub fn check_targets<'a>(&self, linears: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
        let matches = |target: &str| {
            linears.clone().any(|path| {
                path.strip_suffix(target)
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'))
            })
        };
        let wrong = |target: &String| target.is_empty() || !matches(target);
        match self.target_modules.iter().find(|target| wrong(target)) {
            None if !self.target_modules.is_empty() => Ok(()),
            wrong => {
                let mut last: Vec<&str> =
                    linears.filter_map(|path| path.rsplit('.').next()).collect();
                last.sort_unstable();
                last.dedup();
                let given = wrong.map_or("", String::as_str);
                let problem = format!(
                    "`{given}` names no linear module of the model; there are {}",
                    last.join(", ")
                );
                Err(Error::option("target_modules", problem))
            }
        }
    }

    /// Refuses targets that name nothing, and ranks and scales that make no sense, of a model with these linears.
    pub fn check(&self, linears: &[(String, [usize; 2])]) -> Result<()> {
        self.check_targets(linears.iter().map(|(name, _)| name.as_str()))?;
        let adapted = linears.iter().filter(|(name, _)| self.targets(name));
        let most = adapted
            .flat_map(|(_, sides)| sides)
            .max()
            .copied()
            .unwrap_or(1);
        if !(1..=most).contains(&self.rank) {
            let problem = format!(
                "is {}; a rank must be 1 to {most}, the longest side of the modules that get an adapter",
                self.rank
            );
            return Err(Error::option("lora", problem));
        }
        check("lora_alpha", self.alpha, Bounds::above(0.0))
    }

    /// `alpha / rank`.
    pub fn scale(&self) -> f64 {
        self.alpha / self.rank as f64
    }
}

/// Which weights move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// All of them.
    Full,
    /// Adapters alone.
    Lora(LoraConfig),
}

/// AdamW and its schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptimiserConfig {
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up, as a share of all steps.
    pub warm_up: f64,
    /// The last learning rate, as a share of the highest.
    pub final_rate: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the second mean.
    pub eps: f64,
    /// Decoupled decay of matrices; norms are spared.
    pub weight_decay: f64,
    /// The gradient's global norm is cut to this; 0 leaves it.
    pub clip: f64,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            learning_rate: TrainMethod::Dpo.learning_rate(TrainSize::Lora),
            warm_up: USUAL.warm_up,
            final_rate: USUAL.final_rate,
            beta1: 0.9,
            beta2: 0.95,
            eps: 1e-8,
            weight_decay: USUAL.weight_decay,
            clip: 1.0,
        }
    }
}

/// Threads of a run, at most.
const MOST_WORKERS: usize = 1024;
/// Passes over the data, at most: their steps are counted before the first.
const MOST_EPOCHS: usize = 10_000;

/// Refuses no threads, and more than any machine has.
pub fn check_workers(workers: usize) -> Result<()> {
    within("workers", workers, MOST_WORKERS)
}

/// Refuses a number that is not 1 to `most`.
pub(super) fn within(name: &str, value: usize, most: usize) -> Result<()> {
    check(name, value as f64, Bounds::of(1.0, most as f64))
}

/// Refuses a number of an option that is outside of its bounds.
pub(super) fn check(name: &str, value: f64, bounds: Bounds) -> Result<()> {
    bounds.check(value).map_err(|e| Error::option(name, e))
}

impl OptimiserConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        let share = Bounds::of(0.0, 1.0);
        let decay = Bounds::at_least(0.0).below(1.0);
        let any = Bounds::at_least(0.0);
        for (name, value, bounds) in [
            ("learning_rate", self.learning_rate, Bounds::above(0.0)),
            ("warm_up", self.warm_up, share),
            ("final_rate", self.final_rate, share),
            ("beta1", self.beta1, decay),
            ("beta2", self.beta2, decay),
            ("eps", self.eps, share),
            ("weight_decay", self.weight_decay, any),
            ("clip", self.clip, any),
        ] {
            check(name, value, bounds)?;
        }
        Ok(())
    }
}

/// What runs of every kind have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Everything random comes from this.
    pub seed: u64,
    /// Threads, each with its share of every step.
    pub workers: usize,
    /// AdamW and its schedule.
    pub optimiser: OptimiserConfig,
    /// Steps between checkpoints; 0 for none but the one written on cancelling.
    pub checkpoint_every: usize,
    /// Goes on from the newest checkpoint in the output folder, if there is one.
    #[serde(default)]
    pub resume: bool,
    /// Starts anew in a folder that holds a run: its checkpoints, metrics and result are removed first.
    #[serde(default)]
    pub overwrite: bool,
    /// Where to compute, in f32; a GPU is one worker. Not a setting of the run: a checkpoint may go on
    /// elsewhere.
    #[serde(default)]
    pub device: DeviceChoice,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            workers: 2,
            optimiser: OptimiserConfig::default(),
            checkpoint_every: USUAL.checkpoint_every,
            resume: false,
            overwrite: false,
            device: DeviceChoice::Cpu,
        }
    }
}

impl RunConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        check_workers(self.workers)?;
        self.optimiser.check()
    }
}

/// A descent over examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// What runs of every kind have.
    #[serde(flatten)]
    pub run: RunConfig,
    /// Passes over the data, unless `steps` says otherwise.
    pub epochs: usize,
    /// Steps in all; takes the place of `epochs`.
    pub steps: Option<usize>,
    /// Tokens per step, roughly: a step takes examples until they reach it.
    pub batch_tokens: usize,
    /// Examples longer than this are left out and counted.
    pub max_length: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            run: RunConfig::default(),
            epochs: USUAL.epochs,
            steps: None,
            batch_tokens: USUAL.batch_tokens,
            max_length: USUAL.max_length,
        }
    }
}

impl TrainConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        within("batch_tokens", self.batch_tokens, u32::MAX as usize)?;
        within("max_length", self.max_length, u32::MAX as usize)?;
        within("epochs", self.epochs, MOST_EPOCHS)?;
        within("steps", self.steps.unwrap_or(1), u32::MAX as usize)?;
        self.run.check()
    }
}

/// Supervised fine-tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SftConfig {
    /// The common part.
    pub train: TrainConfig,
    /// Which weights move.
    pub method: Method,
    /// Whether the prompt's tokens count in the loss, too.
    pub train_on_prompts: bool,
    /// A PEFT folder of the same ranks and modules whose factors training begins with, in place of fresh ones.
    #[serde(default)]
    pub begin_with: Option<PathBuf>,
}

impl Default for SftConfig {
    fn default() -> Self {
        Self {
            train: TrainConfig::default(),
            method: Method::Lora(LoraConfig::default()),
            train_on_prompts: false,
            begin_with: None,
        }
    }
}

/// Direct preference optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DpoConfig {
    /// The common part.
    pub train: TrainConfig,
    /// Which weights move.
    pub method: Method,
    /// How strongly the model is held to the reference.
    pub beta: f64,
    /// Earlier value vectors, PEFT folders: what `penalty` compares with, and what the metrics show the cosine to.
    #[serde(default)]
    pub against: Vec<PathBuf>,
    /// What keeps the new vector apart from them. Needs LoRA.
    #[serde(default)]
    pub penalty: PenaltyConfig,
    /// DPO-SeqT: a PEFT folder that is merged into the model first, so that the previous model is both the start
    /// and the reference. A LoRA result then holds both, one beside the other, and fits the plain base.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
}

impl Default for DpoConfig {
    fn default() -> Self {
        Self {
            train: TrainConfig::default(),
            method: Method::Lora(LoraConfig::default()),
            beta: USUAL.beta,
            against: Vec::new(),
            penalty: PenaltyConfig::default(),
            start_from: None,
        }
    }
}

/// A reward model by Bradley and Terry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardConfig {
    /// The common part.
    pub train: TrainConfig,
    /// Weight of `(score chosen + score rejected)²`, which keeps scores around zero.
    pub center: f64,
}

impl Default for RewardConfig {
    fn default() -> Self {
        let mut train = TrainConfig::default();
        train.run.optimiser.learning_rate = TrainMethod::Reward.learning_rate(TrainSize::Full);
        Self {
            train,
            center: USUAL.center,
        }
    }
}

impl RewardConfig {
    /// Refuses numbers that make no sense.
    pub fn check(&self) -> Result<()> {
        check("center", self.center, Bounds::at_least(0.0))?;
        self.train.check()
    }
}

/// The penalty of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PenaltyConfig {
    /// Which.
    pub kind: PenaltyKind,
    /// Its weight beside the DPO loss; see [`PenaltyKind::usual_strength`].
    pub alpha: Strength,
    /// HSIC of rows: at most this many rows of each module, the same of all vectors; all where `None`.
    /// Kernels of `n` rows take `16 n²` bytes per thread and `4 n²` per module and earlier vector.
    pub rows: Option<usize>,
    /// Of the choice of rows.
    pub rows_seed: u64,
    /// HSIC of rows: the rows of earlier vectors in a new random order in every step. A control: what a penalty does
    /// that knows nothing of which row is which.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shuffled: bool,
}

impl Default for PenaltyConfig {
    fn default() -> Self {
        Self::of(PenaltyKind::None)
    }
}

impl PenaltyConfig {
    /// A penalty of its usual strength.
    pub const fn of(kind: PenaltyKind) -> Self {
        Self {
            kind,
            alpha: kind.usual_strength(),
            rows: Some(USUAL.penalty_rows),
            rows_seed: 0,
            shuffled: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_refused_by_their_option_with_the_range() {
        type Change = fn(&mut TrainConfig);
        let cases: [(Change, &str, &str); 9] = [
            (|c| c.run.workers = 1_000_000, "workers", "1 to 1024"),
            (|c| c.run.workers = 0, "workers", "1 to 1024"),
            (
                |c| c.run.optimiser.learning_rate = f64::NAN,
                "learning_rate",
                "above 0",
            ),
            (
                |c| c.run.optimiser.learning_rate = -1e-4,
                "learning_rate",
                "above 0",
            ),
            (|c| c.run.optimiser.warm_up = 3.0, "warm_up", "0 to 1"),
            (|c| c.run.optimiser.warm_up = f64::NAN, "warm_up", "0 to 1"),
            (
                |c| c.run.optimiser.weight_decay = -0.1,
                "weight_decay",
                "at least 0",
            ),
            (
                |c| c.run.optimiser.weight_decay = f64::INFINITY,
                "weight_decay",
                "at least 0",
            ),
            (|c| c.max_length = 0, "max_length", "1 to "),
        ];
        assert!(TrainConfig::default().check().is_ok());
        for (change, option, range) in cases {
            let mut config = TrainConfig::default();
            change(&mut config);
            let error = config.check().unwrap_err();
            let text = error.to_string();
            assert!(text.contains(option) && text.contains(range), "{text}");
        }
        let reward = RewardConfig {
            center: -1.0,
            ..RewardConfig::default()
        };
        assert!(reward.check().unwrap_err().to_string().contains("center"));
    }

    #[test]
    fn ranks_and_scalings_that_make_no_adapter_are_refused() {
        let linears = [("model.layers.0.self_attn.q_proj".to_owned(), [16, 24])];
        let lora = |rank, alpha| LoraConfig {
            rank,
            alpha,
            target_modules: vec!["q_proj".to_owned()],
        };
        assert!(lora(24, 1.0).check(&linears).is_ok());
        for (rank, alpha, words) in [
            (0, 1.0, "1 to 24"),
            (1_000_000_000, 1.0, "1 to 24"),
            (4, 0.0, "lora_alpha"),
            (4, f64::INFINITY, "lora_alpha"),
        ] {
            let text = lora(rank, alpha).check(&linears).unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
    }
}
