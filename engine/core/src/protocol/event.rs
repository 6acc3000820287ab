//! What the engine says.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::JobId;
use crate::types::{
    BundleInfo, GateRecord, Given, Interference, LearnNews, Mutes, Point, PointResult,
    PromptSample, Run, Scores, TokenPiece, TrainJob, TrainNews, TrainRun, Trouble,
};

/// A step of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadStage {
    /// A model that is named by its hub id comes over the network.
    Fetch {
        /// Bytes that are here.
        bytes: u64,
        /// Bytes of all its files; 0 until that is known.
        of: u64,
    },
    /// Reading `bundle.json` and the configs.
    Manifest,
    /// The base model's weights.
    Base,
    /// Adapters and routers.
    Experts,
    /// Reward models.
    Rewards,
    /// Running each adapter once to see whether it does anything.
    Probe,
}

/// New tokens of a running row, as many as came since the last news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenNews {
    /// Index of the first of them among the row's new tokens.
    pub first: usize,
    /// The tokens; byte offsets into the whole answer.
    pub tokens: Vec<TokenPiece>,
    /// The text that they add (whole characters only).
    pub text: String,
    /// Gates of these tokens, `[tokens, sites, adapters]`, where a full trace was asked for.
    pub gates: Vec<f32>,
}

/// What a sweep is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepPhase {
    /// Rows are running.
    Running,
    /// Interactive rows go first.
    Yielding,
    /// Waiting to be resumed.
    Paused,
    /// All points are in.
    Finished,
    /// Stopped; what is finished is kept.
    Cancelled,
}

/// How far a sweep is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepProgress {
    /// Points with all their rows in.
    pub points_done: usize,
    /// Points in all.
    pub points: usize,
    /// Rows in, those found in the store included.
    pub rows_done: usize,
    /// Rows in all.
    pub rows: usize,
    /// Rows that were in the store already when the sweep started.
    pub rows_found: usize,
    /// Rows that were made here since then.
    #[serde(default)]
    pub rows_made: usize,
    /// Rows that other programs at the same study have made since then.
    #[serde(default)]
    pub rows_from_others: usize,
    /// Rows that other programs make now; where nothing else is left to do, they are waited for.
    #[serde(default)]
    pub rows_at_others: usize,
    /// Rows finished per second, over this session; `None` until five are in.
    pub rows_per_second: Option<f64>,
    /// Seconds to go at that rate.
    pub eta_seconds: Option<f64>,
    /// What it is doing.
    pub phase: SweepPhase,
}

impl SweepProgress {
    /// What other programs at the same study have to do with it, in words; `None` where there are none.
    pub fn of_others(&self) -> Option<String> {
        let rows = |count: usize| {
            if count == 1 {
                "1 row".to_owned()
            } else {
                format!("{count} rows")
            }
        };
        let others = match (self.rows_from_others, self.rows_at_others) {
            (0, 0) => return None,
            (from, 0) => format!("{} made by another program", rows(from)),
            (0, at) => format!("{} being made by another program", rows(at)),
            (from, at) => format!(
                "{} made by another program, which makes {at} more",
                rows(from)
            ),
        };
        Some(others)
    }
}

