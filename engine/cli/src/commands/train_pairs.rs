//! `train arm`, `parm`, `modpo`, `aligner` and `metaaligner`: other methods on pairs of answers.

use std::path::PathBuf;

use paretoscope_engine::types::{
    AlignerJob, ArmConfig, ArmJob, AspectData, CorrectionConfig, LoraConfig, MetaAlignerJob,
    ModpoConfig, ModpoJob, ObjectiveData, ParmConfig, ParmJob, TrainJob, TrainMethod, TrainSize,
    TrainTask, USUAL,
};
use paretoscope_engine::{Error, Result};

use super::train_options::{AdapterOptions, Common, Moves, Shared, modules, size_of};
use crate::options::{Global, numbers};

/// GenARM's autoregressive reward: an adapter whose log-probabilities rank answers, without a reference
#[derive(Debug, clap::Args)]
pub(crate) struct Arm {
    /// Folder of the model to start from
    #[arg(long)]
    base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet
    #[arg(long)]
    data: PathBuf,
    /// What the difference of both answers' log-probabilities is multiplied by
    #[arg(long, default_value_t = TrainMethod::Arm.beta())]
    beta: f64,
    #[command(flatten)]
    adapters: AdapterOptions,
    #[command(flatten)]
    common: Common,
}

/// PARM: one autoregressive reward for all preferences; leaves an adapter that all share and one per objective
#[derive(Debug, clap::Args)]
pub(crate) struct Parm {
    /// Folder of the model to start from
    #[arg(long)]
    base: PathBuf,
    /// An objective and pairs of answers about it, once per objective, e.g. --data helpful=a.jsonl --data humor=b.jsonl
    #[arg(long, value_name = "NAME=DATA", required = true)]
    data: Vec<String>,
    /// What the difference of both answers' log-probabilities is multiplied by
    #[arg(long, default_value_t = TrainMethod::Parm.beta())]
    beta: f64,
    /// Every step's preference is drawn from the Dirichlet distribution of this concentration
    #[arg(long, default_value_t = USUAL.concentration)]
    concentration: f64,
    /// Rank of the adapter that all preferences share
    #[arg(long, default_value_t = TrainMethod::Parm.adapter().rank)]
    shared_rank: usize,
    /// Rank of the adapters that the preference weighs
    #[arg(long, default_value_t = TrainMethod::Parm.adapter().rank)]
    steered_rank: usize,
    /// All adapters are scaled by this / shared rank (default: twice the shared rank)
    #[arg(long = "lora-alpha", value_name = "ALPHA")]
    alpha: Option<f64>,
    /// Modules that get adapters, comma-separated (default: q_proj, k_proj, v_proj)
    #[arg(long, value_delimiter = ',')]
    target_modules: Option<Vec<String>>,
    #[command(flatten)]
    common: Common,
}

/// MODPO: DPO on pairs about one objective, with the margins of the others by their value vectors
#[derive(Debug, clap::Args)]
pub(crate) struct Modpo {
    /// Folder of the model to start from, which is also the reference
    #[arg(long)]
    base: PathBuf,
    /// Pairs of answers about the first objective: JSON Lines, one JSON array, or Parquet
    #[arg(long)]
    data: PathBuf,
    /// Weights of the objectives: first that of the pairs, at least 0.1, then one per value vector
    #[arg(long)]
    preference: String,
    /// Value vectors of the other objectives, in order
    #[arg(long, value_name = "ADAPTER", num_args = 1..)]
    values: Vec<PathBuf>,
    /// How strongly the model is held to the reference; value vectors count as rewards of the same
    #[arg(long, default_value_t = TrainMethod::Modpo.beta())]
    beta: f64,
    #[command(flatten)]
    adapters: AdapterOptions,
    #[command(flatten)]
    common: Common,
}

/// Aligner: a model that is given a question with an answer and gives a better one
#[derive(Debug, clap::Args)]
pub(crate) struct Aligner {
    /// Folder of the model to start from
    #[arg(long)]
    base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet
    #[arg(long)]
    data: PathBuf,
    #[command(flatten)]
    corrections: Corrections,
}

/// MetaAligner: an Aligner that is told at which aspects the answer should become better
#[derive(Debug, clap::Args)]
pub(crate) struct MetaAligner {
    /// Folder of the model to start from
    #[arg(long)]
    base: PathBuf,
    /// An objective and pairs of answers about it, once per objective; a pair that stands in several files is better at
    /// all of them
    #[arg(long, value_name = "NAME=DATA", required = true)]
    data: Vec<String>,
    /// What an objective asks of an answer, in a sentence, once per objective (default: "The response should be NAME")
    #[arg(long, value_name = "NAME=WORDS")]
    aspect: Vec<String>,
    #[command(flatten)]
    corrections: Corrections,
}

