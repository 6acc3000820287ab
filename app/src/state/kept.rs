//! What a restart brings back: where the point stood, and the last answers. Their routing is not kept; it can be made
//! again.

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::protocol::JobId;
use paretoscope_core::types::{BundleInfo, Finish, Point, Prompt, Sampling, Scores, Steering};
use serde::{Deserialize, Serialize};

use super::{AppState, Mode, Panel, RunEntry, RunId, RunPhase};

/// Answers kept at most; current and pinned ones come first.
const ANSWERS: usize = 24;
/// Bytes kept at most over all answers, their prompts and steering counted.
const BYTES: usize = 256 << 10;
/// Bundles whose last session is kept, the newest first.
const BUNDLES: usize = 4;

/// An answer without its tokens and their routing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptRun {
    /// What was asked.
    pub prompt: Prompt,
    /// Where it started out.
    pub point: Point,
    /// Every change of its point and mutes while it ran.
    pub steering: Steering,
    /// How tokens were chosen.
    pub sampling: Sampling,
    /// The answer.
    pub text: String,
    /// How it ended; `None` where somebody stopped it.
    pub finish: Option<Finish>,
    /// Its scores.
    pub scores: Option<Scores>,
}

impl KeptRun {
    /// `None` for one that is under way, or failed, or says nothing.
    fn of(run: &RunEntry) -> Option<Self> {
        let finish = match &run.phase {
            RunPhase::Done(finish) => Some(*finish),
            RunPhase::Stopped => None,
            _ => return None,
        };
        (!run.text.is_empty()).then(|| Self {
            prompt: run.prompt.clone(),
            point: run.point.clone(),
            steering: run.steering.clone(),
            sampling: run.sampling.clone(),
            text: run.text.clone(),
            finish,
            scores: run.scores.clone(),
        })
    }

    /// Bytes that it takes to keep, more or less.
    fn bytes(&self) -> usize {
        let prompt = match &self.prompt {
            Prompt::Text(text) | Prompt::Chat(text) => text.len(),
            Prompt::Messages(turns) => turns.iter().map(|turn| turn.content.len()).sum(),
            Prompt::Tokens(ids) => 6 * ids.len(),
        };
        let marks = self.steering.steered.len() + self.steering.mutes.len();
        self.text.len() + prompt + 64 * marks
    }

    /// As a run of this session.
    pub fn entry(self, id: RunId, job: JobId, bundle: Arc<BundleInfo>) -> RunEntry {
        RunEntry {
            phase: self.finish.map_or(RunPhase::Stopped, RunPhase::Done),
            steering: self.steering,
            text: self.text,
            scores: self.scores,
            started: f64::NEG_INFINITY,
            ..RunEntry::new(id, job, bundle, self.prompt, self.point, self.sampling)
        }
    }
}

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
    /// Oldest first.
    pub runs: Vec<KeptRun>,
    /// The one that was looked at.
    pub current: Option<usize>,
    /// The one that it was compared with.
    pub pinned: Option<usize>,
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
        let ours = |run: &&RunEntry| Arc::ptr_eq(&run.bundle, info);
        let special = |id: RunId| session.current == Some(id) || session.pinned == Some(id);
        let mut chosen: Vec<(RunId, KeptRun)> = session
            .history()
            .rev()
            .filter(ours)
            .filter_map(|run| Some((run.id, KeptRun::of(run)?)))
            .collect();
        chosen.sort_by_key(|(id, _)| !special(*id));
        let mut left = BYTES;
        chosen.truncate(ANSWERS);
        chosen.retain(|(_, run)| {
            let fits = run.bytes() <= left;
            left -= if fits { run.bytes() } else { 0 };
            fits
        });
        chosen.sort_by_key(|(id, _)| *id);
        let place = |id: Option<RunId>| chosen.iter().position(|(known, _)| Some(*known) == id);
        let simplex = &state.simplex;
        Some(Self {
            bundle: info.path.clone(),
            digest: info.model.digest.clone(),
            mode: simplex.mode,
            preference: simplex.preference.clone(),
            weights: simplex.weights_placed.then(|| simplex.weights.clone()),
            axes: simplex.axes.clone(),
            panel: state.overlay.panel,
            // Stored answers of a dot are no part of it: what was looked at before them is.
            current: place(session.current).or_else(|| place(state.sweep.before)),
            pinned: place(session.pinned),
            runs: chosen.into_iter().map(|(_, run)| run).collect(),
        })
    }
}
