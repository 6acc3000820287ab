//! Checkpoints: a folder per checkpoint, written whole or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files;
use super::params::{NamedTensors, NamedVars};
use crate::output::write_json;
use crate::{Error, Problem, Result, weights};

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
    pub(super) settings: Value,
    /// What a kind of training carries from step to step besides tensors, e.g. running weights.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) carried: Value,
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
    write_json(&temporary.join("position.json"), &checkpoint.position)?;
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

/// Counts of a position, at most: far beyond any run, and far from where counting on overflows.
pub(super) const MOST: usize = 1 << 48;

impl Position {
    /// Refuses counts that no run has reached.
    fn check(&self, path: &Path) -> Result<()> {
        for (field, value) in [
            ("step", self.step),
            ("epoch", self.epoch),
            ("step_in_epoch", self.step_in_epoch),
            ("tokens", self.tokens),
        ] {
            if value > MOST {
                let problem = format!("is {value}; a run has {MOST} at most");
                return Err(Error::field(path, field, problem));
            }
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Gives the trained weights back to their variables.
    pub(super) fn restore(&self, vars: &NamedVars) -> Result<()> {
        for (name, var) in vars {
            if let Some(tensor) = self.weights.get(name) {
                var.set(&tensor.to_device(var.device())?)?;
            }
        }
        Ok(())
    }
}

/// Reads a checkpoint of `vars`, and refuses one that was made with other settings or is not whole.
pub(super) fn load(place: &Path, settings: &Value, vars: &NamedVars) -> Result<Checkpoint> {
    let path = place.join("position.json");
    let text = crate::files::read_text(&path, crate::files::SETTINGS)?;
    let position: Position = serde_json::from_str(&text)
        .map_err(|e| Error::file(&path, Problem::format("a checkpoint's position", e)))?;
    let mut changed = Vec::new();
    differences("", &position.settings, settings, &mut changed);
    if !changed.is_empty() {
        return Err(Error::option(
            "resume",
            format!(
                "{} was made with other settings or data ({}); train into another folder, or remove it",
                place.display(),
                changed.join("; ")
            ),
        ));
    }
    position.check(&path)?;
    let shapes = vars
        .iter()
        .map(|(name, var)| (name.clone(), var.dims().to_vec()));
    let moments = shapes.clone().flat_map(|(name, shape)| {
        crate::train::optimiser::MOMENTS.map(|moment| (format!("{name}.{moment}"), shape.clone()))
    });
    Ok(Checkpoint {
        position,
        weights: read(&place.join("weights.safetensors"), shapes)?,
        optimiser: read(&place.join("optimiser.safetensors"), moments)?,
    })
}

/// Tensors of these names and shapes.
fn read(path: &Path, shapes: impl Iterator<Item = (String, Vec<usize>)>) -> Result<NamedTensors> {
    let file = weights::Checkpoint::open_file(path)?;
    shapes
        .map(|(name, shape)| {
            file.expect(&name, &shape)?;
            let tensor = Tensor::from_vec(file.values(&name)?, shape, &Device::Cpu)?;
            Ok((name, tensor))
        })
        .collect()
}

/// The places at which two settings differ, in words, with what stood and what stands there.
fn differences(at: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
            for name in names {
                let dot = if at.is_empty() { "" } else { "." };
                let field = |fields: &serde_json::Map<String, Value>| {
                    fields.get(name).cloned().unwrap_or_default()
                };
                differences(
                    &format!("{at}{dot}{name}"),
                    &field(before),
                    &field(now),
                    found,
                );
            }
        }
        _ if before == now => {}
        _ => found.push(match at {
            "data" | "prompts" => format!("the {at} have changed"),
            "base.weights" => "the weights of the base have changed".to_owned(),
            "base.config" => "config.json of the base has changed".to_owned(),
            "bundle" => "the bundle has changed".to_owned(),
            _ => {
                let short = |value: &Value| {
                    let text = value.to_string();
                    match text.chars().count() {
                        0..=60 => text,
                        _ => text.chars().take(60).chain("...".chars()).collect(),
                    }
                };
                format!("{at} was {}, is {}", short(before), short(now))
            }
        }),
    }
}
