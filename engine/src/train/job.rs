//! A training run as data: which files, which settings, and the whole way from them to a trained folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::{DpoConfig, Method, RewardConfig, SftConfig, Start, TrainConfig};
use super::data::{self, Settled};
use super::dpo::{Pair, PairSet, dpo_mixed};
use super::files::copy_tokenizer;
use super::out_folder::check_writable;
use super::ppo::{MorlConfig, RouterConfig, train_morl, train_router};
use super::progress::TrainReporter;
use super::reward::reward;
use super::runner::TrainReport;
use super::sft::sft;
use crate::bundle::{Manifest, read_prompts, read_training_prompts};
use crate::model::LlamaConfig;
use crate::text::Tokenizer;
use crate::types::Prompt;
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
    /// A router expert.
    Router(RouterJob),
    /// An adapter for one preference (MORLHF).
    Ppo(MorlJob),
}

/// Supervised fine-tuning on answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SftJob {
    /// Folder of the model to start from; its tokenizer reads the data.
    pub base: PathBuf,
    /// Starts from random weights of the shape in `base`'s config.json.
    #[serde(default)]
    pub from_random: bool,
    /// As [`data::read_examples`] takes it.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
    /// How.
    pub config: SftConfig,
}

/// A file of preference pairs with its weight in the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightedData {
    /// As [`data::read_pairs`] takes it.
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
    /// Folder of the model to start from, which is also the reference.
    pub base: PathBuf,
    /// One file, or several with their weights (DPO-LW).
    pub data: Vec<WeightedData>,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
    /// How; earlier vectors and the penalty are in it.
    pub config: DpoConfig,
}

/// A Bradley-Terry reward model on pairs of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardJob {
    /// Folder of the causal model to start from.
    pub base: PathBuf,
    /// As [`data::read_pairs`] takes it.
    pub data: PathBuf,
    /// Leaves bad lines out and counts them, in place of refusing the file.
    #[serde(default)]
    pub skip_bad: bool,
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
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
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
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
    /// Folder for the result, checkpoints and metrics.jsonl.
    pub out: PathBuf,
    /// How.
    pub config: MorlConfig,
}

impl TrainJob {
    /// The kind in one word, as on the command line: `sft`, `dpo`, `reward`, `router` or `ppo`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sft(_) => "sft",
            Self::Dpo(_) => "dpo",
            Self::Reward(_) => "reward",
            Self::Router(_) => "router",
            Self::Ppo(_) => "ppo",
        }
    }

    /// Where the result goes; checkpoints and `metrics.jsonl` lie there, too.
    pub fn out(&self) -> &Path {
        match self {
            Self::Sft(job) => &job.out,
            Self::Dpo(job) => &job.out,
            Self::Reward(job) => &job.out,
            Self::Router(job) => &job.out,
            Self::Ppo(job) => &job.out,
        }
    }

    /// Reads, tokenises, trains and writes; ends early with [`Error::Cancelled`] when `reporter` says so.
    pub fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        match self {
            Self::Sft(job) => job.run(reporter),
            Self::Dpo(job) => job.run(reporter),
            Self::Reward(job) => job.run(reporter),
            Self::Router(job) => job.run(reporter),
            Self::Ppo(job) => job.run(reporter),
        }
    }
}

impl SftJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        check_writable(&self.out, self.config.train.again(), &[&self.base])?;
        let shape = LlamaConfig::load_to_train(&self.base)?;
        let tokenizer = text_tokenizer(&self.base)?;
        let most = most_tokens(&shape, &self.config.train);
        let data = data::read_examples(&self.data)?
            .tokenise(&tokenizer, most)?
            .settle(self.skip_bad)?;
        let start = if self.from_random {
            Start::Random(shape)
        } else {
            Start::Folder(self.base.clone())
        };
        let report = sft(&self.config, &start, &data.items, reporter, &self.out);
        let report = with_lines(report, &[data])?;
        if self.config.method == Method::Full {
            copy_tokenizer(&self.base, &self.out)?;
        }
        Ok(report)
    }
}

impl DpoJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        check_writable(&self.out, self.config.train.again(), &[&self.base])?;
        if self.data.is_empty() {
            return Err(Error::option(
                "--data",
                "names no file; it needs preference pairs",
            ));
        }
        let read =
            |data: &WeightedData| pairs(&self.base, &data.path, &self.config.train, self.skip_bad);
        let data = self.data.iter().map(read).collect::<Result<Vec<_>>>()?;
        let sets: Vec<PairSet<'_>> = data
            .iter()
            .zip(&self.data)
            .map(|(data, WeightedData { weight, .. })| PairSet {
                pairs: &data.items,
                weight: *weight,
            })
            .collect();
        let start = Start::Folder(self.base.clone());
        let report = dpo_mixed(&self.config, &start, &sets, reporter, &self.out);
        with_lines(report, &data)
    }
}

impl RewardJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        check_writable(&self.out, self.config.train.again(), &[&self.base])?;
        let texts = data::read_pairs(&self.data)?;
        let tokenizer = text_tokenizer(&self.base)?;
        let chat_template = texts
            .items
            .iter()
            .any(|(_, pair)| matches!(pair.chosen.prompt, Prompt::Chat(_) | Prompt::Messages(_)));
        let most = most_tokens(&LlamaConfig::load_to_train(&self.base)?, &self.config.train);
        let data = texts.tokenise(&tokenizer, most)?.settle(self.skip_bad)?;
        let start = Start::Folder(self.base.clone());
        let pairs = (data.items.as_slice(), chat_template);
        let report = reward(&self.config, &start, pairs, reporter, &self.out);
        with_lines(report, &[data])
    }
}