#[derive(Debug, clap::Args)]
struct Corrections {
    /// Share of the pairs whose worse answer is copied before corrections are learnt; 0 to learn these at once
    #[arg(long, default_value_t = USUAL.copies)]
    copies: f64,
    /// What the model is told, in place of the authors' instruction: a text with {question}, {answer} and, for
    /// metaaligner, {aspects}
    #[arg(long)]
    template: Option<String>,
    #[command(flatten)]
    moves: Moves,
    #[command(flatten)]
    common: Common,
}

impl Corrections {
    /// How, whether bad lines are skipped, and what runs of every kind take.
    fn parts(self, global: &Global) -> (CorrectionConfig, bool, Shared) {
        let method = self.moves.method(&CorrectionConfig::default().method);
        let size = size_of(&method);
        let config = CorrectionConfig {
            train: self.common.config(global, TrainMethod::Aligner, size),
            method,
            copies: self.copies,
            template: self.template,
        };
        (config, self.common.skip_bad, self.common.shared)
    }
}

impl Aligner {
    pub(crate) fn job(self, global: &Global) -> TrainJob {
        let (config, skip_bad, shared) = self.corrections.parts(global);
        shared.job(TrainTask::Aligner(AlignerJob {
            base: self.base,
            data: self.data,
            skip_bad,
            config,
        }))
    }
}

impl MetaAligner {
    pub(crate) fn job(self, global: &Global) -> Result<TrainJob> {
        let mut data = Vec::with_capacity(self.data.len());
        for text in &self.data {
            let ObjectiveData { name, path } = named(text)?;
            let words = AspectData::usual_words(&name);
            data.push(AspectData { name, words, path });
        }
        for text in &self.aspect {
            let wrong = |problem: &str| {
                let problem = format!(
                    "`{text}` {problem}; write an objective of --data and what it asks for, e.g. helpful=\"The response should be useful\""
                );
                Error::option("--aspect", problem)
            };
            let (name, words) = text.split_once('=').ok_or_else(|| wrong("has no words"))?;
            let named = data.iter_mut().find(|data| data.name == name.trim());
            let named =
                named.ok_or_else(|| wrong("is about no objective that there are pairs of"))?;
            words.trim().clone_into(&mut named.words);
        }
        let (config, skip_bad, shared) = self.corrections.parts(global);
        Ok(shared.job(TrainTask::MetaAligner(MetaAlignerJob {
            base: self.base,
            data,
            skip_bad,
            config,
        })))
    }
}

impl Arm {
    pub(crate) fn job(self, global: &Global) -> TrainJob {
        let method = TrainMethod::Arm;
        let task = TrainTask::Arm(ArmJob {
            base: self.base,
            data: self.data,
            skip_bad: self.common.skip_bad,
            config: ArmConfig {
                train: self.common.config(global, method, TrainSize::Lora),
                lora: self.adapters.lora(LoraConfig::of(method)),
                beta: self.beta,
            },
        });
        self.common.shared.job(task)
    }
}

impl Parm {
    pub(crate) fn job(self, global: &Global) -> Result<TrainJob> {
        let usual = ParmConfig::default();
        let scaled = LoraConfig::of(TrainMethod::Parm).with_rank(self.shared_rank);
        let data = self.data.iter().map(|text| named(text));
        let task = TrainTask::Parm(ParmJob {
            base: self.base,
            data: data.collect::<Result<_>>()?,
            skip_bad: self.common.skip_bad,
            config: ParmConfig {
                train: self
                    .common
                    .config(global, TrainMethod::Parm, TrainSize::Lora),
                shared_rank: self.shared_rank,
                steered_rank: self.steered_rank,
                alpha: self.alpha.unwrap_or(scaled.alpha),
                target_modules: modules(self.target_modules, usual.target_modules),
                beta: self.beta,
                concentration: self.concentration,
            },
        });
        Ok(self.common.shared.job(task))
    }
}

/// Reads `NAME=DATA`.
fn named(text: &str) -> Result<ObjectiveData> {
    let (name, path) = text.split_once('=').ok_or_else(|| {
        let problem = format!(
            "`{text}` names no objective; write one and its pairs, e.g. helpful=helpful.jsonl"
        );
        Error::option("--data", problem)
    })?;
    Ok(ObjectiveData {
        name: name.trim().to_owned(),
        path: path.into(),
    })
}

impl Modpo {
    pub(crate) fn job(self, global: &Global) -> Result<TrainJob> {
        let method = TrainMethod::Modpo;
        let task = TrainTask::Modpo(ModpoJob {
            base: self.base,
            data: self.data,
            skip_bad: self.common.skip_bad,
            config: ModpoConfig {
                train: self.common.config(global, method, TrainSize::Lora),
                lora: self.adapters.lora(LoraConfig::of(method)),
                beta: self.beta,
                preference: numbers("--preference", &self.preference)?,
                values: self.values,
            },
        });
        Ok(self.common.shared.job(task))
    }
}
