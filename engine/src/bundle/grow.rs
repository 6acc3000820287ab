//! A bundle with one objective more: every expert stays where it is, the new one stands on a corner of its own.
//!
//! HoE's experts are bound to a preference, not to a number of objectives: `(0.5, 0.5)` of two is `(0.5, 0.5, 0)` of
//! three, and nothing that was trained has to be trained again.

use std::path::{Path, PathBuf};

use super::manifest::{ExpertEntry, Manifest, ObjectiveEntry, RewardEntry, ValueEntry};
use crate::output::folder_atomically;
use crate::reward::Reading;
use crate::routing::Complex;
use crate::types::ExpertKind;
use crate::{Error, Result};

/// What an objective brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// Its name; also the expert's, and the value vector's.
    pub objective: String,
    /// Its reward model's folder.
    pub reward: PathBuf,
    /// Its LoRA expert, a PEFT folder.
    pub expert: PathBuf,
    /// Its value vector, a PEFT folder; needed where the bundle lists value vectors.
    pub value: Option<PathBuf>,
}

/// The manifest of the bundle in `folder` with absolute paths and one objective more.
///
/// Fails where a name is taken, a folder is not what it should be, preferences do not fit the bundle's objectives, or a
/// bundle that lists value vectors gets none.
pub fn grown(folder: &Path, growth: &Growth) -> Result<Manifest> {
    let mut manifest = Manifest::open(folder)?.rooted(folder)?;
    let file = folder.join("bundle.json");
    if manifest.objectives.is_empty() {
        let problem = "is empty; what is grown by an objective has some, with names";
        return Err(Error::field(&file, "objectives", problem));
    }
    // Every expert has as many shares as there are objectives, before as after.
    manifest.experts(folder)?;
    let objectives = manifest.objectives.len();
    let name = growth.objective.trim().to_owned();
    if name.is_empty() {
        return Err(Error::option("--objective", "is empty; it needs a name"));
    }
    let taken = |what: &str| {
        let problem = format!("`{name}` is taken by {what} of the bundle; give another one");
        Err(Error::option("--objective", problem))
    };
    if manifest.objectives.iter().any(|o| o.name == name) {
        return taken("an objective");
    }
    if manifest.experts.iter().any(|e| e.name == name) {
        return taken("an expert");
    }
    if manifest.values.iter().any(|v| v.name == name) {
        return taken("a value vector");
    }
    if growth.value.is_none() && !manifest.values.is_empty() {
        let problem = format!(
            "is missing; the bundle lists {} value vectors, and {name} needs one beside them",
            manifest.values.len()
        );
        return Err(Error::option("--value", problem));
    }
    manifest.objectives.push(ObjectiveEntry {
        name: name.clone(),
        reward: Some(RewardEntry {
            path: part(&growth.reward, "config.json")?,
            reading: Reading::default(),
        }),
    });
    for expert in &mut manifest.experts {
        expert.preference.push(0.0);
    }
    let mut corner = vec![0.0; objectives + 1];
    corner[objectives] = 1.0;
    // LoRA experts stand before routers, as they are taken in that order.
    let routers = manifest.experts.iter();
    let place = routers.filter(|e| e.kind == ExpertKind::Lora).count();
    manifest
        .experts
        .sort_by_key(|e| e.kind == ExpertKind::Router);
    manifest.experts.insert(
        place,
        ExpertEntry {
            kind: ExpertKind::Lora,
            name: name.clone(),
            path: part(&growth.expert, "adapter_config.json")?,
            preference: corner,
        },
    );
    if let Some(value) = &growth.value {
        let path = part(value, "adapter_config.json")?;
        manifest.values.push(ValueEntry { name, path });
    }
    let listed = manifest.experts(folder)?;
    Complex::new(&listed, objectives + 1)
        .map_err(|e| Error::field(&file, "experts", e.to_string()))?;
    Ok(manifest)
}

/// Writes [`grown`] as a bundle of its own into `out`, a new folder that appears whole; the old one is not touched.
pub fn grow(folder: &Path, growth: &Growth, out: &Path) -> Result<Manifest> {
    let mut manifest = grown(folder, growth)?;
    manifest.name = format!("{} + {}", manifest.name, growth.objective.trim());
    folder_atomically(out, |place| manifest.save(place))?;
    Ok(manifest)
}

fn part(folder: &Path, file: &str) -> Result<PathBuf> {
    let path = folder.canonicalize().map_err(Error::io("find", folder))?;
    if path.join(file).is_file() {
        return Ok(path);
    }
    let problem = format!("holds no {file}, so it is not such a part; is the training finished?");
    Err(Error::file(&path, problem))
}
