//! The whole way from a training job to a trained folder.

use std::path::{Path, PathBuf};

use super::arm::arm;
use super::config::Start;
use super::correct::{Lessons, by_aspects, correct};
use super::data::{self, Settled};
use super::dpo::{Pair, PairSet, dpo_mixed};
use super::files::copy_tokenizer;
use super::loramoe::loramoe;
use super::modpo::modpo;
use super::out_folder::check_writable;
use super::parm::{ObjectivePairs, parm};
use super::ppo::{train_morl, train_router};
use super::progress::TrainReporter;
use super::reward::reward;
use super::ric::ric;
use super::runner::TrainReport;
use super::sft::sft;
use crate::bundle::{Manifest, read_prompts, read_training_prompts};
use crate::model::LlamaConfig;
use crate::text::{Aspect, Correction, Tokenizer};
use crate::types::{
    AspectData, CorrectionConfig, DpoJob, Method, ObjectiveData, ParmJob, Prompt, RewardJob,
    SftJob, TrainConfig, TrainJob, TrainTask, WeightedData,
};
use crate::{Error, Result};

/// Reads, tokenises, trains and writes; ends early with [`Error::Cancelled`] when `reporter` says so.
pub fn run_job(job: &TrainJob, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
    let out = job.out.as_path();
    match &job.task {
        TrainTask::Sft(job) => run_sft(job, reporter, out),
        TrainTask::Dpo(job) => run_dpo(job, reporter, out),
        TrainTask::Reward(job) => run_reward(job, reporter, out),
        TrainTask::Router(job) => {
            let prompts = prompts(&job.bundle, job.prompts.as_deref())?;
            train_router(&job.config, &job.bundle, prompts, reporter, out)
        }
        TrainTask::Ppo(job) => {
            let prompts = prompts(&job.bundle, job.prompts.as_deref())?;
            train_morl(&job.config, &job.bundle, prompts, reporter, out)
        }
        TrainTask::Arm(job) => {
            let base = &model_of(&job.base)?;
            check_writable(out, &job.config.train.run, &[base])?;
            let data = pairs(base, &job.data, &job.config.train, job.skip_bad)?;
            let start = Start::Folder(base.clone());
            let report = arm(&job.config, &start, &data.items, reporter, out);
            with_lines(report, &[data])
        }
        TrainTask::Parm(job) => run_parm(job, reporter, out),
        TrainTask::Ric(job) => {
            let prompts = prompts(&job.bundle, job.prompts.as_deref())?;
            ric(&job.config, &job.bundle, prompts, reporter, out)
        }
        TrainTask::Aligner(job) => {
            let data = [(&job.data, None)];
            run_correction(&job.base, &data, (&job.config, job.skip_bad), reporter, out)
        }
        TrainTask::MetaAligner(job) => {
            let data: Vec<_> = job
                .data
                .iter()
                .map(|data| (&data.path, Some(data)))
                .collect();
            run_correction(&job.base, &data, (&job.config, job.skip_bad), reporter, out)
        }
        TrainTask::Loramoe(job) => {
            let base = &model_of(&job.base)?;
            check_writable(out, &job.config.train.run, &[base])?;
            let most = most_tokens(&LlamaConfig::load(base)?, &job.config.train);
            let data = data::read_examples(&job.data)?
                .tokenise(&text_tokenizer(base)?, most)?
                .settle(job.skip_bad)?;
            let start = Start::Folder(base.clone());
            let report = loramoe(&job.config, &start, &data.items, reporter, out);
            with_lines(report, &[data])
        }
        TrainTask::Modpo(job) => {
            let base = &model_of(&job.base)?;
            check_writable(out, &job.config.train.run, &[base])?;
            // Weights that are refused are so before any data is read.
            job.config.weights()?;
            let data = pairs(base, &job.data, &job.config.train, job.skip_bad)?;
            let start = Start::Folder(base.clone());
            let report = modpo(&job.config, &start, &data.items, reporter, out);
            with_lines(report, &[data])
        }
    }
}

fn run_sft(job: &SftJob, reporter: &mut dyn TrainReporter, out: &Path) -> Result<TrainReport> {
    let base = &model_of(&job.base)?;
    check_writable(out, &job.config.train.run, &[base])?;
    let shape = LlamaConfig::load(base)?;
    let tokenizer = text_tokenizer(base)?;
    let most = most_tokens(&shape, &job.config.train);
    let data = data::read_examples(&job.data)?
        .tokenise(&tokenizer, most)?
        .settle(job.skip_bad)?;
    let start = if job.from_random {
        Start::Random(shape)
    } else {
        Start::Folder(base.clone())
    };
    let report = sft(&job.config, &start, &data.items, reporter, out);
    let report = with_lines(report, &[data])?;
    if job.config.method == Method::Full {
        copy_tokenizer(base, out)?;
    }
    Ok(report)
}

fn run_dpo(job: &DpoJob, reporter: &mut dyn TrainReporter, out: &Path) -> Result<TrainReport> {
    let base = &model_of(&job.base)?;
    check_writable(out, &job.config.train.run, &[base])?;
    if job.data.is_empty() {
        return Err(Error::option(
            "data",
            "names no file; it needs preference pairs",
        ));
    }
    let read = |data: &WeightedData| pairs(base, &data.path, &job.config.train, job.skip_bad);
    let data = job.data.iter().map(read).collect::<Result<Vec<_>>>()?;
    let sets: Vec<PairSet<'_>> = data
        .iter()
        .zip(&job.data)
        .map(|(data, WeightedData { weight, .. })| PairSet {
            pairs: &data.items,
            weight: *weight,
        })
        .collect();
    let start = Start::Folder(base.clone());
    let report = dpo_mixed(&job.config, &start, &sets, reporter, out);
    with_lines(report, &data)
}

