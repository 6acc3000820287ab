//! What the window knows. Views read it; only [`crate::apply`] writes it.

mod annotate;
mod bundle;
mod chosen;
mod differ;
mod division;
mod engine;
mod export;
mod front;
mod heatmap;
mod hints;
mod interference;
mod jobs;
mod judge;
mod kept;
mod learn;
mod methods;
mod others;
mod overlay;
mod paths;
mod plot;
mod prefs;
mod preview;
mod prompt;
mod reading;
mod session;
mod shares;
mod simplex;
mod study;
mod sweep;
mod talk;
mod training;
mod trial;
mod undo;
mod view;

pub use annotate::{
    AnnotatePage, AnnotateState, Desk, DeskCard, DeskChoice, DeskField, DeskPhase, LendForm,
    Weighed,
};
pub use bundle::{BundleState, LoadFailure, Loading};
pub use chosen::{Chosen, ChosenPoint, Covered, MethodOf};
pub use differ::{DifferState, rank_words};
pub use division::Division;
pub use engine::{EnginePhase, EngineState, Notice, NoticeKind};
pub use export::{ExportForm, ExportState};
pub use front::{Class, Counts, Front, FrontEntry, Hypervolume, place};
pub use heatmap::{
    HeatmapMode, HeatmapOptions, LayerChoice, ModuleChoice, SiteMap, StripColor, TierOptions,
};
pub use hints::{FirstSteps, Hints};
pub use interference::InterferenceState;
pub use jobs::{Jobs, Owner};
pub use judge::{JudgeForm, JudgeLook, JudgePhase, JudgeRun, JudgeState, JudgesOf, is_judged};
pub use kept::{Kept, KeptView};
pub use learn::{LearnForm, LearnPhase, LearnState, LearnTask};
pub use others::{OtherDot, OtherSweep, Others, OthersFrom, sweep_of};
pub use overlay::{Overlay, OverlayState, Panel};
pub use plot::{Large, PlotOptions, Units};
pub use prefs::{GenerateWhen, Prefs, ThemeChoice};
pub use preview::{PreviewState, Shown};
pub use prompt::{PromptState, ROLES, SamplingForm};
pub use reading::Reading;
pub use session::{Origin, RunEntry, RunId, RunPhase, Session};
pub use shares::{share_words, whole_parts};
pub use simplex::{FieldDraft, Mode, SimplexState, presets};
pub use study::{DotAnswers, ReturnTo, StudyPhase, StudyState, TokenTime};
pub use sweep::{
    PointsForm, PointsFrom, PointsOf, PromptSource, Shelved, SweepCost, SweepForm, SweepMode,
    SweepState,
};
pub use talk::{How, Pace, Pane, Show, Stage, StageAnswer, StageSweep, Tag, TalkState, pane};
pub use training::{TrainEntry, TrainField, TrainForm, TrainPhase, TrainingState};
pub use trial::Trial;
pub use undo::{Joins, Parts, Sight, Step, UndoState, What};
pub use view::{Place, View};

use std::sync::Arc;

use paretoscope_core::method::Method;
use paretoscope_core::study::SweepState as StudySweep;
use paretoscope_core::types::{BundleInfo, JudgePlan, Mutes, PointKind, Prompt};

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
    /// What the model would be given for it.
    pub preview: PreviewState,
    /// All runs, with the current and the pinned one.
    pub session: Session,
    /// The sweep: form, progress, points.
    pub sweep: SweepState,
    /// The front of its points.
    pub front: Front,
    /// The file that all of it goes into, and what is looked at of it.
    pub study: StudyState,
    /// Tasks of annotation, and the blind view.
    pub annotate: AnnotateState,
    /// What is written of it, and of the rest, for use elsewhere.
    pub export: ExportState,
    /// Its sweeps in the Front panel.
    pub others: Others,
    /// How much the bundle's adapters depend on each other.
    pub interference: InterferenceState,
    /// Training: the form and the runs.
    pub training: TrainingState,
    /// Talks: stops, and the one that is on.
    pub talk: TalkState,
    /// Learning from votes.
    pub learn: LearnState,
    /// Models that vote.
    pub judge: JudgeState,
    /// Sheets and the palette.
    pub overlay: OverlayState,
    /// What is remembered between sessions.
    pub prefs: Prefs,
    /// What the last sessions left, one per bundle, the newest first.
    pub kept: Vec<Kept>,
    /// How far the first steps are.
    pub first_steps: FirstSteps,
    /// Whether the window closes, whatever is under way.
    pub leaving: bool,
    /// Whether the window fills the screen.
    pub fullscreen: bool,
    /// What can be taken back.
    pub undo: UndoState,
    /// The engine's jobs, and what each is for.
    pub jobs: Jobs,
}

