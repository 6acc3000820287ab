//! Training runs on disk: what each was asked for, how far it came and how it ended.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::output::write_bytes;
use crate::types::{TrainEnd, TrainPlan, TrainRun, TrainStep};
use crate::weights::read_json;
use crate::{Error, Result};

/// What makes a folder a run's.
const FILE: &str = "run.json";

/// `run.json`.
#[derive(Debug, Serialize, Deserialize)]
struct RunFile {
    plan: TrainPlan,
    /// Absent while it runs, and where it was killed.
    #[serde(default)]
    end: Option<TrainEnd>,
}

/// Notes what a run was asked for and, once it ended, how.
pub(super) fn note(plan: &TrainPlan, end: Option<TrainEnd>) -> Result<()> {
    let path = plan.folder.join(FILE);
    let file = RunFile {
        plan: plan.clone(),
        end,
    };
    let text = serde_json::to_vec_pretty(&file)
        .map_err(|e| Error::file(&path, format!("cannot hold the run: {e}")))?;
    write_bytes(&path, &text)
}

/// The training runs of a folder, the newest first; folders that are none are passed over.
pub fn training_runs(folder: &Path) -> Vec<TrainRun> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let run = read(&entry.path())?;
            let file = entry.path().join(FILE);
            let changed = std::fs::metadata(file).and_then(|m| m.modified()).ok();
            Some((changed, run))
        })
        .collect();
    found.sort_by(|a, b| {
        b.0.cmp(&a.0)
            .then_with(|| a.1.plan.name.cmp(&b.1.plan.name))
    });
    found.into_iter().map(|(_, run)| run).collect()
}

fn read(folder: &Path) -> Option<TrainRun> {
    let value = read_json(&folder.join(FILE)).ok()?;
    let file: RunFile = match serde_json::from_value(value) {
        Ok(file) => file,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "not a training run of this version");
            return None;
        }
    };
    Some(TrainRun {
        // A folder that was moved is where it is found.
        plan: TrainPlan {
            folder: folder.to_path_buf(),
            ..file.plan
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