impl RouterJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        let prompts = prompts(&self.bundle, self.prompts.as_deref())?;
        train_router(&self.config, &self.bundle, prompts, reporter, &self.out)
    }
}

impl MorlJob {
    fn run(&self, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
        let prompts = prompts(&self.bundle, self.prompts.as_deref())?;
        train_morl(&self.config, &self.bundle, prompts, reporter, &self.out)
    }
}

/// Prompts of a file, or those of the bundle's own that train.
fn prompts(bundle: &Path, given: Option<&Path>) -> Result<Vec<Prompt>> {
    if let Some(path) = given {
        let samples = read_prompts(path)?;
        return Ok(samples.into_iter().map(|sample| sample.prompt).collect());
    }
    let own = Manifest::load(bundle)?.prompts.ok_or_else(|| {
        Error::option("prompts", "are missing, and the bundle has none of its own")
    })?;
    read_training_prompts(&bundle.join(own))
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

fn most_tokens(shape: &LlamaConfig, config: &TrainConfig) -> usize {
    config.max_length.min(shape.context)
}

fn pairs(base: &Path, data: &Path, config: &TrainConfig, skip_bad: bool) -> Result<Settled<Pair>> {
    let most = most_tokens(&LlamaConfig::load_to_train(base)?, config);
    data::read_pairs(data)?
        .tokenise(&text_tokenizer(base)?, most)?
        .settle(skip_bad)
}

/// Counts what was skipped in a report; names the lines of the step at which a run broke down.
fn with_lines<T>(report: Result<TrainReport>, data: &[Settled<T>]) -> Result<TrainReport> {
    let mut report = report.map_err(|error| name_lines(error, data))?;
    for (kind, count) in data.iter().flat_map(|data| &data.skipped) {
        *report.left_out_by.entry(kind.clone()).or_default() += count;
        report.left_out += count;
    }
    Ok(report)
}

fn name_lines<T>(error: Error, data: &[Settled<T>]) -> Error {
    let Error::Diverged(mut divergence) = error else {
        return error;
    };
    let examples = &divergence.examples;
    let place = |&example: &usize| {
        let mut index = example;
        for data in data {
            if let Some(line) = data.lines.get(index) {
                return Some(format!("{}:{line}", data.path.display()));
            }
            index -= data.lines.len();
        }
        None
    };
    let named: Vec<String> = examples.iter().take(8).filter_map(place).collect();
    divergence.batch = match (named.len(), examples.len().saturating_sub(named.len())) {
        (0, _) => String::new(),
        (_, 0) => format!(", on {}", named.join(", ")),
        (_, more) => format!(", on {} and {more} more", named.join(", ")),
    };
    Error::Diverged(divergence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use crate::train::{PenaltyConfig, PenaltyKind};

    fn job() -> TrainJob {
        let mut config = DpoConfig {
            against: vec!["values/helpful".into()],
            penalty: PenaltyConfig::of(PenaltyKind::HsicNormalised),
            ..DpoConfig::default()
        };
        config.train.device = DeviceChoice::Cuda(1);
        TrainJob::Dpo(DpoJob {
            base: "base".into(),
            data: WeightedData::alone("harmless.jsonl"),
            skip_bad: true,
            out: "values/harmless".into(),
            config,
        })
    }

    #[test]
    fn jobs_survive_json_and_old_ones_lack_what_came_later() {
        let json = serde_json::to_value(job()).unwrap();
        assert_eq!((json["kind"].as_str(), job().name()), (Some("dpo"), "dpo"));
        assert_eq!(json["config"]["penalty"]["kind"], "hsic-normalised");
        assert_eq!(json["config"]["train"]["device"], "cuda:1");
        assert_eq!(
            serde_json::from_value::<TrainJob>(json.clone()).unwrap(),
            job()
        );
        let mut old = json;
        old.as_object_mut().unwrap().remove("skip_bad");
        let config = old["config"].as_object_mut().unwrap();
        for field in ["against", "penalty", "start_from"] {
            config.remove(field);
        }
        let TrainJob::Dpo(read) = serde_json::from_value(old).unwrap() else {
            panic!("another kind");
        };
        assert!(!read.skip_bad && read.config.against.is_empty());
        assert_eq!(read.config.penalty, PenaltyConfig::default());
    }

    /// Places in several files, one after the other.
    #[test]
    fn a_divergence_names_files_and_lines() {
        let settled = |path: &str, lines: &[usize]| Settled {
            path: path.into(),
            items: vec![(); lines.len()],
            lines: lines.to_vec(),
            skipped: std::collections::BTreeMap::new(),
        };
        let data = [settled("a", &[1, 3]), settled("b", &[2, 9])];
        let diverged = |examples: Vec<usize>| {
            Error::Diverged(Box::new(crate::Divergence {
                what: "the loss".to_owned(),
                became: "became NaN".to_owned(),
                step: 4,
                examples,
                batch: ", on examples 1".to_owned(),
                hint: "; there is no checkpoint yet".to_owned(),
            }))
        };
        let text = |examples| name_lines(diverged(examples), &data).to_string();
        assert_eq!(
            text(vec![1, 3]),
            "the loss became NaN at step 4, on a:3, b:9; there is no checkpoint yet"
        );
        let many = text((0..20).map(|i| i % 4).collect());
        assert!(
            many.contains("a:1, a:3, b:2, b:9") && many.contains("and 12 more"),
            "{many}"
        );
    }
}
