//! Where the parts of a reward model lie: in one folder, or in an adapter's and its base's.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::weights::{Checkpoint, Digest, file_digest, read_json, settings_digest};
use crate::{Error, Result};

/// The folders of a reward model.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The folder that was named: in errors, and with what was written down in training.
    pub(super) folder: PathBuf,
    /// The body's weights; for an adapter its base.
    pub(super) body: PathBuf,
    /// Whether `folder` is a PEFT adapter for the body.
    pub(super) adapter: bool,
}

impl Source {
    /// A whole model, or an adapter: its base is `base`, else the folder that its settings name, from its own folder
    /// or from the working folder.
    pub(super) fn of(folder: &Path, base: Option<&Path>) -> Result<Self> {
        let settings = folder.join("adapter_config.json");
        // A merged model may keep the adapter's settings beside it.
        if !settings.exists() || Checkpoint::open_folder(folder).is_ok() {
            return match base {
                None => Ok(Self {
                    folder: folder.to_path_buf(),
                    body: folder.to_path_buf(),
                    adapter: false,
                }),
                Some(_) => Err(Error::option(
                    "base",
                    format!(
                        "goes with a PEFT adapter, and {} is a whole model",
                        folder.display()
                    ),
                )),
            };
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            body: match base {
                Some(base) => base.to_path_buf(),
                None => named_base(folder, &settings)?,
            },
            adapter: true,
        })
    }

    /// The folder that holds a file: the adapter's own, or the body's.
    pub(super) fn with(&self, names: &[&str]) -> &Path {
        if names.iter().any(|name| self.folder.join(name).exists()) {
            &self.folder
        } else {
            &self.body
        }
    }

    /// Where `config.json` is read.
    pub(super) fn config(&self) -> &Path {
        self.with(&["config.json"])
    }

    /// Where the tokenizer is read.
    pub(super) fn tokenizer(&self) -> &Path {
        self.with(&["tokenizer.json", "vocab.json", "vocab.txt"])
    }

    /// Notes all that a score depends on.
    pub(super) fn note(&self, digest: &mut Digest) -> Result<()> {
        digest.note(
            Checkpoint::open_folder(&self.body)?
                .file_digest()?
                .as_bytes(),
        );
        digest.note(settings_digest(&self.body)?.as_bytes());
        if self.adapter {
            for name in [
                "adapter_config.json",
                "adapter_model.safetensors",
                "adapter_model.bin",
            ] {
                let path = self.folder.join(name);
                if path.exists() {
                    digest.note(file_digest(&path)?.as_bytes());
                }
            }
            digest.note(settings_digest(&self.folder)?.as_bytes());
        }
        Ok(())
    }
}

fn named_base(folder: &Path, settings: &Path) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Peft {
        base_model_name_or_path: Option<PathBuf>,
    }
    let peft: Peft = read_json(settings)?;
    let named = peft.base_model_name_or_path.unwrap_or_default();
    let there = |path: &PathBuf| !named.as_os_str().is_empty() && path.is_dir();
    [folder.join(&named), named.clone()]
        .into_iter()
        .find(there)
        .ok_or_else(|| {
            Error::file(
                folder,
                format!(
                    "is a PEFT adapter of a reward model, and its base `{}` (base_model_name_or_path) is no folder here; say where it is with `score --base DIR`, or merge the two first (PEFT's `merge_and_unload()`) and give that folder",
                    named.display()
                ),
            )
        })
}
