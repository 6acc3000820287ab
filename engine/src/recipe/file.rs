//! A recipe as it stands in its file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::settings::{AutoSettings, Training};
use crate::Result;
use crate::bundle::RewardEntry;
use crate::files::{SETTINGS, read_text};
use crate::forge::merge::{Filter, Method, PcbVariant};
use crate::forge::{Precision, Rescale};
use crate::hub;
use crate::types::{PenaltyConfig, PenaltyKind, Strength, USUAL};
use crate::weights::parse_toml;

/// How a bundle is made; the file's paths are relative to its folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Shown to people.
    pub name: String,
    /// The base model's folder.
    pub base: PathBuf,
    /// Rank of the experts and value vectors.
    #[serde(default = "default_rank")]
    pub rank: usize,
    /// Share pruned. By default 0.4 of dense differences, and nothing of adapters that are taken as they
    /// are.
    pub prune: Option<f64>,
    /// A number or `"norm"`; 1 by default.
    #[serde(default)]
    pub rescale: RescaleEntry,
    /// The type of numbers on disk.
    #[serde(default)]
    pub precision: Precision,
    /// Of everything random.
    #[serde(default)]
    pub seed: u64,
    /// The axes of the simplex.
    pub objectives: Vec<ObjectiveSource>,
    /// Experts that are merged from those of the objectives; by default one in the centre (HoE, appendix
    /// D.2).
    pub merged: Option<Vec<Merged>>,
    /// Router experts; by default one (appendix D.2) where every objective has a reward model and there
    /// are prompts to train it on.
    pub routers: Option<Vec<Router>>,
    /// Value vectors for extrapolation, each held apart from those before it (MVA, Algorithm 1).
    #[serde(default)]
    pub values: Vec<Value>,
    /// Prompts that the window offers.
    pub prompts: Option<PathBuf>,
    /// Prompts that routers are trained on and automatic places are measured on; by default the training part
    /// of those that the window offers, so that the others can be swept.
    pub training_prompts: Option<PathBuf>,
    /// How experts, value vectors and routers are trained.
    #[serde(default)]
    pub training: Training,
    /// How automatic places are found.
    #[serde(default)]
    pub auto: AutoSettings,
}

const fn default_rank() -> usize {
    64
}

/// A number or `"norm"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RescaleEntry {
    /// One number for all modules.
    Factor(f64),
    /// A word; `norm` is the only one.
    Word(String),
}

impl Default for RescaleEntry {
    fn default() -> Self {
        Self::Factor(1.0)
    }
}

impl RescaleEntry {
    /// As the compression takes it.
    pub fn rescale(&self) -> Result<Rescale, String> {
        match self {
            Self::Factor(factor) if factor.is_finite() && *factor > 0.0 => {
                Ok(Rescale::Factor(*factor))
            }
            Self::Word(word) if word == "norm" => Ok(Rescale::Norm),
            Self::Factor(factor) => {
                Err(format!("is {factor}; it is a number above 0, or \"norm\""))
            }
            Self::Word(word) => Err(format!(
                "is \"{word}\"; it is a number above 0, or \"norm\""
            )),
        }
    }
}

/// An objective with what was trained for it, or what to train it from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveSource {
    /// Shown to people; also the expert's name.
    pub name: String,
    /// A fine-tuned model's folder, or an adapter's.
    pub source: Option<PathBuf>,
    /// Preferences, as `train dpo` takes them.
    pub data: Option<PathBuf>,
    /// Its reward model, as in `bundle.json`.
    pub reward: Option<RewardEntry>,
    /// What its expert is multiplied by; by default the recipe's.
    pub rescale: Option<RescaleEntry>,
}

/// Where an expert stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PreferenceEntry {
    /// One number per objective.
    At(Vec<f64>),
    /// A word; `auto` is the only one.
    Word(String),
}

/// A merged expert.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merged {
    /// Shown to people.
    pub name: String,
    /// Where it stands, and the weights of the merge: one number per objective, or `"auto"`.
    #[serde(alias = "place")]
    pub preference: PreferenceEntry,
    /// How; PCB by default.
    #[serde(default = "default_method")]
    pub method: Method,
    /// The share kept; by default the method's own.
    pub density: Option<f64>,
    /// What the merge is multiplied by; by default the method's own.
    pub scale: Option<f64>,
    /// For PCB.
    #[serde(default)]
    pub pcb: PcbVariant,
    /// For Fourier.
    #[serde(default)]
    pub filter: Filter,
    /// What the expert is multiplied by; by default the recipe's.
    pub rescale: Option<RescaleEntry>,
}

const fn default_method() -> Method {
    Method::Pcb
}

impl Merged {
    /// With the defaults of its method.
    pub fn new(name: &str, preference: PreferenceEntry) -> Self {
        Self {
            name: name.to_owned(),
            preference,
            method: default_method(),
            density: None,
            scale: None,
            pcb: PcbVariant::default(),
            filter: Filter::default(),
            rescale: None,
        }
    }
}

/// A router expert.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Router {
    /// Shown to people.
    pub name: String,
    /// Where it stands: one number per objective, or `"auto"`.
    #[serde(alias = "place")]
    pub preference: PreferenceEntry,
}

/// A value vector that was trained, or what to train it from: exactly one of the two.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Shown to people.
    pub name: String,
    /// A fine-tuned model's folder, or an adapter's.
    pub source: Option<PathBuf>,
    /// Preferences, as `train dpo` takes them.
    pub data: Option<PathBuf>,
    /// What keeps it apart from those before it while it is trained; by default the unbiased HSIC. The first has
    /// none before it, and is trained alone whatever it says.
    #[serde(default = "usual_penalty")]
    pub penalty: PenaltyKind,
    /// Weight of the penalty beside the loss: a number, or `{ ratio = 0.3 }`; by default the penalty's usual one.
    pub alpha: Option<Strength>,
    /// For penalties on rows: at most this many rows of each module.
    pub rows: Option<usize>,
}

const fn usual_penalty() -> PenaltyKind {
    USUAL.penalty
}

impl Value {
    /// As the trainer takes it.
    pub fn penalty(&self) -> PenaltyConfig {
        let standard = PenaltyConfig::of(self.penalty);
        PenaltyConfig {
            alpha: self.alpha.unwrap_or(standard.alpha),
            rows: self.rows.or(standard.rows),
            ..standard
        }
    }
}

impl Recipe {
    /// Reads a TOML file; its paths become relative to where the program runs.
    pub fn load(path: &Path) -> Result<Self> {
        let text = read_text(path, SETTINGS)?;
        let mut recipe: Self = parse_toml(path, &text, &RewardEntry::fields())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let root = |path: &mut PathBuf| *path = folder.join(&*path);
        recipe.base = hub::locate(folder, &recipe.base)?;
        recipe.prompts.iter_mut().for_each(root);
        recipe.training_prompts.iter_mut().for_each(root);
        for objective in &mut recipe.objectives {
            objective.source.iter_mut().for_each(root);
            objective.data.iter_mut().for_each(root);
            if let Some(reward) = &mut objective.reward {
                // What is neither here nor in the cache is told with its field, where files are checked.
                let here = hub::locate(folder, &reward.path);
                reward.path = here.unwrap_or_else(|_| folder.join(&reward.path));
            }
        }
        for value in &mut recipe.values {
            value.source.iter_mut().for_each(root);
            value.data.iter_mut().for_each(root);
        }
        Ok(recipe)
    }
}
