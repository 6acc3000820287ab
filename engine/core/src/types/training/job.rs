//! A training run as data: what is made, from which files, with which settings, and where it goes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    ArmConfig, CorrectionConfig, DpoConfig, LoramoeConfig, ModpoConfig, MorlConfig, ParmConfig,
    RewardConfig, RicConfig, RouterConfig, RunConfig, SftConfig, TrainConfig,
};
use crate::method::MethodKind;

/// One training run, as the window edits it, the command line flattens it, recipes write it and `run.json` keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainJob {
    /// What is made, and the settings of that kind.
    #[serde(flatten)]
    pub task: TrainTask,
    /// Folder for the result, checkpoints, `metrics.jsonl`, and `run.json` where the window asked for it.
    pub out: PathBuf,
    /// What the result is to a bundle, where it is meant for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<Joins>,
}

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TrainTask {
    /// Supervised fine-tuning.
    Sft(SftJob),
    /// Direct preference optimisation.
    Dpo(DpoJob),
    /// A reward model.
    Reward(RewardJob),
    /// A router expert.
    Router(RouterJob),
    /// An adapter for one preference (MORLHF).
    Ppo(MorlJob),
    /// An autoregressive reward model (GenARM).
    Arm(ArmJob),
    /// One autoregressive reward model for all preferences (PARM).
    Parm(ParmJob),
    /// An adapter for one preference by DPO with margins (MODPO).
    Modpo(ModpoJob),
    /// Experts and the routers over them (LoRAMoE).
    Loramoe(LoramoeJob),
    /// An adapter that reads in its prompt which scores its answer should have (RiC).
    Ric(RicJob),
    /// A model that corrects answers (Aligner).
    Aligner(AlignerJob),
    /// A model that corrects answers at the aspects that it is told (MetaAligner).
    #[serde(rename = "metaaligner")]
    MetaAligner(MetaAlignerJob),
}

/// Supervised fine-tuning on answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SftJob {
    /// Folder of the model to start from, or of a bundle for its base model; its tokenizer reads the data.
    pub base: PathBuf,
    /// Starts from random weights of the shape in `base`'s config.json.
    #[serde(default)]
    pub from_random: bool,
    /// Examples: JSON Lines, one JSON array, or Parquet.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: SftConfig,
}

/// A file of preference pairs with its weight in the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedData {
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub path: PathBuf,
    /// All weights of a job add up to 1.
    pub weight: f64,
}

impl WeightedData {
    /// The only file.
    pub fn alone(path: impl Into<PathBuf>) -> Vec<Self> {
        vec![Self {
            path: path.into(),
            weight: 1.0,
        }]
    }
}

/// Direct preference optimisation on pairs of answers: value vectors, DPO-LW, DPO-SeqT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DpoJob {
    /// Folder of the model to start from, or of a bundle for its base model; it is also the reference.
    pub base: PathBuf,
    /// One file, or several with their weights (DPO-LW).
    pub data: Vec<WeightedData>,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How; earlier vectors and the penalty are in it.
    pub config: DpoConfig,
    /// The hash of the votes that the pairs come from, where people voted on them: see [`crate::study::votes_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<String>,
}

/// A Bradley-Terry reward model on pairs of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardJob {
    /// Folder of the causal model to start from, or of a bundle for its base model.
    pub base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: RewardConfig,
}

/// A router expert of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouterJob {
    /// The bundle with experts and reward models.
    pub bundle: PathBuf,
    /// JSON Lines of prompts; by default those of the bundle's own that train.
    #[serde(default)]
    pub prompts: Option<PathBuf>,
    /// How.
    pub config: RouterConfig,
}

/// An adapter trained on the weighted rewards of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MorlJob {
    /// The bundle with the base and reward models.
    pub bundle: PathBuf,
    /// JSON Lines of prompts; by default those of the bundle's own that train.
    #[serde(default)]
    pub prompts: Option<PathBuf>,
    /// How.
    pub config: MorlConfig,
}

