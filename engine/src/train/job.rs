//! A training run as data: which files, which settings, and the whole way from them to a trained folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::{DpoConfig, Method, RewardConfig, SftConfig, Start};
use super::dpo::{Pair, dpo};
use super::files::copy_tokenizer;
use super::progress::TrainReporter;
use super::reward::reward;
use super::runner::TrainReport;
use super::sft::sft;
use super::shape::LlamaShape;
use super::{Example, data};
use crate::text::Tokenizer;
use crate::{Error, Result};

/// One training run, as the command line, the window and recipes start it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TrainJob {
    /// Supervised fine-tuning.
    Sft(SftJob),
    /// Direct preference optimisation.
    Dpo(DpoJob),
    /// A reward model.
    Reward(RewardJob),
}

/// Supervised fine-tuning on answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SftJob {
    /// Folder of the model to start from; its tokenizer reads the data.
    pub base: PathBuf,
    /// Starts from random weights of the shape in `base`'s config.json.
    #[serde(default)]
    pub from_random: bool,
    /// JSON Lines as [`data::read_examples`] takes them.
    pub data: PathBuf,
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
    /// How.
    pub config: SftConfig,
}

/// Direct preference optimisation on pairs of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DpoJob {
    /// Folder of the model to start from, which is also the reference.
    pub base: PathBuf,
    /// JSON Lines as [`data::read_pairs`] takes them.
    pub data: PathBuf,
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
    /// How.
    pub config: DpoConfig,
}

/// A Bradley-Terry reward model on pairs of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardJob {
    /// Folder of the causal model to start from.
    pub base: PathBuf,
    /// JSON Lines as [`data::read_pairs`] takes them.
    pub data: PathBuf,
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
    /// How.
    pub config: RewardConfig,
}

impl TrainJob {
    /// The kind in one word, as on the command line: `sft`, `dpo` or `reward`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sft(_) => "sft",
            Self::Dpo(_) => "dpo",
            Self::Reward(_) => "reward",
        }
    }

    /// Where the result goes; checkpoints and `metrics.jsonl` lie there, too.
    pub fn out(&self) -> &Path {
        match self {
            Self::Sft(job) => &job.out,
            Self::Dpo(job) => &job.out,
            Self::Reward(job) => &job.out,
        }
    }

    /// Reads, tokenises, trains and writes; ends early with [`Error::Cancelled`] when `reporter` says so.
    pub fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        match self {
            Self::Sft(job) => job.run(reporter),
            Self::Dpo(job) => job.run(reporter),
            Self::Reward(job) => job.run(reporter),
        }
    }
}

impl SftJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        let start = if self.from_random {
            Start::Random(LlamaShape::read(&self.base)?.0)
        } else {
            Start::Folder(self.base.clone())
        };
        let tokenizer = text_tokenizer(&self.base)?;
        let examples = data::read_examples(&self.data)?
            .iter()
            .map(|text| text.tokenise(&tokenizer))
            .collect::<Result<Vec<Example>>>()?;
        let report = sft(&self.config, &start, &examples, reporter, &self.out)?;
        if self.config.method == Method::Full {
            copy_tokenizer(&self.base, &self.out)?;
        }
        Ok(report)
    }
}

impl DpoJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        let pairs = pairs(&self.base, &self.data)?;
        let start = Start::Folder(self.base.clone());
        dpo(&self.config, &start, &pairs, reporter, &self.out)
    }
}

impl RewardJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        let pairs = pairs(&self.base, &self.data)?;
        let start = Start::Folder(self.base.clone());
        reward(&self.config, &start, &pairs, reporter, &self.out)
    }
}

fn text_tokenizer(folder: &Path) -> Result<Tokenizer> {
    let tokenizer = Tokenizer::load(folder)?;
    if tokenizer.has_text() {
        Ok(tokenizer)
    } else {
        Err(Error::NoTokenizer {
            path: folder.to_path_buf(),
        })
    }
}

fn pairs(base: &Path, data: &Path) -> Result<Vec<Pair>> {
    let tokenizer = text_tokenizer(base)?;
    data::read_pairs(data)?
        .iter()
        .map(|text| text.tokenise(&tokenizer))
        .collect()
}
