//! The sweep: what is asked for, how far it is, what came out.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::method::{Method, MethodKind};
use paretoscope_core::points::PointList;
use paretoscope_core::protocol::{Held, JobId, SweepPhase, SweepPlan, SweepProgress, Trouble};
use paretoscope_core::types::{PointKind, PointResult, Prompt, PromptSample, Run, Split};
use serde::{Deserialize, Serialize};

use super::RunId;

/// Simplex grid or box grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SweepMode {
    /// Preferences.
    #[default]
    Simplex,
    /// Extrapolation weights.
    Box,
    /// Points one by one.
    Points,
}

/// Where points come from one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PointsFrom {
    /// A set with a name.
    #[default]
    Set,
    /// Lines that were typed.
    Typed,
    /// A JSON Lines file.
    File,
}

/// Which points, one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PointsForm {
    /// Where they come from.
    pub from: PointsFrom,
    /// The name of a set, as the command line takes it.
    pub set: String,
    /// Lines of numbers, or of a list of points.
    pub typed: String,
    /// A file of them.
    #[serde(with = "super::paths::one")]
    pub file: PathBuf,
}

impl Default for PointsForm {
    fn default() -> Self {
        Self {
            from: PointsFrom::Set,
            set: "halton:50".to_owned(),
            typed: String::new(),
            file: PathBuf::new(),
        }
    }
}

/// Points that are known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointsOf {
    /// Where starred answers were made.
    Starred,
    /// On the front of the points in the plot.
    Plot,
    /// On the front of a sweep of the study, by its number.
    Front(i64),
}

/// Where the prompts come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PromptSource {
    /// The bundle's own.
    #[default]
    Bundle,
    /// The one in the editor.
    Editor,
    /// A JSON Lines file.
    File(#[serde(with = "super::paths::one")] PathBuf),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepForm {
    /// Simplex or box.
    pub mode: SweepMode,
    /// Steps from one corner to the next (k): the step is 1 / k on the simplex, C / k in the box.
    pub k: usize,
    /// Largest weight of the box.
    pub c: f64,
    /// Which points, where they come one by one.
    pub points: PointsForm,
    /// Where the prompts come from.
    pub source: PromptSource,
    /// Which part of the bundle's prompts, or of the file's; all of them where `None`.
    pub split: Option<Split>,
    /// Prompts at most; the first ones are taken.
    pub prompts: usize,
    /// New tokens at most.
    pub max_tokens: usize,
    /// By which methods, a sweep each; by the one that is usual at the points where there is none.
    #[serde(deserialize_with = "super::methods::many")]
    pub methods: Vec<Method>,
    /// Where results are stored; a file of the data folder, one per bundle, where none is named.
    #[serde(with = "super::paths::maybe")]
    pub store: Option<PathBuf>,
}

impl Default for SweepForm {
    fn default() -> Self {
        Self {
            mode: SweepMode::Simplex,
            k: 6,
            c: 1.0,
            points: PointsForm::default(),
            source: PromptSource::Bundle,
            split: None,
            prompts: 8,
            max_tokens: 64,
            methods: Vec::new(),
            store: None,
        }
    }
}

impl SweepForm {
    /// The methods at such points, in their order, each once: those of the chosen ones that answer there. The papers' own
    /// stand for each other.
    pub fn methods_at(&self, points: PointKind) -> Vec<Method> {
        let usual = Method::of(points);
        let mut found: Vec<Method> = Vec::new();
        for method in &self.methods {
            let method = match method.kind() {
                MethodKind::Hoe | MethodKind::Mva => &usual,
                _ => method,
            };
            let known = found.iter().any(|known| known.kind() == method.kind());
            if !known && method.check(points).is_ok() {
                found.push(method.clone());
            }
        }
        if found.is_empty() {
            found.push(usual);
        }
        found.sort_by_key(Method::kind);
        found
    }

    /// With one more method at such points, or one less.
    #[must_use]
    pub fn with_method(&self, kind: MethodKind, points: PointKind, on: bool) -> Self {
        let mut methods = self.methods_at(points);
        methods.retain(|method| method.kind() != kind);
        if on {
            methods.push(Method::usual(kind));
        }
        methods.sort_by_key(Method::kind);
        Self {
            methods,
            ..self.clone()
        }
    }
}