/// An autoregressive reward model on pairs of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmJob {
    /// Folder of the model to start from, or of a bundle for its base model.
    pub base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: ArmConfig,
}

/// Preference pairs about one objective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectiveData {
    /// The objective's name; what is made for it alone has a folder of this name.
    pub name: String,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub path: PathBuf,
}

/// One autoregressive reward model for all preferences, on pairs about each objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParmJob {
    /// Folder of the model to start from, or of a bundle for its base model.
    pub base: PathBuf,
    /// One file per objective.
    pub data: Vec<ObjectiveData>,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: ParmConfig,
}

/// An adapter for one preference, on pairs about the first objective and value vectors of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModpoJob {
    /// Folder of the model to start from, or of a bundle for its base model; it is also the reference.
    pub base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How; preference and value vectors are in it.
    pub config: ModpoConfig,
}

/// Experts and the routers over them, on answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoramoeJob {
    /// Folder of the model to start from, or of a bundle for its base model.
    pub base: PathBuf,
    /// Examples: JSON Lines, one JSON array, or Parquet.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: LoramoeConfig,
}

/// A model that corrects answers, on pairs of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignerJob {
    /// Folder of the model to start from, or of a bundle for its base model.
    pub base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: CorrectionConfig,
}

/// Preference pairs about something that an answer can be better at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AspectData {
    /// The objective's name.
    pub name: String,
    /// What it asks of an answer, in a sentence: the model is told.
    pub words: String,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet.
    pub path: PathBuf,
}

impl AspectData {
    /// What an objective of this name asks for, where nobody says it better.
    pub fn usual_words(name: &str) -> String {
        format!("The response should be {name}")
    }
}

/// A model that corrects answers at the aspects that it is told, on pairs about each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetaAlignerJob {
    /// Folder of the model to start from, or of a bundle for its base model.
    pub base: PathBuf,
    /// One file per aspect; a pair that stands in several is better at all of them.
    pub data: Vec<AspectData>,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// How.
    pub config: CorrectionConfig,
}

/// An adapter that reads in its prompt which scores its answer should have, by the reward models of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RicJob {
    /// The bundle with the base and reward models.
    pub bundle: PathBuf,
    /// JSON Lines of prompts; by default those of the bundle's own that train.
    #[serde(default)]
    pub prompts: Option<PathBuf>,
    /// How.
    pub config: RicConfig,
}

/// What the result is to a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Joins {
    /// Names the run and the part.
    pub name: String,
    /// The bundle that it was trained for, and whose base model it has.
    pub bundle: PathBuf,
    /// What it is there.
    pub part: Part,
}

/// What a part is to a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A LoRA expert at this preference, one share per objective.
    Lora(Vec<f64>),
    /// A router expert at this preference.
    Router(Vec<f64>),
    /// A value vector.
    Value,
    /// The reward model of this objective, in the place of the one that it has.
    Reward(String),
    /// A part of a method; at this preference, where the method trains a model per preference.
    Method(MethodKind, Option<Vec<f64>>),
}

impl TrainJob {
    /// What it is called: its part's name, else that of its folder.
    pub fn name(&self) -> &str {
        let folder = || self.out.file_name().and_then(|name| name.to_str());
        let name = self.joins.as_ref().map(|joins| joins.name.as_str());
        name.or_else(folder).unwrap_or("run")
    }

    /// The bundle that it was trained for.
    pub fn bundle(&self) -> Option<&Path> {
        self.joins.as_ref().map(|joins| joins.bundle.as_path())
    }
}

