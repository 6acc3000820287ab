//! What stops of talks show: recorded answers and sweeps, whole, so that a stage waits for no disk.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use paretoscope_core::study::{DeckState, PlayedPoint, Uid};
use paretoscope_core::types::BundleInfo;

use super::message::Recalled;

/// A recorded answer for the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// The answer, with its routing and its pace.
    pub answer: Recalled,
    /// What made it.
    pub bundle: Arc<BundleInfo>,
}

/// A recorded sweep for the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StagedSweep {
    /// Its name in every file.
    pub uid: Uid,
    /// Its points in the order in which they were done.
    pub points: Arc<Vec<PlayedPoint>>,
    /// What made it.
    pub bundle: Arc<BundleInfo>,
}

/// What stops show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Material {
    /// Recorded answers.
    pub answers: Vec<Staged>,
    /// Recorded sweeps.
    pub sweeps: Vec<StagedSweep>,
}

/// What the window was told of talks.
#[derive(Debug, Default)]
pub(super) struct DeckKeeper {
    /// Nothing yet, of this file.
    pub(super) told: Option<Vec<DeckState>>,
    /// Answers that the window has.
    pub(super) answers: HashSet<Uid>,
    /// Sweeps that it has, with as many rows.
    pub(super) sweeps: HashMap<Uid, usize>,
}