fn run_parm(job: &ParmJob, reporter: &mut dyn TrainReporter, out: &Path) -> Result<TrainReport> {
    let base = &model_of(&job.base)?;
    check_writable(out, &job.config.train.run, &[base])?;
    let read = |data: &ObjectiveData| pairs(base, &data.path, &job.config.train, job.skip_bad);
    let data = job.data.iter().map(read).collect::<Result<Vec<_>>>()?;
    let named = job.data.iter().zip(&data);
    let sets = named.map(|(ObjectiveData { name, .. }, data)| ObjectivePairs {
        name,
        pairs: &data.items,
    });
    let sets: Vec<ObjectivePairs<'_>> = sets.collect();
    let start = Start::Folder(base.clone());
    let report = parm(&job.config, &start, &sets, reporter, out);
    with_lines(report, &data)
}

/// Pairs about aspects, or about what is better without a word.
fn run_correction(
    base: &Path,
    data: &[(&PathBuf, Option<&AspectData>)],
    (config, skip_bad): (&CorrectionConfig, bool),
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    let base = &model_of(base)?;
    check_writable(out, &config.train.run, &[base])?;
    config.check()?;
    if data.is_empty() {
        let problem = "names no file; it needs preference pairs about one aspect at least";
        return Err(Error::option("data", problem));
    }
    let read = |(path, _): &(&PathBuf, _)| data::read_pairs(path)?.settle(skip_bad);
    let sets = data.iter().map(read).collect::<Result<Vec<_>>>()?;
    let tokenizer = text_tokenizer(base)?;
    let aspects = data.iter().filter_map(|(_, aspect)| *aspect);
    let aspects: Vec<Aspect> = aspects
        .map(|AspectData { name, words, .. }| Aspect {
            name: name.clone(),
            words: words.clone(),
        })
        .collect();
    let chat = tokenizer.has_chat_template();
    let asked = if aspects.is_empty() {
        Correction::aligner(chat)
    } else {
        Correction::meta_aligner(chat, aspects)
    };
    let asked = match &config.template {
        None => asked,
        Some(template) => asked.told(template)?,
    };
    let pairs = by_aspects(sets.iter().map(|set| set.items.clone()).collect());
    let seed = config.train.run.seed;
    let lessons = Lessons::of(&pairs, &asked, (config.copies, seed), &tokenizer)?;
    let mut report = correct(config, base, (&lessons, &asked), reporter, out)?;
    if config.method == Method::Full {
        copy_tokenizer(base, out)?;
    }
    count_skipped(&mut report, &sets);
    Ok(report)
}

fn run_reward(
    job: &RewardJob,
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    let base = &model_of(&job.base)?;
    check_writable(out, &job.config.train.run, &[base])?;
    let texts = data::read_pairs(&job.data)?;
    let tokenizer = text_tokenizer(base)?;
    let chat_template = texts
        .items
        .iter()
        .any(|(_, pair)| matches!(pair.chosen.prompt, Prompt::Chat(_) | Prompt::Messages(_)));
    let most = most_tokens(&LlamaConfig::load(base)?, &job.config.train);
    let data = texts.tokenise(&tokenizer, most)?.settle(job.skip_bad)?;
    let start = Start::Folder(base.clone());
    let pairs = (data.items.as_slice(), chat_template);
    let report = reward(&job.config, &start, pairs, reporter, out);
    with_lines(report, &[data])
}

/// The model's folder that `base` names: itself, or the base of the bundle that it is.
fn model_of(base: &Path) -> Result<PathBuf> {
    if base.join("bundle.json").is_file() {
        return Ok(base.join(Manifest::load(base)?.base));
    }
    Ok(base.to_path_buf())
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
    let most = most_tokens(&LlamaConfig::load(base)?, config);
    data::read_pairs(data)?
        .tokenise(&text_tokenizer(base)?, most)?
        .settle(skip_bad)
}

/// Counts what was skipped in a report; names the lines of the step at which a run broke down.
fn with_lines<T>(report: Result<TrainReport>, data: &[Settled<T>]) -> Result<TrainReport> {
    let mut report = report.map_err(|error| name_lines(error, data))?;
    count_skipped(&mut report, data);
    Ok(report)
}

fn count_skipped<T>(report: &mut TrainReport, data: &[Settled<T>]) {
    for (kind, count) in data.iter().flat_map(|data| &data.skipped) {
        *report.left_out_by.entry(kind.clone()).or_default() += count;
        report.left_out += count;
    }
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
    use crate::types::{DpoConfig, PenaltyConfig, PenaltyKind};

    fn job() -> TrainJob {
        let mut config = DpoConfig {
            against: vec!["values/helpful".into()],
            penalty: PenaltyConfig::of(PenaltyKind::HsicNormalised),
            ..DpoConfig::default()
        };
        config.train.run.device = DeviceChoice::Cuda(1);
        TrainJob {
            task: TrainTask::Dpo(DpoJob {
                base: "base".into(),
                data: WeightedData::alone("harmless.jsonl"),
                skip_bad: true,
                config,
                votes: None,
            }),
            out: "values/harmless".into(),
            joins: None,
        }
    }

    #[test]
    fn jobs_survive_json_and_old_ones_lack_what_came_later() {
        let json = serde_json::to_value(job()).unwrap();
        let (kind, word) = (json["kind"].as_str(), job().task.name());
        assert_eq!((kind, word, job().name()), (Some("dpo"), "dpo", "harmless"));
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
        let TrainTask::Dpo(read) = serde_json::from_value::<TrainJob>(old).unwrap().task else {
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