/// What a store holds of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Held {
    /// Points with all their rows stored, scored or not.
    pub points_done: usize,
    /// Points in all.
    pub points: usize,
    /// Rows stored.
    pub rows_done: usize,
    /// Rows in all.
    pub rows: usize,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EngineEvent {
    /// The thread is up. First event, always.
    Ready {
        /// Where it will run, in words.
        device: String,
        /// Why that is not the device asked for.
        fallback: Option<String>,
    },
    /// A bundle is being loaded.
    Loading {
        /// The job.
        job: JobId,
        /// Which step.
        stage: LoadStage,
        /// Of the whole, 0 to 1.
        fraction: f32,
    },
    /// A bundle is in use.
    Loaded {
        /// The job.
        job: JobId,
        /// What it is.
        bundle: Arc<BundleInfo>,
    },
    /// A bundle could not be loaded; the old one stays in use.
    LoadFailed {
        /// The job.
        job: JobId,
        /// Its folder.
        path: PathBuf,
        /// Why.
        trouble: Trouble,
    },
    /// A row's prompt is being read. May be coalesced, and come late.
    Reading {
        /// The job.
        job: JobId,
        /// Tokens of the prompt that the model has read.
        read: usize,
        /// Tokens of the prompt.
        tokens: usize,
    },
    /// A row is in a slot.
    Started {
        /// The job.
        job: JobId,
        /// Tokens of the prompt.
        prompt_tokens: usize,
    },
    /// A row goes on. May be coalesced.
    Tokens {
        /// The job.
        job: JobId,
        /// What is new.
        news: TokenNews,
    },
    /// A row's gates changed.
    Steered {
        /// The job.
        job: JobId,
        /// First new token under the new gates.
        at_token: usize,
        /// Where it stands now.
        point: Point,
        /// What is silenced now.
        mutes: Mutes,
    },
    /// A row ended. Never dropped.
    Finished {
        /// The job.
        job: JobId,
        /// All of it.
        run: Arc<Run>,
    },
    /// A row or a text was scored. Never dropped.
    Scored {
        /// The job.
        job: JobId,
        /// Raw scores, sign applied.
        scores: Scores,
    },
    /// What the model would be given for a prompt. Never dropped.
    Previewed {
        /// The job.
        job: JobId,
        /// The text after the template, and every token.
        given: Arc<Given>,
        /// Tokens that prompt and answer may have together.
        context: usize,
    },
    /// A point of a sweep is complete. Never dropped.
    SweepPoint {
        /// The job.
        job: JobId,
        /// The point and its scores.
        result: Arc<PointResult>,
    },
    /// A sweep goes on. May be coalesced.
    Sweep {
        /// The job.
        job: JobId,
        /// How far it is.
        progress: SweepProgress,
    },
    /// The stored rows of a point of a sweep. Never dropped.
    Recalled {
        /// The job.
        job: JobId,
        /// The point, by its place in the plan.
        index: usize,
        /// Its finished rows, in order of prompts.
        runs: Vec<Arc<Run>>,
    },
    /// What a store holds of a sweep. Never dropped.
    Held {
        /// The job.
        job: JobId,
        /// How much.
        held: Held,
    },
    /// The routing of a run. Never dropped.
    Retraced {
        /// The job.
        job: JobId,
        /// The gates of every token of its answer.
        record: Arc<GateRecord>,
    },
    /// Adapters are being compared. May be coalesced.
    Comparing {
        /// The job.
        job: JobId,
        /// Of the whole, 0 to 1.
        fraction: f32,
    },
    /// How much they depend on each other. Never dropped.
    Compared {
        /// The job.
        job: JobId,
        /// Every pair.
        found: Arc<Interference>,
    },
    /// News of a training run. Never dropped.
    Training {
        /// The job.
        job: JobId,
        /// What is new.
        news: TrainNews,
    },
    /// News of what is learnt from votes. Never dropped.
    Learning {
        /// The job.
        job: JobId,
        /// What is new; the last of them says how it ended.
        news: LearnNews,
    },
    /// A file of prompts was read, or cannot be. Never dropped.
    PromptsRead {
        /// The file.
        path: PathBuf,
        /// Its prompts, with what its lines say of them.
        read: Result<Vec<PromptSample>, Trouble>,
    },
    /// The training runs of a folder, newest first. Never dropped.
    RunsFound {
        /// The runs.
        runs: Vec<TrainRun>,
        /// Why others could not be read.
        refused: Vec<Trouble>,
    },
    /// A bundle with a run's result, or why there is none. Never dropped.
    BundleMade {
        /// The run.
        plan: Arc<TrainJob>,
        /// The new bundle's folder.
        made: Result<PathBuf, Trouble>,
    },
    /// A job failed; everything else goes on.
    Failed {
        /// The job.
        job: JobId,
        /// Why.
        trouble: Trouble,
    },
    /// The thread ended: on `Shutdown`, or because it panicked.
    Stopped {
        /// The panic, if it was one.
        panic: Option<String>,
    },
}
