//! What a trained LoRAMoE is on disk: its experts as ordinary adapters, its layers as one router over them, and
//! `loramoe.json` that says which is which.
//!
//! The model is the base with the router at a share of 1: one trade-off, whatever the preference.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::read_json;
use crate::output::write_json;
use crate::{Error, Result};

/// The file's name.
const FILE: &str = "loramoe.json";
/// The format that this program reads and writes.
const FORMAT: u64 = 1;

/// `loramoe.json`. Paths are relative to its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpertsFolder {
    format: u64,
    /// The experts, in order of the router's outputs.
    pub experts: Vec<ExpertPart>,
    /// The router's folder.
    pub router: PathBuf,
}

/// An expert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpertPart {
    /// As the router names it.
    pub name: String,
    /// A PEFT folder.
    pub path: PathBuf,
}

impl ExpertsFolder {
    /// Of so many experts, each with a folder.
    pub fn of(experts: usize) -> Self {
        let part = |number: usize| ExpertPart {
            name: format!("expert-{number}"),
            path: PathBuf::from(format!("expert-{number}")),
        };
        Self {
            format: FORMAT,
            experts: (1..=experts).map(part).collect(),
            router: PathBuf::from("router"),
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
        if read.experts.is_empty() {
            let problem = "is empty; a router votes for at least one expert";
            return Err(Error::field(&path, "experts", problem));
        }
        let paths = read.experts.iter_mut().map(|part| &mut part.path);
        for path in paths.chain([&mut read.router]) {
            *path = folder.join(&*path);
        }
        Ok(read)
    }

    /// Writes the file: what it names is there.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }

    /// Removes the experts and the router that a folder's file names, as far as they are there and in the folder
    /// itself.
    pub fn remove(folder: &Path) -> Result<()> {
        let Ok(read) = Self::load(folder) else {
            return Ok(());
        };
        let paths = read.experts.iter().map(|part| &part.path);
        for path in paths.chain([&read.router]) {
            let own = ["adapter_config.json", "router_config.json"];
            let is_part = own.iter().any(|name| path.join(name).is_file());
            if is_part && path.parent() == Some(folder) {
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
        let folder = root.path().join("moe");
        for (name, file) in [
            ("expert-1", "adapter_config.json"),
            ("expert-2", "adapter_config.json"),
            ("router", "router_config.json"),
            ("kept", "adapter_config.json"),
        ] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            std::fs::write(folder.join(name).join(file), "{}").unwrap();
        }
        ExpertsFolder::of(2).save(&folder).unwrap();
        let read = ExpertsFolder::load(&folder).unwrap();
        assert_eq!(read.router, folder.join("router"));
        assert_eq!(read.experts[1].name, "expert-2");
        assert_eq!(read.experts[1].path, folder.join("expert-2"));
        ExpertsFolder::remove(&folder).unwrap();
        assert!(!read.router.exists() && !read.experts[0].path.exists());
        assert!(folder.join("kept").exists());
        let empty = r#"{"format": 1, "experts": [], "router": "r"}"#;
        std::fs::write(folder.join(FILE), empty).unwrap();
        let refused = ExpertsFolder::load(&folder).unwrap_err();
        assert!(
            refused.is_input() && refused.to_string().contains("experts"),
            "{refused}"
        );
    }
}
