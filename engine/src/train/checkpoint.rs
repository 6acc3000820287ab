//! Checkpoints: a folder per checkpoint, written whole or not at all.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use super::params::NamedTensors;
use crate::{Error, Result};

/// Where a run stands besides its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Steps done.
    pub(super) step: usize,
    /// The pass over the data that comes next.
    pub(super) epoch: usize,
    /// The step within it that comes next.
    pub(super) step_in_epoch: usize,
    /// Tokens so far.
    pub(super) tokens: usize,
    /// The run's settings, so that another run's checkpoint is not taken.
    pub(super) settings: serde_json::Value,
    /// What a kind of training carries from step to step besides tensors, e.g. running weights.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub(super) carried: serde_json::Value,
}

/// All that a run needs to go on.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) position: Position,
    pub(super) weights: NamedTensors,
    pub(super) optimiser: NamedTensors,
}

const PREFIX: &str = "step-";
const WRITING: &str = "writing-";

/// Complete checkpoints of a run, oldest first.
fn list(run: &Path) -> Vec<(usize, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|e| {
            Some((
                e.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok()?,
                e.path(),
            ))
        })
        .collect();
    found.sort();
    found
}

/// Removes checkpoints that a killed process left half-written.
pub(super) fn sweep(run: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let half = entry
            .file_name()
            .to_str()
            .is_some_and(|n| n.starts_with(WRITING));
        if half {
            let path = entry.path();
            std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Removes all checkpoints of a run.
pub(super) fn remove_all(run: &Path) -> Result<()> {
    let path = run.join("checkpoints");
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

/// Writes a checkpoint beside its final place, renames it, and removes older ones. One that is there already is of
/// the same step of the same run, and stays.
pub(super) fn save(run: &Path, checkpoint: &Checkpoint) -> Result<PathBuf> {
    let parent = run.join("checkpoints");
    let place = parent.join(format!("{PREFIX}{:08}", checkpoint.position.step));
    if place.exists() {
        return Ok(place);
    }
    let temporary = parent.join(format!("{WRITING}{:08}", checkpoint.position.step));
    files::fresh_folder(&temporary)?;
    files::write_tensors(&temporary.join("weights.safetensors"), &checkpoint.weights)?;
    files::write_tensors(
        &temporary.join("optimiser.safetensors"),
        &checkpoint.optimiser,
    )?;
    files::write_json(&temporary.join("position.json"), &checkpoint.position)?;
    std::fs::rename(&temporary, &place).map_err(Error::io("rename", &temporary))?;
    for (step, old) in list(run) {
        if step < checkpoint.position.step {
            // Under another name first: a kill in the middle must not leave half of it as a checkpoint.
            let condemned = parent.join(format!("{WRITING}{step:08}"));
            std::fs::rename(&old, &condemned).map_err(Error::io("remove", &old))?;
            std::fs::remove_dir_all(&condemned).map_err(Error::io("remove", &old))?;
        }
    }
    Ok(place)
}

/// The newest checkpoint of a run.
pub(super) fn newest(run: &Path) -> Option<PathBuf> {
    list(run).pop().map(|(_, path)| path)
}

/// Reads a checkpoint and refuses one that was made with other settings.
pub(super) fn load(place: &Path, settings: &serde_json::Value) -> Result<Checkpoint> {
    let path = place.join("position.json");
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let position: Position = serde_json::from_str(&text)
        .map_err(|e| Error::file(&path, format!("is not a checkpoint's position: {e}")))?;
    if position.settings != *settings {
        return Err(Error::option(
            "resume",
            format!(
                "{} was made with other settings or data; train into another folder, or remove it",
                place.display()
            ),
        ));
    }
    Ok(Checkpoint {
        position,
        weights: files::read_tensors(&place.join("weights.safetensors"))?,
        optimiser: files::read_tensors(&place.join("optimiser.safetensors"))?,
    })
}