impl TrainTask {
    /// The kind in one word, as on the command line: e.g. `sft` or `dpo`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sft(_) => "sft",
            Self::Dpo(_) => "dpo",
            Self::Reward(_) => "reward",
            Self::Router(_) => "router",
            Self::Ppo(_) => "ppo",
            Self::Arm(_) => "arm",
            Self::Parm(_) => "parm",
            Self::Modpo(_) => "modpo",
            Self::Loramoe(_) => "loramoe",
            Self::Ric(_) => "ric",
            Self::Aligner(_) => "aligner",
            Self::MetaAligner(_) => "metaaligner",
        }
    }

    /// The settings that all kinds have.
    pub const fn run(&self) -> &RunConfig {
        match self {
            Self::Sft(job) => &job.config.train.run,
            Self::Dpo(job) => &job.config.train.run,
            Self::Reward(job) => &job.config.train.run,
            Self::Router(job) => &job.config.ppo.run,
            Self::Ppo(job) => &job.config.ppo.run,
            Self::Arm(job) => &job.config.train.run,
            Self::Parm(job) => &job.config.train.run,
            Self::Modpo(job) => &job.config.train.run,
            Self::Loramoe(job) => &job.config.train.run,
            Self::Ric(job) => &job.config.train.run,
            Self::Aligner(job) => &job.config.train.run,
            Self::MetaAligner(job) => &job.config.train.run,
        }
    }

    /// [`TrainTask::run`], to be changed.
    pub const fn run_mut(&mut self) -> &mut RunConfig {
        match self {
            Self::Sft(job) => &mut job.config.train.run,
            Self::Dpo(job) => &mut job.config.train.run,
            Self::Reward(job) => &mut job.config.train.run,
            Self::Router(job) => &mut job.config.ppo.run,
            Self::Ppo(job) => &mut job.config.ppo.run,
            Self::Arm(job) => &mut job.config.train.run,
            Self::Parm(job) => &mut job.config.train.run,
            Self::Modpo(job) => &mut job.config.train.run,
            Self::Loramoe(job) => &mut job.config.train.run,
            Self::Ric(job) => &mut job.config.train.run,
            Self::Aligner(job) => &mut job.config.train.run,
            Self::MetaAligner(job) => &mut job.config.train.run,
        }
    }

    /// The descent over examples; `None` of a policy, which learns from answers of its own.
    pub const fn train_mut(&mut self) -> Option<&mut TrainConfig> {
        match self {
            Self::Sft(job) => Some(&mut job.config.train),
            Self::Dpo(job) => Some(&mut job.config.train),
            Self::Reward(job) => Some(&mut job.config.train),
            Self::Arm(job) => Some(&mut job.config.train),
            Self::Parm(job) => Some(&mut job.config.train),
            Self::Modpo(job) => Some(&mut job.config.train),
            Self::Loramoe(job) => Some(&mut job.config.train),
            Self::Ric(job) => Some(&mut job.config.train),
            Self::Aligner(job) => Some(&mut job.config.train),
            Self::MetaAligner(job) => Some(&mut job.config.train),
            Self::Router(_) | Self::Ppo(_) => None,
        }
    }

    /// The file that it learns from, the first of several; `None` for a bundle's own prompts.
    pub fn data(&self) -> Option<&Path> {
        match self {
            Self::Sft(job) => Some(&job.data),
            Self::Dpo(job) => job.data.first().map(|data| data.path.as_path()),
            Self::Reward(job) => Some(&job.data),
            Self::Arm(job) => Some(&job.data),
            Self::Parm(job) => job.data.first().map(|data| data.path.as_path()),
            Self::Modpo(job) => Some(&job.data),
            Self::Loramoe(job) => Some(&job.data),
            Self::Aligner(job) => Some(&job.data),
            Self::MetaAligner(job) => job.data.first().map(|data| data.path.as_path()),
            Self::Router(RouterJob { prompts, .. })
            | Self::Ppo(MorlJob { prompts, .. })
            | Self::Ric(RicJob { prompts, .. }) => prompts.as_deref(),
        }
    }

    /// Whether it learns from rewards of answers that it samples itself.
    pub const fn samples(&self) -> bool {
        matches!(self, Self::Router(_) | Self::Ppo(_) | Self::Ric(_))
    }
}
