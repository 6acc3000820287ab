//! Training runs on disk: what each was asked for, how far it came and how it ended.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::output::write_json;
use crate::types::{TrainEnd, TrainJob, TrainRun, TrainStep};
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
pub(super) fn note(job: &TrainJob, end: Option<TrainEnd>) -> Result<()> {
    let file = RunFile {
        job: job.clone(),
        end,
    };
    write_json(&job.out.join(FILE), &file)
}

/// Reads a job, e.g. a run's `run.json`.
pub fn read_job(path: &Path) -> Result<TrainJob> {
    Ok(read_file(path)?.job)
}

fn read_file(path: &Path) -> Result<RunFile> {
    let value: serde_json::Value = read_json(path)?;
    if value.get("plan").is_some() {
        let problem = "is a run of an earlier version of this program, which wrote another form of settings; its result and metrics are whole, but it cannot go on: start a new run";
        return Err(Error::field(path, "plan", problem));
    }
    serde_json::from_value(value)
        .map_err(|e| Error::file(path, format!("is not a training job: {e}")))
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

fn read(folder: &Path, file: &Path) -> Result<TrainRun> {
    let file = read_file(file)?;
    Ok(TrainRun {
        // A folder that was moved is where it is found.
        plan: TrainJob {
            out: folder.to_path_buf(),
            ..file.job
        },
        steps: steps(folder),
        checkpoint: checkpoint(folder),
        end: file.end,
    })
}

/// The lines of `metrics.jsonl` that are whole; the last one of a killed run may not be.
fn steps(folder: &Path) -> Vec<TrainStep> {
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
