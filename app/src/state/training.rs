//! Training: what is asked for, and the runs that were.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paretoscope_core::protocol::{JobId, Trouble};
use paretoscope_core::routing::Complex;
use paretoscope_core::types::{
    BundleInfo, DpoConfig, DpoJob, Expert, ExpertKind, Joins, MorlConfig, MorlJob, Part,
    PenaltyConfig, Preference, RewardConfig, RewardJob, RouterConfig, RouterJob, SftConfig, SftJob,
    Split, TrainEnd, TrainJob, TrainRun, TrainStep, TrainTask, USUAL, WeightedData,
};

/// What can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TrainKind {
    /// A value vector by direct preference optimisation, apart from earlier ones (MVA).
    #[default]
    Value,
    /// An adapter by direct preference optimisation.
    Dpo,
    /// An adapter by supervised fine-tuning.
    Sft,
    /// A reward model.
    Reward,
    /// A router expert by policy optimisation.
    Router,
    /// An adapter for one preference by policy optimisation (MORLHF).
    Ppo,
}

impl TrainKind {
    /// All of them, in the order shown.
    pub const ALL: [Self; 6] = [
        Self::Value,
        Self::Router,
        Self::Dpo,
        Self::Sft,
        Self::Ppo,
        Self::Reward,
    ];

    /// Shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Value => "Value vector",
            Self::Dpo => "Adapter by DPO",
            Self::Sft => "Adapter by SFT",
            Self::Reward => "Reward model",
            Self::Router => "Router expert",
            Self::Ppo => "Adapter by PPO",
        }
    }

    /// What it is for.
    pub fn words(self) -> &'static str {
        match self {
            Self::Value => {
                "MVA: learns from preference pairs, held apart from earlier value vectors by a penalty."
            }
            Self::Dpo => {
                "Learns from pairs of a better and a worse answer; the base model is the reference."
            }
            Self::Sft => "Learns to give the answers of the data.",
            Self::Reward => {
                "Learns to score the better answer of a pair higher (Bradley and Terry)."
            }
            Self::Router => {
                "HoE: answers at one preference, is scored by the bundle's reward models, and learns which LoRA expert should speak at each token."
            }
            Self::Ppo => {
                "MORLHF: one adapter learns one preference from the bundle's reward models."
            }
        }
    }

    /// What its data has on every line.
    pub fn data_words(self) -> &'static str {
        match self {
            Self::Value | Self::Dpo | Self::Reward => {
                "JSON Lines with prompt, chosen and rejected; or whole dialogues in chosen and rejected"
            }
            Self::Sft => "JSON Lines with prompt and response; or text alone",
            Self::Router | Self::Ppo => {
                "JSON Lines with prompts; where none is given, those of the bundle's own that train, which sweeps then leave out"
            }
        }
    }

    /// The kind in one word, for names.
    pub fn word(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Dpo => "dpo",
            Self::Sft => "sft",
            Self::Reward => "reward",
            Self::Router => "router",
            Self::Ppo => "ppo",
        }
    }

    /// Whether it learns from rewards of answers that it samples itself.
    pub fn samples(self) -> bool {
        matches!(self, Self::Router | Self::Ppo)
    }

    /// What is usual for it, without files: those of [`TrainForm::plan`].
    pub fn usual(self) -> TrainTask {
        let mut task = match self {
            Self::Value => TrainTask::Dpo(DpoJob {
                base: PathBuf::new(),
                data: Vec::new(),
                skip_bad: false,
                config: DpoConfig {
                    penalty: PenaltyConfig::of(USUAL.penalty),
                    ..DpoConfig::default()
                },
                votes: None,
            }),
            Self::Dpo => TrainTask::Dpo(DpoJob {
                base: PathBuf::new(),
                data: Vec::new(),
                skip_bad: false,
                config: DpoConfig::default(),
                votes: None,
            }),
            Self::Sft => TrainTask::Sft(SftJob {
                base: PathBuf::new(),
                from_random: false,
                data: PathBuf::new(),
                skip_bad: false,
                config: SftConfig::default(),
            }),
            Self::Reward => TrainTask::Reward(RewardJob {
                base: PathBuf::new(),
                data: PathBuf::new(),
                skip_bad: false,
                config: RewardConfig::default(),
            }),
            Self::Router => TrainTask::Router(RouterJob {
                bundle: PathBuf::new(),
                prompts: None,
                config: RouterConfig::default(),
            }),
            Self::Ppo => TrainTask::Ppo(MorlJob {
                bundle: PathBuf::new(),
                prompts: None,
                config: MorlConfig::default(),
            }),
        };
        // One core stays with the window and its answers; a folder that holds the run goes on.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let run = task.run_mut();
        run.workers = cores.saturating_sub(1).max(1);
        run.resume = true;
        task
    }
}

