//! Training: what is asked for, and the runs that were.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paretoscope_core::protocol::{JobId, Trouble};
use paretoscope_core::routing::Complex;
use paretoscope_core::types::{
    BundleInfo, Expert, ExpertKind, Joins, ObjectiveData, Part, Preference, Split, TrainEnd,
    TrainJob, TrainMethod, TrainRun, TrainStep, TrainTask, WeightedData,
};

/// The form: the run that it asks for, and what only the window knows of it. Numbers in it are always valid; names and
/// paths are judged by [`TrainForm::problems`].
#[derive(Debug, Clone, PartialEq)]
pub struct TrainForm {
    /// What is made.
    pub kind: TrainMethod,
    /// With which settings; its files are those of [`TrainForm::plan`], but for the pairs about each objective.
    pub task: TrainTask,
    /// The other kinds as they were left.
    pub left: BTreeMap<TrainMethod, TrainTask>,
    /// Names the result.
    pub name: String,
    /// The file with the examples.
    pub data: PathBuf,
    /// Whether that file is known not to be there; looked up when it changes.
    pub data_missing: bool,
    /// Whether lines of the data that cannot be used are skipped and counted; else refused.
    pub skip_bad: bool,
    /// Whether the adapter becomes a value vector; else a LoRA expert at `preference`.
    pub value: bool,
    /// Where an expert stands, one share per objective.
    pub preference: Vec<f64>,
    /// Reward model: the objective that it scores.
    pub objective: usize,
}

impl Default for TrainForm {
    fn default() -> Self {
        let kind = TrainMethod::default();
        Self {
            kind,
            task: Self::usual(kind),
            left: BTreeMap::new(),
            name: String::new(),
            data: PathBuf::new(),
            data_missing: false,
            skip_bad: false,
            value: false,
            preference: Vec::new(),
            objective: 0,
        }
    }
}

/// A field of the form that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainField {
    /// The name.
    Name,
    /// The data.
    Data,
    /// What it is held apart from.
    Against,
    /// Where the expert stands.
    Place,
    /// The bundle itself.
    Bundle,
}

impl TrainForm {
    /// What is usual for a kind, in the window: without files, which are those of [`TrainForm::plan`].
    pub fn usual(kind: TrainMethod) -> TrainTask {
        let mut task = TrainTask::usual(kind);
        // One core stays with the window and its answers; a folder that holds the run goes on.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let run = task.run_mut();
        run.workers = cores.saturating_sub(1).max(1);
        run.resume = true;
        task
    }

    /// Takes up the settings of another kind or penalty than `before`: as they were left, else what is usual. Numbers
    /// that a person has changed and that every kind has stay as they are; rates and strengths that nobody touched
    /// follow, for those of different kinds cannot be compared.
    pub fn follow(&mut self, before: &Self) {
        if self.kind != before.kind && self.task == before.task {
            let task = self.left.remove(&self.kind);
            let task = task.unwrap_or_else(|| Self::usual(self.kind));
            let was = std::mem::replace(&mut self.task, task);
            let (usual, own) = (Self::usual(before.kind), was.run());
            let run = self.task.run_mut();
            if own.optimiser.learning_rate != usual.run().optimiser.learning_rate {
                run.optimiser.learning_rate = own.optimiser.learning_rate;
            }
            if own.checkpoint_every != usual.run().checkpoint_every {
                run.checkpoint_every = own.checkpoint_every;
            }
            (run.workers, run.seed) = (own.workers, own.seed);
            self.left.insert(before.kind, was);
        }
        if let (TrainTask::Dpo(now), TrainTask::Dpo(old)) = (&mut self.task, &before.task) {
            let (now, old) = (&mut now.config.penalty, &old.config.penalty);
            if now.kind != old.kind && now.alpha == old.kind.usual_strength() {
                now.alpha = now.kind.usual_strength();
            }
        }
    }