/// What a sweep would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepCost {
    /// Points, the base model's included.
    pub points: usize,
    /// Prompts.
    pub prompts: usize,
    /// Methods, of which each has a sweep of its own.
    pub methods: usize,
    /// What the points are.
    pub kind: PointKind,
}

impl SweepCost {
    /// Generations of all of its sweeps.
    pub fn rows(self) -> usize {
        self.points * self.prompts * self.methods
    }
}

/// A sweep that another one took the place of in the plot.
#[derive(Debug)]
pub struct Shelved {
    /// The engine's name for it.
    pub job: JobId,
    /// What it visited.
    pub plan: Arc<SweepPlan>,
    /// How far it was.
    pub progress: Option<SweepProgress>,
    /// Its points, in order of arrival.
    pub points: Vec<Arc<PointResult>>,
}

/// The sweep.
#[derive(Debug, Default)]
pub struct SweepState {
    /// The folder of the stores.
    pub folder: PathBuf,
    /// What the form would cost, or why it cannot run.
    pub cost: Option<Result<SweepCost, Trouble>>,
    /// When the store is asked what it holds of that; `None` where it was.
    pub held_due: Option<f64>,
    /// What was asked about.
    pub held_plan: Option<Arc<SweepPlan>>,
    /// What the store holds of it.
    pub held: Option<Held>,
    /// Rows per second, as last measured.
    pub rate: Option<f64>,
    /// The rows of the selected dot, as runs of the session.
    pub rows: Vec<RunId>,
    /// What the store holds of them, in the same order.
    pub stored: Vec<Arc<Run>>,
    /// The row whose routing is being found again.
    pub retrace: Option<RunId>,
    /// Whether the rows of the selected dot are on their way.
    pub recalling: bool,
    /// The sweep under way, or the last one.
    pub job: Option<JobId>,
    /// What it visits.
    pub plan: Option<Arc<SweepPlan>>,
    /// Those that follow it, of other methods.
    pub queue: VecDeque<Arc<SweepPlan>>,
    /// How many were started together.
    pub batch: usize,
    /// How far it is.
    pub progress: Option<SweepProgress>,
    /// Counts changes of the points other than arrivals.
    pub generation: u64,
    /// Points that are in, in order of arrival.
    pub points: Vec<Arc<PointResult>>,
    /// The sweep before this one, to go back to.
    pub shelved: Option<Shelved>,
    /// The prompt whose stored answer was last looked at.
    pub looked_at: Option<Prompt>,
    /// The run that was looked at before the dot was.
    pub before: Option<RunId>,
    /// The dot that is looked at, by [`PointResult::index`].
    pub selected: Option<usize>,
    /// Why the last one failed.
    pub trouble: Option<Trouble>,
    /// Points read from a file, or why they could not be.
    pub listed: Option<Result<PointList, Trouble>>,
    /// Prompts read from a file, or why they could not be.
    pub file: Option<Result<Vec<PromptSample>, Trouble>>,
}

impl SweepState {
    /// Whether rows may still come.
    pub fn is_active(&self) -> bool {
        self.job.is_some()
            && self.trouble.is_none()
            && !matches!(
                self.phase(),
                Some(SweepPhase::Finished | SweepPhase::Cancelled)
            )
    }

    /// What it is doing.
    pub fn phase(&self) -> Option<SweepPhase> {
        self.progress.as_ref().map(|p| p.phase)
    }

    /// What the store holds of the sweep that the form asks for, where that is more than the plot shows.
    pub fn held_and_hidden(&self) -> Option<Held> {
        let shown = self.plan.is_some() && self.plan == self.held_plan && !self.points.is_empty();
        self.held
            .filter(|held| held.rows_done > 0 && !self.is_active() && !shown)
    }

    /// A point by its place in the plan.
    pub fn point(&self, index: usize) -> Option<&Arc<PointResult>> {
        self.points.iter().find(|p| p.index == index)
    }
}
