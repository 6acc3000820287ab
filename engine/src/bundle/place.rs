//! What a path opens: a bundle, or a base model alone, which is a bundle without objectives and experts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, MethodParts};
use crate::hub::{self, HubId};
use crate::weights::gguf::is_gguf;
use crate::{Error, Result};

impl Manifest {
    /// Of a bundle's folder its `bundle.json` ([`Manifest::load`]); of a base model alone (a folder with `config.json`, a GGUF
    /// file, a hub id whose files are in the local cache) one that names it and nothing else, by an absolute path.
    pub fn open(place: &Path) -> Result<Self> {
        let here = hub::locate(Path::new(""), place)?;
        if here.join("bundle.json").exists() {
            let manifest = Self::load(&here)?;
            // A hub's bundle: its paths are relative to a folder that the name does not say.
            return if here == place {
                Ok(manifest)
            } else {
                manifest.rooted(&here)
            };
        }
        if !is_base(&here) {
            return Err(Error::file(&here, not_a_model(&here)));
        }
        Self::bare(&here, named(place, &here))
    }

    /// Of a base model alone: no objectives, no experts.
    fn bare(base: &Path, name: String) -> Result<Self> {
        Ok(Self {
            format: super::manifest::FORMAT,
            name,
            demonstration: None,
            base: std::path::absolute(base).map_err(Error::io("find", base))?,
            objectives: Vec::new(),
            experts: Vec::new(),
            values: Vec::new(),
            methods: MethodParts::new(),
            arms: Vec::new(),
            prompts: None,
        })
    }

    /// Where the base model lies, of a manifest that was opened at `place`: its folder, or its GGUF file.
    pub fn base_at(&self, place: &Path) -> Result<PathBuf> {
        hub::locate(place, &self.base)
    }
}

/// Where a base model lies that `place` names: itself, or the base of the bundle that it is.
pub fn base_of(place: &Path) -> Result<PathBuf> {
    Manifest::open(place)?.base_at(place)
}

/// Models by hub ids that opening `place` needs and that are not whole in the local cache: the place itself, or what its
/// `bundle.json` names. What cannot be read is left for the load to say.
pub fn wanted_of_hub(place: &Path, rewards: bool) -> Result<Vec<HubId>> {
    let mut wanted = BTreeSet::new();
    if let Some(id) = hub::missing_id(Path::new(""), place)
        && !is_here(&id)?
    {
        wanted.insert(id);
        return Ok(wanted.into_iter().collect());
    }
    let Ok(manifest) = Manifest::open(place) else {
        return Ok(Vec::new());
    };
    let objectives = manifest.objectives.iter().filter(|_| rewards);
    let rewards = objectives.filter_map(|objective| Some(&objective.reward.as_ref()?.path));
    for path in std::iter::once(&manifest.base).chain(rewards) {
        if let Some(id) = hub::missing_id(place, path)
            && !is_here(&id)?
        {
            wanted.insert(id);
        }
    }
    Ok(wanted.into_iter().collect())
}

fn is_here(id: &HubId) -> Result<bool> {
    let look = hub::Cache::of_env()?.look(id)?;
    Ok(matches!(look, hub::Look::Here(_)))
}

/// Whether a base model lies there: a folder in Hugging Face's layout, or a GGUF file.
fn is_base(place: &Path) -> bool {
    is_gguf(place) || place.join("config.json").exists()
}

/// What is wrong with a path that is no bundle and no base.
fn not_a_model(place: &Path) -> &'static str {
    match std::fs::metadata(place) {
        Ok(about) if about.is_dir() => {
            "holds neither bundle.json nor config.json; a bundle is a folder with bundle.json, a base alone a folder with \
             config.json and model.safetensors, or a .gguf file"
        }
        Ok(_) => {
            "is a file; a bundle is a folder that holds bundle.json, a base alone is a folder with config.json or a .gguf file"
        }
        Err(_) => {
            "there is no such folder; a bundle is a folder that holds bundle.json, a base alone a folder with config.json, a \
             .gguf file or a hub id, org/name"
        }
    }
}

/// What a base alone is called: its hub id, or the name of its folder or file.
fn named(place: &Path, here: &Path) -> String {
    if let Some(id) = hub::missing_id(Path::new(""), place) {
        return id.to_string();
    }
    // `.` and `..` have no name of their own.
    let whole = here.canonicalize().unwrap_or_else(|_| here.to_path_buf());
    let name = if is_gguf(&whole) {
        whole.file_stem()
    } else {
        whole.file_name()
    };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_alone_opens_as_a_manifest_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("small");
        std::fs::create_dir(&base).unwrap();
        let said = Manifest::open(&base).unwrap_err().to_string();
        assert!(
            said.contains("neither bundle.json nor config.json"),
            "{said}"
        );
        std::fs::write(base.join("config.json"), "{}").unwrap();
        let manifest = Manifest::open(&base).unwrap();
        assert_eq!((manifest.name.as_str(), &manifest.base), ("small", &base));
        assert_eq!(manifest.objective_count(), 0);
        assert_eq!(base_of(&base).unwrap(), base);
        // A file of one name beside it, and a bundle that names the folder.
        let file = folder.path().join("small.Q8_0.gguf");
        std::fs::write(&file, "").unwrap();
        assert_eq!(Manifest::open(&file).unwrap().name, "small.Q8_0");
        let text = r#"{"format": 1, "name": "mine", "base": "small"}"#;
        std::fs::write(folder.path().join("bundle.json"), text).unwrap();
        assert_eq!(Manifest::open(folder.path()).unwrap().name, "mine");
        assert_eq!(base_of(folder.path()).unwrap(), base);
        let said = Manifest::open(&base.join("config.json")).unwrap_err();
        assert!(said.to_string().contains("is a file"), "{said}");
        let said = Manifest::open(&folder.path().join("none")).unwrap_err();
        assert!(said.to_string().contains("no such folder"), "{said}");
    }
}
