//! What a trained PARM is on disk: ordinary adapters in one folder, and `parm.json` that says which is which.
//!
//! At a preference `w` the reward model is the base with the shared adapter at a gate of 1 and each objective's at a
//! gate of its share.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::read_json;
use crate::output::write_json;
use crate::{Error, Result};

/// The file's name.
const FILE: &str = "parm.json";
/// The format that this program reads and writes.
const FORMAT: u64 = 1;
/// The shared adapter's folder.
const SHARED: &str = "shared";

/// `parm.json`. Paths are relative to its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParmFolder {
    format: u64,
    /// The adapter that all preferences share, a PEFT folder.
    pub shared: PathBuf,
    /// The adapters that a preference weighs, in order of its numbers.
    pub objectives: Vec<ParmPart>,
}

/// An objective's adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParmPart {
    /// The objective's name.
    pub name: String,
    /// A PEFT folder.
    pub path: PathBuf,
}

impl ParmFolder {
    /// With a folder per objective, called as it is.
    pub fn of(names: &[&str]) -> Self {
        let part = |name: &&str| ParmPart {
            name: (*name).to_owned(),
            path: PathBuf::from(name),
        };
        Self {
            format: FORMAT,
            shared: PathBuf::from(SHARED),
            objectives: names.iter().map(part).collect(),
        }
    }

    /// Why an objective cannot be called so; `None` where it can.
    pub fn refuse_name(name: &str) -> Option<&'static str> {
        if name.trim().is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
            Some("and its adapter's folder is called as it is: no slash, no dot in front")
        } else if [SHARED, "checkpoints", "bundle"].contains(&name) {
            Some("which the folder holds already for another purpose; name it otherwise")
        } else {
            None
        }
    }

    /// Reads the file of a folder; paths then begin with the folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let mut read: Self = read_json(&path)?;
        if read.format != FORMAT {
            let problem = format!("is {}; this program reads format {FORMAT}", read.format);
            return Err(Error::field(&path, "format", problem));
        }
        if read.objectives.is_empty() {
            let problem = "is empty; a preference weighs at least one adapter";
            return Err(Error::field(&path, "objectives", problem));
        }
        let paths = read.objectives.iter_mut().map(|part| &mut part.path);
        for path in paths.chain([&mut read.shared]) {
            *path = folder.join(&*path);
        }
        Ok(read)
    }

    /// Writes the file: what it names is there.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }

    /// Removes the adapters that a folder's file names, as far as they are there and in the folder itself.
    pub fn remove(folder: &Path) -> Result<()> {
        let Ok(read) = Self::load(folder) else {
            return Ok(());
        };
        let paths = read.objectives.iter().map(|part| &part.path);
        for path in paths.chain([&read.shared]) {
            let adapter = path.join("adapter_config.json").is_file();
            if adapter && path.parent() == Some(folder) {
                std::fs::remove_dir_all(path).map_err(Error::io("remove", path))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_with_its_folder_before_it_and_removed_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("parm");
        for name in ["shared", "helpful", "harmless", "kept"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            std::fs::write(folder.join(name).join("adapter_config.json"), "{}").unwrap();
        }
        let written = ParmFolder::of(&["helpful", "harmless"]);
        written.save(&folder).unwrap();
        let read = ParmFolder::load(&folder).unwrap();
        assert_eq!(read.shared, folder.join("shared"));
        assert_eq!(read.objectives[1].name, "harmless");
        assert_eq!(read.objectives[1].path, folder.join("harmless"));
        ParmFolder::remove(&folder).unwrap();
        assert!(!read.shared.exists() && !folder.join("helpful").exists());
        assert!(folder.join("kept").exists());
        std::fs::write(
            folder.join(FILE),
            r#"{"format": 2, "shared": "s", "objectives": []}"#,
        )
        .unwrap();
        let refused = ParmFolder::load(&folder).unwrap_err();
        assert!(
            refused.is_input() && refused.to_string().contains("format"),
            "{refused}"
        );
    }

    #[test]
    fn names_that_are_no_folders_of_their_own_are_refused() {
        for name in ["", " ", ".x", "a/b", "a\\b", "shared", "checkpoints"] {
            assert!(ParmFolder::refuse_name(name).is_some(), "{name}");
        }
        assert!(ParmFolder::refuse_name("helpful").is_none());
    }
}
