//! Training runs on disk: what each was asked for, how far it came and how it ended.

use std::path::Path;

use paretoscope_core::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::thread::guarded;
use crate::output::write_json;
use crate::train::{TrainReport, TrainReporter, run_job};
use crate::types::{TrainEnd, TrainJob, TrainRun, TrainStep, Trouble};
use crate::weights::read_json;
use crate::{Error, Result};

/// What makes a folder a run's.
const FILE: &str = "run.json";

/// `run.json`: the job, and how it ended.
#[derive(Debug, Serialize, Deserialize)]
struct RunFile {
    #[serde(flatten)]
    job: TrainJob,
    /// Absent while it runs, and where it was killed.
    #[serde(default)]
    end: Option<TrainEnd>,
}

/// Notes what a run was asked for and, once it ended, how.
fn note(job: &TrainJob, end: Option<TrainEnd>) -> Result<()> {
    let file = RunFile {
        job: job.clone(),
        end,
    };
    write_json(&job.out.join(FILE), &file)
}

/// Runs a job, and notes in its folder that it is under way and how it ended.
pub fn run_noted(job: &TrainJob, reporter: &mut dyn TrainReporter) -> Result<TrainReport> {
    std::fs::create_dir_all(&job.out).map_err(Error::io("create", &job.out))?;
    note(job, None)?;
    let outcome = guarded("training", || run_job(job, reporter));
    if let Err(error) = note(job, Some(ended_as(&outcome))) {
        tracing::warn!(%error, "the end of a training run was not noted");
    }
    outcome
}

/// How a run ended that came back with this.
pub(super) fn ended_as(outcome: &Result<TrainReport>) -> TrainEnd {
    match outcome {
        Ok(_) => TrainEnd::Done,
        Err(Error::Cancelled) => TrainEnd::Cancelled,
        Err(error) => TrainEnd::Failed(Trouble::from(error)),
    }
}

/// Reads a job, e.g. a run's `run.json`; says whether it is that of the run in the job's own folder.
pub fn read_job(path: &Path) -> Result<(TrainJob, bool)> {
    let job = read_file(path)?.job;
    let own = job.out.join(FILE).canonicalize().ok();
    let is_own = own.is_some_and(|own| path.canonicalize().is_ok_and(|path| path == own));
    Ok((job, is_own))
}

fn read_file(path: &Path) -> Result<RunFile> {
    let value: Value = read_json(path)?;
    if value.get("plan").is_some() {
        let problem = "is a run of an earlier version of this program, which wrote another form of settings; its result and metrics are whole, but it cannot go on: start a new run";
        return Err(Error::field(path, "plan", problem));
    }
    let file: RunFile = serde_json::from_value(value.clone())
        .map_err(|e| Error::file(path, format!("is not a training job: {e}")))?;
    // What is written again has every field that is known.
    let known = serde_json::to_value(&file).map_err(|e| Error::json(path, e))?;
    refuse_unknown(path, "", &value, &known)?;
    Ok(file)
}

/// Refuses a field of `given` that is not in `known`, by its path from `at` on.
fn refuse_unknown(path: &Path, at: &str, given: &Value, known: &Value) -> Result<()> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let at = match at {
                    "" => name.clone(),
                    _ => format!("{at}.{name}"),
                };
                match known.get(name) {
                    Some(known) => refuse_unknown(path, &at, value, known)?,
                    None => {
                        let problem = Problem::unknown(name, known.keys());
                        return Err(Error::field(path, at, problem));
                    }
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (index, (given, known)) in given.iter().zip(known).enumerate() {
                refuse_unknown(path, &format!("{at}[{index}]"), given, known)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The training runs of a folder, the newest first, and why a `run.json` could not be read; folders without one are
/// passed over.
pub fn training_runs(folder: &Path) -> (Vec<TrainRun>, Vec<Error>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return (Vec::new(), Vec::new());
    };
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let file = entry.path().join(FILE);
        let Ok(data) = std::fs::metadata(&file) else {
            continue;
        };
        match read(&entry.path(), &file) {
            Ok(run) => found.push((data.modified().ok(), run)),
            Err(error) => refused.push(error),
        }
    }
    found.sort_by(|a, b| {
        b.0.cmp(&a.0)
            .then_with(|| a.1.plan.name().cmp(b.1.plan.name()))
    });
    let found = found.into_iter().map(|(_, run)| run).collect();
    (found, refused)
}

/// The training run of a folder; `None` where none began there.
pub fn training_run(folder: &Path) -> Result<Option<TrainRun>> {
    let file = folder.join(FILE);
    if !file.is_file() {
        return Ok(None);
    }
    read(folder, &file).map(Some)
}

fn read(folder: &Path, file: &Path) -> Result<TrainRun> {
    let file = read_file(file)?;
    Ok(TrainRun {
        // A folder that was moved is where it is found.
        plan: TrainJob {
            out: folder.to_path_buf(),
            ..file.job
        },
        steps: training_steps(folder),
        checkpoint: checkpoint(folder),
        end: file.end,
    })
}

/// The steps of a training run's folder: the lines of its `metrics.jsonl` that are whole; the last one of a killed run
/// may not be. None where there is no such file.
pub fn training_steps(folder: &Path) -> Vec<TrainStep> {
    let text = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Steps done at the newest checkpoint.
fn checkpoint(folder: &Path) -> Option<usize> {
    let entries = std::fs::read_dir(folder.join("checkpoints")).ok()?;
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_prefix("step-")?.parse().ok()
        })
        .max()
}