/// The form: the run that it asks for, and what only the window knows of it. Numbers in it are always valid; names and
/// paths are judged by [`TrainForm::problems`].
#[derive(Debug, Clone, PartialEq)]
pub struct TrainForm {
    /// What is made.
    pub kind: TrainKind,
    /// With which settings; its files are those of [`TrainForm::plan`].
    pub task: TrainTask,
    /// The other kinds as they were left.
    pub left: BTreeMap<TrainKind, TrainTask>,
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
        let kind = TrainKind::default();
        Self {
            kind,
            task: kind.usual(),
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
    /// Takes up the settings of another kind or penalty than `before`: as they were left, else what is usual. Numbers
    /// that a person has changed and that every kind has stay as they are; rates and strengths that nobody touched
    /// follow, for those of different kinds cannot be compared.
    pub fn follow(&mut self, before: &Self) {
        if self.kind != before.kind && self.task == before.task {
            let task = self.left.remove(&self.kind);
            let task = task.unwrap_or_else(|| self.kind.usual());
            let was = std::mem::replace(&mut self.task, task);
            let (usual, own) = (before.kind.usual(), was.run());
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
        if self.data.as_os_str().is_empty() {
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
        if let (TrainKind::Value, TrainTask::Dpo(job)) = (self.kind, &self.task)
            && job.config.penalty.kind.compares()
            && job.config.against.is_empty()
        {
            let words =
                "tick at least one earlier vector, or choose a penalty that compares with none";
            say(TrainField::Against, words.to_owned());
        }
        if let Some(words) = self.place_problem(info) {
            say(TrainField::Place, words);
        }
        found
    }

    /// Whether the result is a value vector; else it is an expert or a reward model.
    pub fn is_value(&self) -> bool {
        match self.kind {
            TrainKind::Value => true,
            TrainKind::Router => false,
            _ => self.value,
        }
    }

    fn is_taken(&self, info: &BundleInfo, name: &str) -> bool {
        match (self.kind, self.is_value()) {
            (TrainKind::Reward, _) => false,
            (_, true) => info.values.iter().any(|value| value.name == name),
            (_, false) => info.experts.iter().any(|expert| expert.name == name),
        }
    }

    /// Why an expert cannot stand where it should.
    fn place_problem(&self, info: &BundleInfo) -> Option<String> {
        if self.kind == TrainKind::Reward {
            return info.objectives.is_empty().then(|| {
                "the bundle has no objectives that a reward model could score".to_owned()
            });
        }
        if self.is_value() && self.kind != TrainKind::Ppo {
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
            kind: if self.kind == TrainKind::Router {
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
            TrainKind::Reward => {
                Part::Reward(objective.map(|o| o.name.clone()).unwrap_or_default())
            }
            TrainKind::Router => Part::Router(self.preference.clone()),
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
        }
        TrainJob {
            task,
            out: runs.join(&name),
            joins: Some(Joins {
                name,
                bundle: info.path.clone(),
                part,
            }),
        }
    }
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
        let word = self.form.kind.word();
        let free = |n: &usize| {
            let name = format!("{word}-{n}");
            self.runs.iter().all(|run| run.plan.name() != name)
        };
        // One more than there are runs is free, if no smaller one is.
        let number = (1..=self.runs.len() + 1).find(free).unwrap_or(1);
        format!("{word}-{number}")
    }
}
