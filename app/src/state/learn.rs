//! Learning from votes: what there is to learn from, the form, how far it is, what came of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use paretoscope_core::annotate::Voters;
use paretoscope_core::protocol::Trouble;
use paretoscope_core::stats::Draws;
use paretoscope_core::types::{
    BundleInfo, Effect, LearnPairs, LearnPlan, Measured, TrainMethod, TrainStep, TrainTask,
};

use super::{TrainEntry, TrainForm};

/// A task of the study, with what could be learnt from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnTask {
    /// Its name.
    pub name: String,
    /// By each objective: the pairs on training prompts, and what is left out.
    pub objectives: Vec<(String, LearnPairs)>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnForm {
    /// The task's name.
    pub task: String,
    /// By which objective.
    pub objective: String,
    /// What the vector is called; made up from the objective until a person changes it.
    pub name: String,
    /// The settings, as the training form has them.
    pub training: TrainTask,
    /// The weight at which it is measured.
    pub weight: f64,
    /// Whether the voters' own prompts are measured as well.
    pub in_sample: bool,
}

impl Default for LearnForm {
    fn default() -> Self {
        Self {
            task: String::new(),
            objective: String::new(),
            name: String::new(),
            // Nothing is held apart from unless a person asks for it.
            training: TrainForm::usual(TrainMethod::Dpo),
            weight: 1.0,
            in_sample: false,
        }
    }
}

impl LearnForm {
    /// What is wrong with it, in words; the first thing.
    pub fn problem(
        &self,
        info: &BundleInfo,
        runs: &[TrainEntry],
        tasks: &[LearnTask],
    ) -> Option<String> {
        let Some(pairs) = self.pairs(tasks) else {
            return Some("choose a task and an objective".to_owned());
        };
        if pairs.pairs == 0 {
            return Some(
                "this task has no decided pair on training prompts by this objective yet"
                    .to_owned(),
            );
        }
        let name = self.name.trim();
        let plain = |c: char| c.is_alphanumeric() || "-_. +".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Some(
                "give the vector a name of letters, digits, spaces and - _ . +".to_owned(),
            );
        }
        if info.values.iter().any(|value| value.name == name) {
            return Some(format!(
                "the bundle has a value vector called {name} already"
            ));
        }
        // A run on votes goes on under its name; another one is not written over.
        let of_votes =
            |run: &TrainEntry| matches!(&run.plan.task, TrainTask::Dpo(job) if job.votes.is_some());
        let other = runs
            .iter()
            .any(|run| run.plan.name() == name && !of_votes(run));
        other.then(|| format!("there is a training run called {name}; take another name"))
    }

    /// What would be learnt from.
    pub fn pairs<'a>(&self, tasks: &'a [LearnTask]) -> Option<&'a LearnPairs> {
        let task = tasks.iter().find(|task| task.name == self.task)?;
        let found = task
            .objectives
            .iter()
            .find(|(name, _)| *name == self.objective);
        found.map(|(_, pairs)| pairs)
    }

    /// The plan that it stands for, with a folder in `runs`; `None` where its settings are of another kind.
    pub fn plan(&self, info: &BundleInfo, study: &Path, runs: &Path) -> Option<LearnPlan> {
        let TrainTask::Dpo(job) = &self.training else {
            return None;
        };
        let name = self.name.trim().to_owned();
        Some(LearnPlan {
            study: study.to_path_buf(),
            task: self.task.clone(),
            objective: self.objective.clone(),
            voters: Voters::People,
            bundle: info.path.clone(),
            out: runs.join(&name),
            name,
            config: job.config.clone(),
            weight: self.weight,
            points: Vec::new(),
            prompts: None,
            in_sample: self.in_sample,
            draws: Draws::default(),
        })
    }
}

/// How far it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum LearnPhase {
    /// Nothing was asked for.
    #[default]
    Idle,
    /// Sent, no word yet.
    Starting,
    /// Before the first step: what, how much of it, of how much.
    Preparing(String, usize, usize),
    /// Steps come.
    Training(TrainStep),
    /// Answers come: of which side, how many, of how many, seconds to go.
    Measuring(Measured, usize, usize, Option<f64>),
    /// Asked to end where it can go on.
    Stopping,
    /// All is there.
    Done,
    /// Stopped; the same plan goes on.
    Cancelled,
    /// It could not go on.
    Failed(Trouble),
}

impl LearnPhase {
    /// Whether the engine works on it.
    pub fn is_active(&self) -> bool {
        !matches!(
            self,
            Self::Idle | Self::Done | Self::Cancelled | Self::Failed(_)
        )
    }
}

/// Learning from votes.
#[derive(Debug, Default)]
pub struct LearnState {
    /// The study whose tasks are known.
    pub of: Option<PathBuf>,
    /// Its tasks of pairs; `None` until they were looked up.
    pub tasks: Option<Result<Vec<LearnTask>, Trouble>>,
    /// What is asked for.
    pub form: LearnForm,
    /// How far it is.
    pub phase: LearnPhase,
    /// What is under way, or was last.
    pub plan: Option<Arc<LearnPlan>>,
    /// What it learns from.
    pub pairs: Option<LearnPairs>,
    /// What came of it.
    pub effect: Option<Box<Effect>>,
}

impl LearnState {
    /// The tasks that are known.
    pub fn known(&self) -> &[LearnTask] {
        self.tasks
            .as_ref()
            .and_then(|tasks| tasks.as_ref().ok())
            .map_or(&[], Vec::as_slice)
    }
}
