//! What a study keeps of where a person is, so that it opens where its owner left it, on any machine.

use std::path::PathBuf;

use paretoscope_core::study::{Uid, bundle_uid};
use paretoscope_core::types::BundleInfo;
use serde::{Deserialize, Serialize};

use super::{AppState, Panel, Place, ReturnTo, RunEntry, View};

/// Bundles whose place is kept, the newest first.
const BUNDLES: usize = 4;

/// What was looked at of one bundle.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The bundle, by its name in every file.
    pub uid: String,
    /// The bundle's folder, as programs before studies named it; read and not written.
    #[serde(with = "super::paths::one", skip_serializing)]
    pub bundle: PathBuf,
    /// What its base model is, of such a program.
    #[serde(skip_serializing)]
    pub digest: String,
    /// Where the point stood.
    #[serde(flatten)]
    pub place: Place,
    /// The panel in front in a small window.
    pub panel: Panel,
    /// The answer that was looked at, by its name in the study.
    pub looked_at: Option<String>,
    /// The one that it was compared with.
    pub compared: Option<String>,
}

impl Kept {
    /// Whether it is of this bundle.
    pub fn is_of(&self, info: &BundleInfo) -> bool {
        if self.uid.is_empty() {
            return self.bundle == info.path && self.digest == info.model.digest;
        }
        self.uid == bundle_uid(info).to_string()
    }

    /// What there is to keep, and what of other bundles was kept before.
    pub fn all(state: &AppState) -> Vec<Self> {
        let (Some(now), Some(info)) = (Self::of(state), state.info()) else {
            return state.kept.clone();
        };
        let others = state.kept.iter().filter(|kept| !kept.is_of(info));
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
        Some(Self {
            uid: bundle_uid(info).to_string(),
            place: Place::of(state),
            panel: state.overlay.panel,
            looked_at,
            compared,
            ..Self::default()
        })
    }
}

/// All that a study keeps of where a person is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptView {
    /// What is looked at.
    #[serde(flatten)]
    pub view: View,
    /// The dot that is looked at, by its name in the study's fronts.
    pub dot: Option<String>,
    /// Where the point stands and which answers are looked at, one per bundle, the newest first.
    pub bundles: Vec<Kept>,
    /// Who votes on what: the task and the alias, so that nobody who votes falls into the rest of the window.
    pub annotating: Option<(String, String)>,
}

impl KeptView {
    /// What there is to keep now.
    pub fn of(state: &AppState) -> Self {
        Self {
            view: View::of(state),
            dot: state.looked_dot(),
            bundles: Kept::all(state),
            annotating: state.annotate.sitting(),
        }
    }
}
