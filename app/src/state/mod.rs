//! What the window knows. Views read it; only [`crate::apply`] writes it.

mod bundle;
mod engine;
mod interference;
mod overlay;
mod prefs;
mod prompt;
mod session;
mod simplex;
mod sweep;
mod training;
mod trial;

pub use bundle::{BundleState, LoadFailure, Loading};
pub use engine::{EnginePhase, EngineState, Notice, NoticeKind};
pub use interference::InterferenceState;
pub use overlay::{Overlay, OverlayState, Panel};
pub use prefs::{GenerateWhen, Prefs, ThemeChoice};
pub use prompt::{PromptState, SamplingForm};
pub use session::{Origin, RunEntry, RunId, RunPhase, Session, Trace};
pub use simplex::{FieldDraft, Mode, SimplexState, presets};
pub use sweep::{PromptSource, SweepCost, SweepForm, SweepMode, SweepState};
pub use training::{TrainEntry, TrainField, TrainForm, TrainKind, TrainPhase, TrainingState};
pub use trial::Trial;

pub use crate::view::heatmap::TierOptions;

use std::sync::Arc;

use paretoscope_engine::protocol::JobIds;
use paretoscope_engine::types::{BundleInfo, Mutes};

/// Everything. Serialisable parts live in [`Prefs`].
#[derive(Debug, Default)]
pub struct AppState {
    /// Seconds since the window opened; set once per frame.
    pub now: f64,
    /// The engine's thread and device.
    pub engine: EngineState,
    /// The bundle in use, the one being loaded, the one that failed.
    pub bundle: BundleState,
    /// Names of the bundle's objectives, in order.
    pub objectives: Vec<String>,
    /// Where the point stands.
    pub simplex: SimplexState,
    /// Which experts are silenced in answers.
    pub mutes: Mutes,
    /// The prompt and how tokens are chosen.
    pub prompt: PromptState,
    /// All runs, with the current and the pinned one.
    pub session: Session,
    /// The sweep: form, progress, points.
    pub sweep: SweepState,
    /// How much the bundle's adapters depend on each other.
    pub interference: InterferenceState,
    /// Training: the form and the runs.
    pub training: TrainingState,
    /// Sheets and the palette.
    pub overlay: OverlayState,
    /// What is remembered between sessions.
    pub prefs: Prefs,
    /// Names of jobs.
    pub jobs: JobIds,
}

impl AppState {
    /// The bundle in use.
    pub fn info(&self) -> Option<&Arc<BundleInfo>> {
        self.bundle.current.as_ref()
    }

    /// What is silenced, in words; `None` where everything is heard.
    pub fn mute_words(&self) -> Option<String> {
        let info = self.info()?;
        self.mutes.in_words(|channel| info.channel_name(channel))
    }

    /// Names of the bundle's objectives, in order.
    pub fn objective_names(&self) -> Vec<&str> {
        self.objectives.iter().map(String::as_str).collect()
    }
}
