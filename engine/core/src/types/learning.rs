//! What is learnt from votes, as data: the plan, its news, what came of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{DpoConfig, TrainNews, Trouble, Weights};
use crate::annotate::Voters;
use crate::stats::{Draws, Moves};

/// A value vector that is to be learnt from the votes of a task, and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnPlan {
    /// The study with the task.
    pub study: PathBuf,
    /// The task's name.
    pub task: String,
    /// By which objective.
    pub objective: String,
    /// Whose votes.
    #[serde(default)]
    pub voters: Voters,
    /// The bundle whose base model is trained, and which is measured without the vector and with it.
    pub bundle: PathBuf,
    /// Folder of the run: the adapter, `pairs.jsonl`, `run.json`, and `bundle/` with the vector in it.
    pub out: PathBuf,
    /// What the vector is called in that bundle.
    pub name: String,
    /// How it is trained.
    pub config: DpoConfig,
    /// The weight at which it is measured.
    pub weight: f64,
    /// Where it is measured, in weights of the bundle's value vectors; the task's own points where empty.
    #[serde(default)]
    pub points: Vec<Weights>,
    /// A file of prompts whose test part measures; that of the task's sweeps where absent, else of the bundle's own.
    #[serde(default)]
    pub prompts: Option<PathBuf>,
    /// Measures on the prompts that were voted on as well, which is in sample.
    #[serde(default)]
    pub in_sample: bool,
    /// Draws of prompts behind intervals.
    pub draws: Draws,
}

/// How many pairs votes gave, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnPairs {
    /// Pairs, all on prompts that train.
    pub pairs: usize,
    /// Items on which as many votes went one way as the other.
    pub ties: usize,
    /// Items that are checks.
    pub checks: usize,
    /// Items on prompts of the test split.
    pub test: usize,
    /// Items on prompts of the validation split, or of none.
    pub elsewhere: usize,
    /// Items whose prompt is bare tokens.
    pub unreadable: usize,
    /// The hash of the votes behind the pairs, see [`crate::study::votes_hash`].
    pub votes: String,
}

impl LearnPairs {
    /// In words: what is used, and what is not.
    pub fn words(&self) -> String {
        let left_out = [
            (self.ties, "tied"),
            (self.test, "on test prompts"),
            (self.elsewhere, "on prompts that do not train"),
            (self.checks, "checks"),
            (self.unreadable, "of bare tokens"),
        ];
        let left_out: Vec<String> = left_out
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let left_out = if left_out.is_empty() {
            "nothing left out".to_owned()
        } else {
            format!("left out: {}", left_out.join(", "))
        };
        format!("{} pairs on training prompts; {left_out}", self.pairs)
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// The bundle as it was.
    Before,
    /// With the vector.
    After,
}

/// News of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearnNews {
    /// The pairs are written.
    Pairs(LearnPairs),
    /// The training goes on; its end is none of the plan's.
    Training(TrainNews),
    /// The training is done already, by an earlier run of the plan.
    Trained,
    /// Answers come.
    Measuring {
        /// Of what.
        what: Measured,
        /// Rows that are scored and stored.
        done: usize,
        /// Of how many.
        of: usize,
        /// Seconds to go, once there is a pace.
        eta_seconds: Option<f64>,
    },
    /// All is done.
    Learnt(Box<Effect>),
    /// It was stopped; the same plan goes on.
    Cancelled,
    /// It could not go on, and this is why.
    Failed(Trouble),
}

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The task.
    pub task: String,
    /// By which objective.
    pub objective: String,
    /// What the vector is called.
    pub name: String,
    /// What it learnt from.
    pub pairs: LearnPairs,
    /// The adapter's folder.
    pub adapter: PathBuf,
    /// The bundle that has it.
    pub bundle: PathBuf,
    /// The weight at which it was measured.
    pub weight: f64,
    /// What was measured, in words: the points, and where the prompts are from.
    pub measured: String,
    /// The numbers in the study of the sweeps before and after.
    pub sweeps: [i64; 2],
    /// Arrows on test prompts, none of which was trained on.
    pub test: Moves,
    /// Arrows on the prompts that were voted on. They are in sample: no measure of what was learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_sample: Option<Moves>,
}

impl Effect {
    /// The overall movements in words, a line each.
    pub fn words(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.test.overall.iter().map(|m| m.words()).collect();
        for moved in self.in_sample.iter().flat_map(|moves| &moves.overall) {
            lines.push(format!(
                "in sample, on the voters' own prompts: {}",
                moved.words()
            ));
        }
        lines
    }
}
