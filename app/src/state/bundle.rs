//! The bundle in use, and the one on its way.

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::protocol::{JobId, LoadStage, Trouble};
use paretoscope_core::types::BundleInfo;

use super::Trial;

/// A bundle on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Loading {
    /// Its job.
    pub job: JobId,
    /// Its folder.
    pub path: PathBuf,
    /// The step under way; `None` until the engine says one.
    pub stage: Option<LoadStage>,
    /// Of the whole, 0 to 1.
    pub fraction: f32,
}

/// A bundle that could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFailure {
    /// Its folder.
    pub path: PathBuf,
    /// Why.
    pub trouble: Trouble,
}

/// The bundle in use, the one being loaded, the last that failed.
#[derive(Debug, Default)]
pub struct BundleState {
    /// In use.
    pub current: Option<Arc<BundleInfo>>,
    /// Whether it is known from a study alone: what is stored can be looked at, and nothing be made.
    pub stored: bool,
    /// On its way.
    pub loading: Option<Loading>,
    /// The last failure, until dismissed or overtaken.
    pub failure: Option<LoadFailure>,
    /// The demonstration bundle's folder, where one was found.
    pub demo: Option<PathBuf>,
    /// What is typed into the path field.
    pub typed: String,
    /// A text that is scored by hand.
    pub trial: Trial,
}
