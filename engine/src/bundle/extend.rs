//! A bundle with one part more: a new `bundle.json` that points at the old files.

use std::path::{Path, PathBuf};

use paretoscope_core::method::MethodKind;

use super::manifest::{ExpertEntry, Manifest, PartEntry, RewardEntry, ValueEntry};
use crate::output::{folder_atomically, write_json};
use crate::reward::Reading;
use crate::routing::Complex;
pub use crate::types::Part;
use crate::types::{Expert, ExpertKind};
use crate::{Error, Result};

/// A part to add.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    /// What it is to the bundle.
    pub part: Part,
    /// Shown to people; must be new among its kind.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

/// The manifest of the bundle in `folder` with absolute paths and one part more.
///
/// Fails where the name is taken, the preference does not fit or is another expert's, or the part's
/// folder is not what it should be.
pub fn extended(folder: &Path, addition: &Addition) -> Result<Manifest> {
    let mut manifest = Manifest::open(folder)?.rooted(folder)?;
    let path = absolute(&addition.path)?;
    let file = match addition.part {
        Part::Lora(_) | Part::Value => "adapter_config.json",
        Part::Router(_) => "router_config.json",
        Part::Reward(_) => "config.json",
        Part::Method(MethodKind::Steering, _) => "",
        Part::Method(..) => "adapter_config.json",
    };
    let there = if file.is_empty() {
        path.is_file()
    } else {
        path.join(file).is_file()
    };
    if !there {
        let problem = if file.is_empty() {
            "is no file; steering takes the vectors that `bundle steering` writes".to_owned()
        } else {
            format!("holds no {file}, so it is not such a part; is the training finished?")
        };
        return Err(Error::file(&path, problem));
    }
    let name = addition.name.trim().to_owned();
    if name.is_empty() {
        return Err(Error::option("name", "is empty; the part needs one"));
    }
    match &addition.part {
        Part::Lora(preference) => {
            add_expert(
                &mut manifest,
                folder,
                ExpertKind::Lora,
                name,
                path,
                preference,
            )?;
        }
        Part::Router(preference) => {
            add_expert(
                &mut manifest,
                folder,
                ExpertKind::Router,
                name,
                path,
                preference,
            )?;
        }
        Part::Value => {
            list_stand_ins(&mut manifest);
            let taken = manifest.values.iter().any(|value| value.name == name);
            refuse_taken(taken, &name, "value vector")?;
            manifest.values.push(ValueEntry { name, path });
        }
        Part::Method(kind, preference) => {
            if !kind.needs_parts() {
                let problem = format!(
                    "{} is run with what a bundle has; it takes no parts",
                    kind.name()
                );
                return Err(Error::option("--method", problem));
            }
            let parts = manifest.methods.entry(kind.name().to_owned()).or_default();
            let same = |part: &PartEntry| part.name == name && part.preference == *preference;
            refuse_taken(
                parts.iter().any(same),
                &name,
                &format!("part of {}", kind.name()),
            )?;
            parts.push(PartEntry {
                name,
                path,
                preference: preference.clone(),
            });
        }
        Part::Reward(objective) => {
            let names = manifest.objective_names().join(", ");
            let entry = manifest
                .objectives
                .iter_mut()
                .find(|o| o.name == *objective);
            let entry = entry.ok_or_else(|| {
                let problem = format!("`{objective}` is none of the bundle's ({names})");
                Error::option("objective", problem)
            })?;
            entry.reward = Some(RewardEntry {
                path,
                reading: Reading::default(),
            });
        }
    }
    Ok(manifest)
}

/// Writes [`extended`] as a bundle of its own into `out`, a new folder; the old one is not touched.
pub fn extend(folder: &Path, addition: &Addition, out: &Path) -> Result<Manifest> {
    let mut manifest = extended(folder, addition)?;
    manifest.name = format!("{} + {}", manifest.name, addition.name.trim());
    folder_atomically(out, |place| {
        write_json(&place.join("bundle.json"), &manifest)
    })?;
    Ok(manifest)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(Error::io("find", path))
}

/// Where a bundle lists no value vectors, its one-hot experts stand in. They go on doing so beside the
/// first one that is listed, rather than vanish.
fn list_stand_ins(manifest: &mut Manifest) {
    if !manifest.values.is_empty() {
        return;
    }
    for axis in 0..manifest.objective_count() {
        let one_hot = |entry: &&ExpertEntry| {
            let total: f64 = entry.preference.iter().sum();
            entry.kind == ExpertKind::Lora
                && entry
                    .preference
                    .get(axis)
                    .is_some_and(|&share| share > 0.0 && share == total)
        };
        if let Some(expert) = manifest.experts.iter().find(one_hot) {
            manifest.values.push(ValueEntry {
                name: expert.name.clone(),
                path: expert.path.clone(),
            });
        }
    }
}

fn refuse_taken(taken: bool, name: &str, what: &str) -> Result<()> {
    if taken {
        let problem = format!("`{name}` is taken by a {what} of the bundle; give another one");
        return Err(Error::option("name", problem));
    }
    Ok(())
}

fn add_expert(
    manifest: &mut Manifest,
    folder: &Path,
    kind: ExpertKind,
    name: String,
    path: PathBuf,
    preference: &[f64],
) -> Result<()> {
    let taken = manifest.experts.iter().any(|expert| expert.name == name);
    refuse_taken(taken, &name, "expert")?;
    manifest.experts.push(ExpertEntry {
        kind,
        name,
        path,
        preference: preference.to_vec(),
    });
    let listed: Vec<Expert> = manifest.experts(folder)?;
    Complex::new(&listed, manifest.objective_count())
        .map_err(|e| Error::option("preference", e.to_string()))?;
    Ok(())
}
