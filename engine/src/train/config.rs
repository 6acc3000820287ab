//! What a run starts from, and where it computes.

use std::path::{Path, PathBuf};

use candle_core::Device;

use crate::Result;
use crate::device::{Backend, Precision};
use crate::model::LlamaConfig;
use crate::types::RunConfig;

/// Where the weights come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Drawn from the run's seed.
    Random(Box<LlamaConfig>),
    /// A Hugging Face folder of a causal model.
    Folder(PathBuf),
}

impl Start {
    /// Random weights of this shape.
    pub fn random(shape: LlamaConfig) -> Self {
        Self::Random(Box::new(shape))
    }
}

impl Start {
    /// The folder that is read, if one is.
    pub(super) fn folders(&self) -> Vec<&Path> {
        match self {
            Self::Random(_) => Vec::new(),
            Self::Folder(folder) => vec![folder],
        }
    }
}

/// The device of a run, or why it is not to be had.
pub(super) fn open_device(config: &RunConfig) -> Result<Device> {
    let (backend, note) = Backend::find(config.device, Precision::F32)?;
    if let Some(note) = note {
        tracing::warn!("training on the CPU: {note}");
    }
    Ok(backend.device())
}