    /// What is wrong, by field, in the form's order.
    pub fn problems(&self, info: &BundleInfo, runs: &[TrainEntry]) -> Vec<(TrainField, String)> {
        let mut found = Vec::new();
        let mut say = |field, words: String| found.push((field, words));
        if self.kind.samples()
            && let Some(bare) = info.objectives.iter().find(|o| o.reward.is_none())
        {
            let words = format!(
                "the bundle has no reward model for {}, and this learns from rewards",
                bare.name
            );
            say(TrainField::Bundle, words);
        }
        if !info.model.has_tokenizer {
            let words = "the bundle's base model has no tokenizer, so texts cannot be read";
            say(TrainField::Bundle, words.to_owned());
        }
        let name = self.name.trim();
        if name.is_empty() {
            say(TrainField::Name, "give the result a name".to_owned());
        } else if !name
            .chars()
            .all(|c| c.is_alphanumeric() || "-_. +".contains(c))
            || name.starts_with('.')
        {
            let words = "a name is made of letters, digits, spaces and - _ . +, no dot first";
            say(TrainField::Name, words.to_owned());
        } else if runs.iter().any(|run| run.plan.name() == name) {
            let words =
                format!("there is a run called {name} already; resume it, or take another name");
            say(TrainField::Name, words);
        } else if self.is_taken(info, name) {
            say(TrainField::Name, format!("the bundle has a {name} already"));
        }
        if let TrainTask::Parm(job) = &self.task {
            if given(&job.data).count() < 2 {
                let words = "choose files of pairs about two objectives at least";
                say(TrainField::Data, words.to_owned());
            }
        } else if let TrainTask::MetaAligner(job) = &self.task {
            if job.data.iter().all(|data| data.path.as_os_str().is_empty()) {
                let words = "choose a file of pairs about an objective";
                say(TrainField::Data, words.to_owned());
            }
        } else if self.data.as_os_str().is_empty() {
            if !self.kind.samples() {
                say(TrainField::Data, "choose a file of examples".to_owned());
            } else if info.prompts.is_empty() {
                let words = "the bundle ships no prompts; choose a file of them";
                say(TrainField::Data, words.to_owned());
            } else if info.prompts.iter().all(|p| p.split != Split::Train) {
                let words = "the bundle's prompts are all for validation or the test; choose a file of others";
                say(TrainField::Data, words.to_owned());
            }
        } else if self.data_missing {
            say(TrainField::Data, "there is no such file".to_owned());
        }
        if let (TrainMethod::Value, TrainTask::Dpo(job)) = (self.kind, &self.task)
            && job.config.penalty.kind.compares()
            && job.config.against.is_empty()
        {
            let words =
                "tick at least one earlier vector, or choose a penalty that compares with none";
            say(TrainField::Against, words.to_owned());
        }
        if let TrainTask::Modpo(job) = &self.task {
            let weights = job.config.weights().err().map(|error| error.to_string());
            let words = match weights {
                _ if job.config.values.is_empty() => {
                    Some("tick the value vector of another objective".to_owned())
                }
                other => other,
            };
            if let Some(words) = words {
                say(TrainField::Against, words);
            }
        }
        if let Some(words) = self.place_problem(info) {
            say(TrainField::Place, words);
        }
        found
    }

    /// Whether the result is a value vector; else it is an expert or a reward model.
    pub fn is_value(&self) -> bool {
        match self.kind {
            TrainMethod::Value => true,
            TrainMethod::Router => false,
            kind if !kind.joins() => false,
            _ => self.value,
        }
    }

    fn is_taken(&self, info: &BundleInfo, name: &str) -> bool {
        match (self.kind, self.is_value()) {
            (TrainMethod::Reward, _) => false,
            (kind, _) if !kind.joins() => false,
            (_, true) => info.values.iter().any(|value| value.name == name),
            (_, false) => info.experts.iter().any(|expert| expert.name == name),
        }
    }

    /// Why an expert cannot stand where it should.
    fn place_problem(&self, info: &BundleInfo) -> Option<String> {
        if self.kind == TrainMethod::Reward {
            return info.objectives.is_empty().then(|| {
                "the bundle has no objectives that a reward model could score".to_owned()
            });
        }
        if !self.kind.joins() || (self.is_value() && self.kind != TrainMethod::Ppo) {
            return None;
        }
        let preference = match Preference::with_len(self.preference.clone(), info.objectives.len())
        {
            Ok(preference) => preference,
            Err(problem) => return Some(problem.to_string()),
        };
        if self.is_value() {
            return None;
        }
        let mut experts = info.experts.clone();
        experts.push(Expert {
            kind: if self.kind == TrainMethod::Router {
                ExpertKind::Router
            } else {
                ExpertKind::Lora
            },
            name: self.name.trim().to_owned(),
            preference,
        });
        let placed = Complex::new(&experts, info.objectives.len());
        placed.err().map(|problem| problem.to_string())
    }

