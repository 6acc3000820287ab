//! What a load takes, from the files' headers alone, before any tensor is read.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::manifest::Manifest;
use crate::device::Backend;
use crate::hub;
use crate::memory::{free, in_words};
use crate::model::LlamaConfig;
use crate::weights::Checkpoint;
use crate::{Error, Result};

/// What is better left free: below it a machine begins to swap.
const MARGIN: u64 = 2_000_000_000;
/// Tokens of the row that must fit: an answer of usual length. Longer ones take what is told per token.
const ROW: usize = 2048;

/// Bytes that a bundle takes in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryNeed {
    /// The base model's weights, at the width that they have here.
    pub base: u64,
    /// How wide that is, e.g. `f32`.
    pub dtype: String,
    /// Adapters and routers.
    pub experts: u64,
    /// Reward models, which are held in f32.
    pub rewards: u64,
    /// Keys and values of one row of `tokens`.
    pub row: u64,
    /// Tokens of that row: the context, [`ROW`] at most.
    pub tokens: usize,
    /// What is free; `None` where that is not known.
    pub free: Option<u64>,
}

/// How a need and what is free go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// With room to spare.
    Fits,
    /// With less than 2 GB to spare.
    Tight,
    /// Not at all.
    WontFit,
    /// What is free is not known.
    Unknown,
}

impl MemoryNeed {
    /// Of the bundle or base at `place`. A file that cannot be read counts as nothing: the load says what is wrong with it.
    pub fn of(place: &Path, rewards: bool, backend: &Backend) -> Result<Self> {
        let manifest = Manifest::open(place)?;
        let base = manifest.base_at(place)?;
        let config = LlamaConfig::load(&base)?;
        Self::measured(
            place,
            &manifest,
            &config,
            &Checkpoint::open_folder(&base)?,
            rewards,
            backend,
        )
    }

    pub(super) fn measured(
        place: &Path,
        manifest: &Manifest,
        config: &LlamaConfig,
        base: &Checkpoint,
        rewards: bool,
        backend: &Backend,
    ) -> Result<Self> {
        let width = backend.dtype().size_in_bytes() as u64;
        let mut parts: Vec<PathBuf> = Vec::new();
        let experts = manifest.experts.iter().map(|e| &e.path);
        for path in experts.chain(manifest.values.iter().map(|v| &v.path)) {
            let path = place.join(path);
            // One that is both is held once.
            if !parts.contains(&path) {
                parts.push(path);
            }
        }
        let mut models = 0;
        let scored = manifest.objectives.iter().filter(|_| rewards);
        for entry in scored.filter_map(|objective| objective.reward.as_ref()) {
            let folder = hub::locate(place, &entry.path)?;
            let numbers = Checkpoint::open_folder(&folder).map_or(0, |c| c.parameters() as u64);
            models += numbers * size_of::<f32>() as u64;
        }
        let tokens = config.context.min(ROW);
        let row = 2 * config.layers * config.kv_heads * config.head_dim * tokens;
        Ok(Self {
            base: base.parameters() as u64 * width,
            dtype: backend.dtype().as_str().to_owned(),
            experts: parts.iter().map(|part| adapter(part) * width).sum(),
            rewards: models,
            row: row as u64 * width,
            tokens,
            free: is_measured(backend).then(free).flatten(),
        })
    }

    /// All of it.
    pub fn all(&self) -> u64 {
        self.base + self.experts + self.rewards + self.row
    }

    /// How it goes with what is free.
    pub fn fit(&self) -> Fit {
        match self.free {
            None => Fit::Unknown,
            Some(free) if self.all() > free => Fit::WontFit,
            Some(free) if self.all() > free.saturating_sub(MARGIN) => Fit::Tight,
            Some(_) => Fit::Fits,
        }
    }

    /// Refuses what cannot fit.
    pub(super) fn check(&self, place: &Path) -> Result<()> {
        match self.fit() {
            Fit::WontFit => Err(Error::Memory {
                path: place.to_path_buf(),
                words: self.in_words(),
            }),
            Fit::Fits | Fit::Tight | Fit::Unknown => Ok(()),
        }
    }

    /// In one line: what it takes of what is free, whether it fits, and what would help.
    pub fn in_words(&self) -> String {
        let mut words = format!(
            "needs {}: base {} at {}",
            in_words(self.all()),
            in_words(self.base),
            self.dtype
        );
        let row = format!("a row of {} tokens", self.tokens);
        for (what, bytes) in [
            ("experts", self.experts),
            ("reward models", self.rewards),
            (row.as_str(), self.row),
        ] {
            if bytes > 0 {
                words.push_str(&format!(", {what} {}", in_words(bytes)));
            }
        }
        let said = match (self.fit(), self.free) {
            (Fit::Fits, Some(free)) => format!("; {} free: fits", in_words(free)),
            (Fit::Tight, Some(free)) => {
                format!(
                    "; {} free: tight, {}",
                    in_words(free),
                    self.suggestion(free)
                )
            }
            (Fit::WontFit, Some(free)) => {
                format!(
                    "; {} free: does not fit, {}",
                    in_words(free),
                    self.suggestion(free)
                )
            }
            _ => "; what is free here is not known".to_owned(),
        };
        words + &said
    }

    /// The one thing that helps most.
    fn suggestion(&self, free: u64) -> String {
        if self.rewards > 0 && self.all() - self.rewards <= free {
            let saved = in_words(self.rewards);
            return format!("leave reward models out of bundle.json (saves {saved})");
        }
        if self.dtype == "f32" && self.all() - self.base / 2 <= free {
            return "use a GPU with --dtype bf16, which halves the base".to_owned();
        }
        "close other programs, or use a smaller base".to_owned()
    }
}

/// Whether what is free of the backend's memory is known: that of the CPU.
fn is_measured(backend: &Backend) -> bool {
    backend.device().is_cpu()
}

/// Numbers of an adapter or a router.
fn adapter(folder: &Path) -> u64 {
    let names = [
        "adapter_model.safetensors",
        "router.safetensors",
        "adapter_model.bin",
    ];
    let found = names
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    let opened = found.and_then(|path| Checkpoint::open_file(&path).ok());
    opened.map_or(0, |checkpoint| checkpoint.parameters() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(free: Option<u64>) -> MemoryNeed {
        MemoryNeed {
            base: 20_000_000_000,
            dtype: "f32".to_owned(),
            experts: 1_000_000_000,
            rewards: 8_000_000_000,
            row: 500_000_000,
            tokens: 2048,
            free,
        }
    }

    #[test]
    fn a_need_is_held_against_what_is_free() {
        assert_eq!(need(Some(40_000_000_000)).fit(), Fit::Fits);
        assert_eq!(need(Some(30_000_000_000)).fit(), Fit::Tight);
        assert_eq!(need(Some(29_000_000_000)).fit(), Fit::WontFit);
        assert_eq!(need(None).fit(), Fit::Unknown);
        let said = need(Some(27_900_000_000)).in_words();
        for words in [
            "needs 29.5 GB: base 20.0 GB at f32, experts 1.0 GB, reward models 8.0 GB, a row of 2048 tokens 500 MB",
            "27.9 GB free: does not fit",
            "leave reward models out of bundle.json (saves 8.0 GB)",
        ] {
            assert!(said.contains(words), "{said}");
        }
        assert!(need(Some(20_000_000_000)).in_words().contains("bf16"));
        let error = need(Some(9)).check(Path::new("/b")).unwrap_err();
        assert!(!error.is_input() && error.to_string().contains("nothing was loaded"));
        assert!(need(Some(u64::MAX)).check(Path::new("/b")).is_ok());
    }
}
