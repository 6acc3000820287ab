//! What a restart brings back beside the answers, which are in the study: where the point stood, what was looked at.

use std::path::PathBuf;

use paretoscope_core::study::Uid;
use paretoscope_core::types::BundleInfo;
use serde::{Deserialize, Serialize};

use super::{AppState, Mode, Panel, ReturnTo, RunEntry};

/// Bundles whose last session is kept, the newest first.
const BUNDLES: usize = 4;

/// What a restart brings back, where the same bundle is opened again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The bundle's folder.
    #[serde(with = "super::paths::one")]
    pub bundle: PathBuf,
    /// What its base model is.
    pub digest: String,
    /// Simplex or box.
    pub mode: Mode,
    /// One share per objective.
    pub preference: Vec<f64>,
    /// One weight per value vector, where they were ever placed.
    pub weights: Option<Vec<f64>>,
    /// The objectives that vary.
    pub axes: Vec<usize>,
    /// The panel in front in a small window.
    pub panel: Panel,
    /// The answer that was looked at, by its name in the study.
    pub looked_at: Option<String>,
    /// The one that it was compared with.
    pub compared: Option<String>,
}

impl Kept {
    /// Whether it is of this bundle, as it is now.
    pub fn is_of(&self, info: &BundleInfo) -> bool {
        self.bundle == info.path && self.digest == info.model.digest
    }

    /// What there is to keep, and what of other bundles was kept before.
    pub fn all(state: &AppState) -> Vec<Self> {
        let Some(now) = Self::of(state) else {
            return state.kept.clone();
        };
        let others = state.kept.iter().filter(|kept| kept.bundle != now.bundle);
        let others: Vec<Self> = others.cloned().collect();
        std::iter::once(now).chain(others).take(BUNDLES).collect()
    }

    /// What there is to keep; `None` without a bundle.
    pub fn of(state: &AppState) -> Option<Self> {
        let info = state.info()?;
        let session = &state.session;
        let name = |run: &RunEntry| run.stored.as_ref().map(Uid::to_string);
        // Stored answers of a dot are no part of it: what was looked at before them is.
        let before = state.sweep.before.and_then(|id| session.get(id));
        let looked_at = before.or(session.current()).and_then(name);
        // Until the answers are back, what was kept of them stays.
        let wanted = state.study.return_to.clone();
        let ReturnTo {
            looked_at,
            compared,
        } = wanted.unwrap_or_else(|| ReturnTo {
            looked_at,
            compared: session.pinned().and_then(name),
        });
        let simplex = &state.simplex;
        Some(Self {
            bundle: info.path.clone(),
            digest: info.model.digest.clone(),
            mode: simplex.mode,
            preference: simplex.preference.clone(),
            weights: simplex.weights_placed.then(|| simplex.weights.clone()),
            axes: simplex.axes.clone(),
            panel: state.overlay.panel,
            looked_at,
            compared,
        })
    }
}
