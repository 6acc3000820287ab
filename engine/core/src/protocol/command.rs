//! What the engine can be asked to do.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::JobId;
use crate::method::Method;
use crate::types::{
    Compared, LearnPlan, Measure, Mutes, NamedPoint, Point, PointKind, PointSet, Prompt,
    RowRequest, Run, Sampling, Split, TrainJob,
};

/// The points that a sweep visits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepGrid {
    /// Every preference whose shares are multiples of `step` (which must divide 1).
    Simplex {
        /// Distance between neighbours along an edge.
        step: f64,
        /// Objectives that vary, by index; the others stay at 0. All of them where empty.
        #[serde(default)]
        objectives: Vec<usize>,
    },
    /// Every combination of weights in `{0, step, ..., c}`, one per value vector.
    Box {
        /// Largest weight.
        c: f64,
        /// Distance between neighbours.
        step: f64,
    },
    /// A named set.
    Set(PointSet),
    /// Points one by one, visited in this order.
    List {
        /// The points, each once.
        points: Vec<NamedPoint>,
    },
}

impl SweepGrid {
    /// The kind of its points; a list without any counts as preferences.
    pub fn kind(&self) -> PointKind {
        match self {
            Self::Simplex { .. } => PointKind::Preference,
            Self::Box { .. } => PointKind::Weights,
            Self::Set(set) => set.kind(),
            Self::List { points } => points
                .first()
                .map_or(PointKind::Preference, |named| named.point.kind()),
        }
    }
}

/// A sweep: points x prompts, scored and stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepPlan {
    /// Where.
    pub grid: SweepGrid,
    /// On what.
    pub prompts: Vec<Prompt>,
    /// Which part each of `prompts` belongs to; empty where nobody said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<Split>,
    /// What each of `prompts` is about, where its file says; empty where it says it of none. Prompts of one group are drawn
    /// together when intervals are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Option<String>>,
    /// How tokens are chosen; the seed is the sweep's, each row's follows from it.
    pub sampling: Sampling,
    /// Whether the base model (no expert) is measured as well.
    pub include_base: bool,
    /// The study that every finished row goes into at once.
    pub store: PathBuf,
}

impl SweepPlan {
    /// By which method its points become answers. The base model is itself, whatever the method.
    pub fn method(&self) -> Method {
        let usual = || Method::of(self.grid.kind());
        self.sampling.method.clone().unwrap_or_else(usual)
    }
}

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EngineCommand {
    /// Load a bundle; the one in use stays until the new one is ready, and if it fails.
    LoadBundle {
        /// This job.
        job: JobId,
        /// The bundle's folder.
        path: PathBuf,
    },
    /// Generate one row, ahead of any sweep.
    Generate {
        /// This job.
        job: JobId,
        /// The row.
        row: RowRequest,
        /// Whether the finished text is scored by the bundle's reward models.
        score: bool,
    },
    /// Move a running row to another point or silence other channels, from its next token on.
    Steer {
        /// The row's job.
        job: JobId,
        /// Where to.
        point: Point,
        /// What is silenced.
        mutes: Mutes,
    },
    /// Start a sweep, or go on with the one that the store already holds.
    Sweep {
        /// This job.
        job: JobId,
        /// What to visit.
        plan: SweepPlan,
    },
    /// Finish the rows under way, then wait.
    Pause {
        /// The sweep's job.
        job: JobId,
    },
    /// Go on.
    Resume {
        /// The sweep's job.
        job: JobId,
    },
    /// Stop at the next token. A row keeps its text, a sweep its finished rows; of a routing that is found again, and of
    /// a comparison, nothing more is said.
    Cancel {
        /// The job.
        job: JobId,
    },
    /// Bring back the stored rows of one point of a sweep, in order of prompts.
    Recall {
        /// This job.
        job: JobId,
        /// The sweep as it was asked for: its store and its rows' keys follow from it.
        plan: Arc<SweepPlan>,
        /// The point, by its place in the plan (the `index` of its `PointResult`).
        index: usize,
    },
    /// Count what a sweep's store holds of it already, beside everything else. Starts nothing.
    CountHeld {
        /// This job.
        job: JobId,
        /// The sweep as it would be asked for.
        plan: Arc<SweepPlan>,
    },
    /// Find a run's routing again, where none was recorded.
    Retrace {
        /// This job.
        job: JobId,
        /// The run, of the bundle in use.
        run: Arc<Run>,
    },
    /// Measure how much the bundle's adapters depend on each other, beside everything else.
    Compare {
        /// This job.
        job: JobId,
        /// Which of them.
        compared: Compared,
        /// By what.
        measure: Measure,
    },
    /// Train beside everything else, or go on from the newest checkpoint of the plan's folder; one run at a
    /// time. `Cancel` writes a checkpoint and ends it.
    Train {
        /// This job.
        job: JobId,
        /// What to make.
        plan: Arc<TrainJob>,
    },
    /// Learn a value vector from votes and measure it, beside everything else, or go on with what the plan's folder holds;
    /// not beside a training. `Cancel` ends it where it can go on.
    Learn {
        /// This job.
        job: JobId,
        /// From which votes, how, and where it is measured.
        plan: Arc<LearnPlan>,
    },
    /// Read a file of prompts, beside everything else.
    ReadPrompts {
        /// The file.
        path: PathBuf,
    },
    /// Look up the training runs of a folder, beside everything else.
    FindRuns {
        /// The folder of runs.
        folder: PathBuf,
    },
    /// Make a bundle that has a training run's result as well, beside everything else.
    BundleWith {
        /// The run.
        plan: Arc<TrainJob>,
        /// The bundle to add to, where its base is that of the run.
        onto: PathBuf,
    },
    /// What the model would be given for a prompt. Answered between two steps of whatever runs; of several
    /// that wait, only the last is answered.
    Preview {
        /// This job.
        job: JobId,
        /// The prompt.
        prompt: Prompt,
    },
    /// Score a text.
    Score {
        /// This job.
        job: JobId,
        /// Before it.
        prompt: Prompt,
        /// The text.
        response: String,
    },
    /// End the thread.
    Shutdown,
}
