//! Where the cache lies, and how it is laid out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::id::HubId;
use crate::{Error, Result};

/// The cache of models: the folder that holds `models--ORG--NAME` folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in this folder, which need not be there.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// As Hugging Face's programs have it: `HF_HUB_CACHE`, `HF_HOME/hub`, `XDG_CACHE_HOME/huggingface/hub`, or
    /// `~/.cache/huggingface/hub`.
    pub fn of_env() -> Result<Self> {
        let home = std::env::home_dir();
        Self::of(|name| std::env::var_os(name), home.as_deref())
    }

    /// [`Cache::of_env`] of variables that are handed in.
    fn of(variable: impl Fn(&str) -> Option<OsString>, home: Option<&Path>) -> Result<Self> {
        let set = |name: &str| {
            let value = variable(name).filter(|value| !value.is_empty())?;
            Some(from_home(PathBuf::from(value), home))
        };
        let root = set("HF_HUB_CACHE")
            .or_else(|| Some(set("HF_HOME")?.join("hub")))
            .or_else(|| Some(set("XDG_CACHE_HOME")?.join("huggingface/hub")))
            .or_else(|| Some(home?.join(".cache/huggingface/hub")));
        root.map(Self::at).ok_or_else(|| {
            let problem =
                "is not set, and there is no home folder either, so there is no cache of models";
            Error::option("HF_HUB_CACHE", problem)
        })
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a model in it.
    pub fn repo(&self, id: &HubId) -> PathBuf {
        self.root.join(id.folder())
    }

    /// The file that says which commit a revision is.
    pub fn reference(&self, id: &HubId) -> PathBuf {
        self.repo(id).join("refs").join(id.revision())
    }

    /// The folder of a commit's files; `commit` is one ([`is_commit`](super::is_commit)).
    pub fn snapshot(&self, id: &HubId, commit: &str) -> PathBuf {
        self.repo(id).join("snapshots").join(commit)
    }
}

/// `~` at the beginning of a path is the home folder, as in Hugging Face's programs.
fn from_home(path: PathBuf, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

/// Whether `HF_HUB_OFFLINE` forbids the network, in the words that Hugging Face's programs know.
pub fn is_offline() -> bool {
    std::env::var("HF_HUB_OFFLINE").is_ok_and(|value| {
        let value = value.trim().to_ascii_lowercase();
        matches!(value.as_str(), "1" | "true" | "yes" | "on")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_cache() {
        let of = |set: &[(&str, &str)]| {
            let find = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let home = Path::new("/home/a");
            Cache::of(find, Some(home)).unwrap().root
        };
        assert_eq!(of(&[]), Path::new("/home/a/.cache/huggingface/hub"));
        let xdg = ("XDG_CACHE_HOME", "/x");
        assert_eq!(of(&[xdg]), Path::new("/x/huggingface/hub"));
        let home = ("HF_HOME", "~/hf");
        assert_eq!(of(&[xdg, home]), Path::new("/home/a/hf/hub"));
        let cache = ("HF_HUB_CACHE", "/c");
        assert_eq!(of(&[xdg, home, cache]), Path::new("/c"));
        // What is set to nothing is not set.
        assert_eq!(
            of(&[xdg, ("HF_HUB_CACHE", "")]),
            Path::new("/x/huggingface/hub")
        );
        assert!(Cache::of(|_| None, None).unwrap_err().is_input());
    }
}