impl AppState {
    /// The bundle in use.
    pub fn info(&self) -> Option<&Arc<BundleInfo>> {
        self.bundle.current.as_ref()
    }

    /// The prompt of the editor, as it would be sent: the sample's own where it still equals one.
    pub fn prompt_now(&self) -> Option<Prompt> {
        let info = self.info()?;
        let sample = self.prompt.sample.and_then(|i| info.prompts.get(i));
        Some(sample.map_or_else(
            || self.prompt.prompt(info.model.has_chat_template),
            |sample| sample.prompt.clone(),
        ))
    }

    /// By which method the point becomes an answer.
    pub fn method(&self) -> Method {
        self.prefs.sampling.method(self.simplex.mode.points())
    }

    /// The kind of the points that the sweep's form asks for.
    pub fn swept_points(&self) -> PointKind {
        match (&self.sweep.cost, self.prefs.sweep.mode) {
            (Some(Ok(cost)), _) => cost.kind,
            (_, SweepMode::Box) => PointKind::Weights,
            (_, SweepMode::Simplex | SweepMode::Points) => PointKind::Preference,
        }
    }

    /// Whether the Front panel has a place for the study's sweeps: one of them is scored on what is plotted.
    pub fn plots_study(&self) -> bool {
        let names = || {
            self.simplex
                .axes
                .iter()
                .filter_map(|&a| self.objectives.get(a))
        };
        let has = |sweep: &StudySweep, name: &String| {
            sweep.info.objectives.iter().any(|o| o.name == *name)
        };
        let sweeps = self.study.sweeps.iter();
        let mut swept = sweeps.filter(|sweep| sweep.done > 0);
        !self.simplex.axes.is_empty()
            && self.info().is_some()
            && swept.any(|sweep| names().all(|name| has(sweep, name)))
    }

    /// What the form of the judge stands for; `None` where something is wrong with it.
    pub fn judge_plan(&self) -> Option<JudgePlan> {
        let form = &self.prefs.judge;
        if form.problem(&self.annotate).is_some() {
            return None;
        }
        form.plan(self.study.path.as_deref()?)
    }

    /// The number in the study of the sweep whose points are in the plot.
    pub fn own_sweep(&self) -> Option<i64> {
        let plan = self.sweep.plan.as_deref()?;
        let own = self.study.sweeps.iter().find(|sweep| sweep.plan == *plan);
        own.map(|sweep| sweep.id)
    }

    /// The dot that is looked at, by its name in the study's fronts; where it is of the panel's own sweep, as far as that
    /// is drawn of the study.
    pub fn looked_dot(&self) -> Option<String> {
        if let Some(open) = &self.study.dot {
            return Some(open.dot.clone());
        }
        let own = || {
            let index = self.sweep.selected?;
            let known = self.others.own_dots().iter();
            let (_, at) = known.copied().find(|(known, _)| *known == index)?;
            let series = self.others.fronts()?.series.get(self.others.own()?)?;
            Some(series.dots.get(at)?.uid.clone())
        };
        own().or_else(|| self.study.dot_again.clone())
    }

    /// The answer whose routing the Experts panel shows.
    pub fn routed(&self) -> Option<&RunEntry> {
        let pinned = self.session.pinned().filter(|_| self.prefs.heatmap.pinned);
        pinned.or_else(|| self.session.current())
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