    /// The run that it stands for, with a folder in `runs`.
    pub fn plan(&self, info: &BundleInfo, runs: &Path) -> TrainJob {
        let (name, data) = (self.name.trim().to_owned(), self.data.clone());
        let objective = info.objectives.get(self.objective);
        let part = match self.kind {
            TrainMethod::Reward => {
                Part::Reward(objective.map(|o| o.name.clone()).unwrap_or_default())
            }
            TrainMethod::Router => Part::Router(self.preference.clone()),
            _ if self.is_value() => Part::Value,
            _ => Part::Lora(self.preference.clone()),
        };
        // A bundle stands for its base model.
        let bundle = info.path.clone();
        let prompts = Some(data.clone()).filter(|path| !path.as_os_str().is_empty());
        let mut task = self.task.clone();
        match &mut task {
            TrainTask::Sft(job) => {
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
            TrainTask::Dpo(job) => {
                let data = WeightedData::alone(data);
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
            TrainTask::Reward(job) => {
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
            TrainTask::Router(job) => {
                job.config.preference.clone_from(&self.preference);
                (job.bundle, job.prompts) = (bundle, prompts);
            }
            TrainTask::Ppo(job) => {
                job.config.reward_weights.clone_from(&self.preference);
                (job.bundle, job.prompts) = (bundle, prompts);
            }
            TrainTask::Arm(job) => {
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
            TrainTask::Loramoe(job) => {
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
            TrainTask::Ric(job) => (job.bundle, job.prompts) = (bundle, prompts),
            TrainTask::Aligner(job) => {
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
            TrainTask::MetaAligner(job) => {
                job.data.retain(|data| !data.path.as_os_str().is_empty());
                (job.base, job.skip_bad) = (bundle, self.skip_bad);
            }
            TrainTask::Parm(job) => {
                job.data = given(&job.data).cloned().collect();
                (job.base, job.skip_bad) = (bundle, self.skip_bad);
            }
            TrainTask::Modpo(job) => {
                (job.base, job.data, job.skip_bad) = (bundle, data, self.skip_bad);
            }
        }
        let out = runs.join(&name);
        let joins = self.kind.joins().then(|| Joins {
            name,
            bundle: info.path.clone(),
            part,
        });
        TrainJob { task, out, joins }
    }
}

/// Objectives whose pairs were chosen.
fn given(data: &[ObjectiveData]) -> impl Iterator<Item = &ObjectiveData> {
    data.iter().filter(|data| !data.path.as_os_str().is_empty())
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrainPhase {
    /// Sent, no word yet.
    Starting,
    /// Something longer than a step goes on before the first one.
    Preparing {
        /// What it is.
        what: String,
        /// How much of it is done.
        done: usize,
        /// Of how much.
        total: usize,
    },
    /// Steps come.
    Running,
    /// Asked to write a checkpoint and end.
    Stopping,
    /// The result is in its folder.
    Done,
    /// Somebody stopped it.
    Cancelled,
    /// It could not go on.
    Failed(Trouble),
    /// The program ended while it ran.
    Killed,
}

impl TrainPhase {
    /// Whether the engine works on it.
    pub fn is_active(&self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Preparing { .. } | Self::Running | Self::Stopping
        )
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainEntry {
    /// What was asked for.
    pub plan: Arc<TrainJob>,
    /// Where it stands.
    pub phase: TrainPhase,
    /// Steps so far.
    pub steps: Vec<TrainStep>,
    /// Steps done at its newest checkpoint.
    pub checkpoint: Option<usize>,
    /// The engine's name for it while it is active.
    pub job: Option<JobId>,
}

impl TrainEntry {
    /// As it was found on disk.
    pub fn found(run: TrainRun) -> Self {
        Self {
            phase: match run.end {
                Some(TrainEnd::Done) => TrainPhase::Done,
                Some(TrainEnd::Cancelled) => TrainPhase::Cancelled,
                Some(TrainEnd::Failed(trouble)) => TrainPhase::Failed(trouble),
                None => TrainPhase::Killed,
            },
            plan: Arc::new(run.plan),
            steps: run.steps,
            checkpoint: run.checkpoint,
            job: None,
        }
    }
}

/// The form, the runs, and the one looked at.
#[derive(Debug, Default)]
pub struct TrainingState {
    /// Where runs are kept.
    pub folder: PathBuf,
    /// What is asked for.
    pub form: TrainForm,
    /// Runs, the newest first.
    pub runs: Vec<TrainEntry>,
    /// Why some runs of the folder could not be read.
    pub refused: Vec<Trouble>,
    /// Whether the folder was read.
    pub scanned: bool,
    /// The run looked at, by its folder.
    pub selected: Option<PathBuf>,
    /// Runs whose result is being made into a bundle.
    pub loading: BTreeSet<PathBuf>,
    /// Why the last result was not loaded.
    pub trouble: Option<(PathBuf, Trouble)>,
}

impl TrainingState {
    /// The run that the engine works on.
    pub fn active(&self) -> Option<&TrainEntry> {
        self.runs.iter().find(|run| run.phase.is_active())
    }

    /// Whether a policy was trained here on prompts that this bundle ships: those of the training part.
    pub fn learnt_from(&self, info: &BundleInfo) -> bool {
        self.runs.iter().any(|run| {
            let own = run.plan.task.samples() && run.plan.task.data().is_none();
            let here =
                run.plan.bundle() == Some(&info.path) || info.path.starts_with(&run.plan.out);
            own && here
        })
    }

    /// A run by its folder.
    pub fn run(&self, folder: &Path) -> Option<&TrainEntry> {
        self.runs.iter().find(|run| run.plan.out == folder)
    }

    /// The run looked at.
    pub fn selected(&self) -> Option<&TrainEntry> {
        let folder = self.selected.as_deref()?;
        self.run(folder)
    }

    /// A name that no run has: the kind with a number.
    pub fn free_name(&self) -> String {
        let word = self.form.kind.name();
        let free = |n: &usize| {
            let name = format!("{word}-{n}");
            self.runs.iter().all(|run| run.plan.name() != name)
        };
        // One more than there are runs is free, if no smaller one is.
        let number = (1..=self.runs.len() + 1).find(free).unwrap_or(1);
        format!("{word}-{number}")
    }
}
