//! `train`: supervised fine-tuning, preference optimisation, reward models.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as _, Subcommand};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use paretoscope_engine::device::{DeviceChoice, Precision};
use paretoscope_engine::runtime::{read_job, run_noted};
use paretoscope_engine::train::{TrainReporter, run_job};
use paretoscope_engine::types::{
    DpoConfig, DpoJob, Method, PenaltyConfig, PenaltyKind, RewardConfig, RewardJob, SftConfig,
    SftJob, Strength, TrainJob, TrainMethod, TrainSize, TrainStep, TrainTask, USUAL, WeightedData,
    say_settings,
};
use paretoscope_engine::{Error, Result};

use super::train_options::{Common, Moves, by_name, size_of};
use super::{train_answers, train_pairs, train_policy};
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print;

/// Train a model, an adapter, or a reward model.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    /// Run a job from its file, e.g. the `run.json` of a run that the window began
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Supervised fine-tuning on answers, from random weights or a model
    Sft(Sft),
    /// Direct preference optimisation on pairs of answers
    Dpo(Dpo),
    /// A Bradley-Terry reward model on pairs of answers
    Reward(Reward),
    /// A router expert of a bundle, by policy optimisation on its reward models
    Router(train_policy::Router),
    /// An adapter for one preference, by policy optimisation on weighted rewards (MORLHF)
    Ppo(train_policy::Ppo),
    /// An adapter for one preference, by DPO with the margins of value vectors (MODPO)
    Modpo(train_pairs::Modpo),
    /// Experts and the routers over them, together, on answers (LoRAMoE)
    Loramoe(train_answers::Loramoe),
    /// An adapter that reads in its prompt which scores its answer should have (RiC)
    Ric(train_answers::Ric),
    /// A model that corrects answers, on pairs of them (Aligner)
    Aligner(train_pairs::Aligner),
    /// A model that corrects answers at the aspects that it is told, on pairs about each (MetaAligner)
    #[command(name = "metaaligner")]
    MetaAligner(train_pairs::MetaAligner),
    /// An autoregressive reward model on pairs of answers (GenARM)
    Arm(train_pairs::Arm),
    /// One autoregressive reward model for all preferences, on pairs about each objective (PARM)
    Parm(train_pairs::Parm),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sft {
    /// The examples: JSON Lines, one JSON array, or Parquet
    #[arg(long)]
    data: PathBuf,
    /// Folder of the model to start from
    #[arg(long, required_unless_present = "config")]
    base: Option<PathBuf>,
    /// Folder with a config.json and a tokenizer to start from random weights
    #[arg(long, conflicts_with = "base")]
    config: Option<PathBuf>,
    /// Count the tokens of prompts in the loss, too
    #[arg(long)]
    train_on_prompts: bool,
    /// An adapter of the same ranks and modules that training begins with, in place of a fresh one
    #[arg(long, value_name = "ADAPTER")]
    begin_with: Option<PathBuf>,
    #[command(flatten)]
    moves: Moves,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Dpo {
    /// Folder of the model to start from, which is also the reference
    #[arg(long)]
    base: PathBuf,
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet
    #[arg(long, required_unless_present = "mix", conflicts_with = "mix")]
    data: Option<PathBuf>,
    /// DPO-LW: several files, each with its weight in the loss, e.g. --mix a.jsonl=0.4 --mix b.jsonl=0.6
    #[arg(long, value_name = "DATA=WEIGHT")]
    mix: Vec<String>,
    /// How strongly the model is held to the reference
    #[arg(long, default_value_t = USUAL.beta)]
    beta: f64,
    /// Earlier value vectors to keep apart from; the metrics show the cosine to each
    #[arg(long, value_name = "ADAPTER", num_args = 1..)]
    against: Vec<PathBuf>,
    /// What keeps the new vector apart (default: hsic-unbiased with --against, else none)
    #[arg(long, value_parser = by_name(PenaltyKind::ALL, PenaltyKind::name, PenaltyKind::words))]
    penalty: Option<PenaltyKind>,
    /// Weight of the penalty beside the DPO loss (default: hsic-released and hsic-rows 10, hsic-normalised and
    /// orthogonal-cosine 1, orthogonal-olora 0.5, weight-decay 0.1; hsic-unbiased by --alpha-ratio)
    #[arg(long)]
    alpha: Option<f64>,
    /// In place of --alpha: what the penalty's gradient is beside that of the DPO loss, kept so by running means;
    /// metrics.jsonl holds the alpha of every step (default for hsic-unbiased: 0.3)
    #[arg(long, conflicts_with = "alpha", value_name = "RATIO")]
    alpha_ratio: Option<f64>,
    /// hsic-rows, hsic-normalised, hsic-unbiased: at most this many rows of each module, the same of all vectors; 0
    /// for all
    #[arg(long, default_value_t = USUAL.penalty_rows, value_name = "N")]
    penalty_rows: usize,
    /// For penalties on rows: earlier vectors' rows in a new random order in every step, as a control
    #[arg(long)]
    penalty_shuffled: bool,
    /// DPO-SeqT: merge this adapter into the base first; it is then the start and the reference
    #[arg(long, value_name = "ADAPTER")]
    start_from: Option<PathBuf>,
    #[command(flatten)]
    moves: Moves,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reward {
    /// Pairs of answers: JSON Lines, one JSON array, or Parquet
    #[arg(long)]
    data: PathBuf,
    /// Folder of the causal model to start from
    #[arg(long)]
    base: PathBuf,
    /// Weight of the squared sum of both scores, which keeps scores around zero
    #[arg(long, default_value_t = USUAL.center)]
    center: f64,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    if !matches!(global.dtype, Precision::Auto | Precision::F32) {
        return Err(Error::option(
            "--dtype",
            "training is in f32; use f32 or auto",
        ));
    }
    let (job, noted) = match (args.what, &args.job) {
        (Some(what), None) => (what.job(global)?, false),
        (None, Some(file)) => of_file(file, global)?,
        (Some(_), Some(_)) | (None, None) => {
            let problem = "names a whole run; give it, or the kind of one, e.g. sft or dpo";
            return Err(Error::option("--job", problem));
        }
    };
    let run = if noted { run_noted } else { run_job };
    print::json_line(&run(&job, &mut Bar::new())?)
}

/// An error of training with its settings as the options that set them.
pub(crate) fn in_options(text: &str) -> String {
    let command = Args::augment_args(clap::Command::new("train"));
    let option = |setting: &str| {
        let long = setting.replace('_', "-");
        let is_it = |arg: &clap::Arg| arg.get_long() == Some(long.as_str());
        let mut kinds = command.get_subcommands();
        let known = kinds.any(|kind| kind.get_arguments().any(is_it));
        known.then(|| format!("--{long}"))
    };
    say_settings(text, option)
}

/// The job of a file, and whether its run is one of the window's, which looks up how it ended. Where to compute is no
/// setting of a run and may be said anew; its seed is one.
fn of_file(file: &Path, global: &Global) -> Result<(TrainJob, bool)> {
    let (mut job, noted) = read_job(file)?;
    if global.device != DeviceChoice::Auto {
        job.task.run_mut().device = global.device;
    }
    let seed = job.task.run_mut().seed;
    if global.seed != 0 && global.seed != seed {
        let problem = format!(
            "is {}, but the job's file says {seed}; leave it out",
            global.seed
        );
        return Err(Error::option("--seed", problem));
    }
    Ok((job, noted))
}

impl What {
    fn job(self, global: &Global) -> Result<TrainJob> {
        match self {
            Self::Sft(args) => args.job(global),
            Self::Dpo(args) => args.job(global),
            Self::Reward(args) => Ok(args.job(global)),
            Self::Router(args) => args.job(global),
            Self::Ppo(args) => args.job(global),
            Self::Modpo(args) => args.job(global),
            Self::Loramoe(args) => Ok(args.job(global)),
            Self::Ric(args) => Ok(args.job(global)),
            Self::Aligner(args) => Ok(args.job(global)),
            Self::MetaAligner(args) => args.job(global),
            Self::Arm(args) => Ok(args.job(global)),
            Self::Parm(args) => args.job(global),
        }
    }
}

impl Sft {
    fn job(self, global: &Global) -> Result<TrainJob> {
        let (base, from_random) = match (self.base, self.config) {
            (Some(base), _) => (base, false),
            (None, Some(config)) => (config, true),
            (None, None) => {
                return Err(Error::option(
                    "--base",
                    "is missing; give a model's folder, or --config",
                ));
            }
        };
        let usual = if from_random {
            Method::Full
        } else {
            SftConfig::default().method
        };
        let method = self.moves.method(&usual);
        let size = match size_of(&method) {
            TrainSize::Full if from_random => TrainSize::Random,
            size => size,
        };
        let task = TrainTask::Sft(SftJob {
            base,
            from_random,
            config: SftConfig {
                train: self.common.config(global, TrainMethod::Sft, size),
                method,
                train_on_prompts: self.train_on_prompts,
                begin_with: self.begin_with,
            },
            data: self.data,
            skip_bad: self.common.skip_bad,
        });
        Ok(self.common.shared.job(task))
    }
}

impl Dpo {
    fn job(self, global: &Global) -> Result<TrainJob> {
        let data = match self.data {
            Some(path) => WeightedData::alone(path),
            None => self
                .mix
                .iter()
                .map(|m| weighted(m))
                .collect::<Result<_>>()?,
        };
        let penalty = match self.penalty {
            Some(kind) => kind,
            None if self.against.is_empty() => PenaltyKind::None,
            None => USUAL.penalty,
        };
        let alpha = match (self.alpha, self.alpha_ratio) {
            (Some(alpha), _) => Strength::Alpha(alpha),
            (None, Some(ratio)) => Strength::Ratio { ratio },
            (None, None) => penalty.usual_strength(),
        };
        let method = self.moves.method(&DpoConfig::default().method);
        let train = self
            .common
            .config(global, TrainMethod::Value, size_of(&method));
        let task = TrainTask::Dpo(DpoJob {
            base: self.base,
            data,
            skip_bad: self.common.skip_bad,
            config: DpoConfig {
                train,
                method,
                beta: self.beta,
                against: self.against,
                penalty: PenaltyConfig {
                    kind: penalty,
                    alpha,
                    rows: (self.penalty_rows > 0).then_some(self.penalty_rows),
                    rows_seed: global.seed,
                    shuffled: self.penalty_shuffled,
                },
                start_from: self.start_from,
            },
            votes: None,
        });
        Ok(self.common.shared.job(task))
    }
}

/// Reads `DATA=WEIGHT`.
fn weighted(text: &str) -> Result<WeightedData> {
    let wrong = |problem: &str| {
        let problem =
            format!("`{text}` {problem}; write a file and its weight, e.g. helpful.jsonl=0.4");
        Error::option("--mix", problem)
    };
    let (path, weight) = text
        .rsplit_once('=')
        .ok_or_else(|| wrong("has no weight"))?;
    let number: f64 = weight
        .trim()
        .parse()
        .map_err(|_source| wrong("has a weight that is not a number"))?;
    Ok(WeightedData {
        path: path.into(),
        weight: number,
    })
}

impl Reward {
    fn job(self, global: &Global) -> TrainJob {
        let task = TrainTask::Reward(RewardJob {
            base: self.base,
            data: self.data,
            skip_bad: self.common.skip_bad,
            config: RewardConfig {
                train: self
                    .common
                    .config(global, TrainMethod::Reward, TrainSize::Full),
                center: self.center,
            },
        });
        self.common.shared.job(task)
    }
}

/// A progress bar on standard error, which also hears of Ctrl-C.
pub(crate) struct Bar(ProgressBar, Interrupt);

impl Bar {
    pub(crate) fn new() -> Self {
        Self::listening(Interrupt::listen())
    }

    /// Another bar of the same command.
    pub(crate) fn next(&self) -> Self {
        Self::listening(self.1.clone())
    }

    fn listening(interrupt: Interrupt) -> Self {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar, interrupt)
    }
}

impl TrainReporter for Bar {
    fn step(&mut self, report: &TrainStep) {
        self.0.set_length(report.steps as u64);
        self.0.set_position(report.step as u64);
        let left = HumanDuration(Duration::from_secs_f64(report.eta_seconds.max(0.0)));
        let mut figures = String::new();
        for (name, value) in &report.figures {
            figures.push_str(&format!(", {name} {value:.3}"));
        }
        self.0.set_message(format!(
            "loss {:.4}{figures}, {:.0} tokens/s, {left} left",
            report.loss, report.tokens_per_second
        ));
    }

    fn preparing(&mut self, what: &'static str, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
        self.0.set_message(what);
    }

    fn cancelled(&self) -> bool {
        self.1.asked()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use paretoscope_engine::recipe::settings::{DpoSettings, Moves};
    use paretoscope_engine::types::{
        ArmConfig, LoraConfig, LoramoeConfig, ModpoConfig, ParmConfig, RicConfig,
    };

    use super::super::train_options::cores;
    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
        #[command(flatten)]
        global: Global,
    }

    fn job(options: &str) -> TrainTask {
        let line = Line::parse_from(["train"].into_iter().chain(options.split_whitespace()));
        line.args.what.unwrap().job(&line.global).unwrap().task
    }

    fn dpo(options: &str) -> DpoConfig {
        match job(options) {
            TrainTask::Dpo(job) => job.config,
            other => panic!("{other:?}"),
        }
    }

    /// What is left out on the command line and in a recipe is the same, and the table's.
    #[test]
    fn the_command_line_does_what_recipes_do() {
        let common = "dpo --base b --data d --out o";
        for (options, method, size) in [
            (common.to_owned(), None, TrainSize::Lora),
            (
                format!("{common} --lora 16"),
                Some(Moves::Lora),
                TrainSize::Lora,
            ),
            (
                format!("{common} --full"),
                Some(Moves::Full),
                TrainSize::Full,
            ),
        ] {
            let line = dpo(&options);
            let recipe = DpoSettings {
                method,
                ..DpoSettings::default()
            };
            let mut made = recipe.config(USUAL.rank, 0);
            (made.train.run.device, made.train.run.workers) = (line.train.run.device, cores());
            assert_eq!(line, made, "{options}");
            let rate = TrainMethod::Dpo.learning_rate(size);
            assert_eq!(line.train.run.optimiser.learning_rate, rate);
        }
        let rates = [
            ("sft --base b --data d --out o --full", 1e-5),
            ("sft --base b --data d --out o", 1e-4),
            ("sft --base b --data d --out o --lora 4", 1e-4),
            ("sft --config b --data d --out o", 1e-3),
            ("sft --config b --data d --out o --lora 4", 1e-4),
            ("reward --base b --data d --out o", 1e-5),
            ("router --bundle b --preference 1,1 --out o", 1e-3),
            ("ppo --bundle b --reward-weights 1,1 --out o", 1e-4),
            ("arm --base b --data d --out o", 5e-4),
            ("parm --base b --data x=d --data y=e --out o", 5e-4),
            ("modpo --base b --data d --preference 1 --out o", 5e-4),
            ("loramoe --base b --data d --out o", 2e-4),
            ("ric --bundle b --out o", 1.414e-4),
            ("aligner --base b --data d --out o", 1e-4),
            ("aligner --base b --data d --out o --full", 1e-5),
            ("metaaligner --base b --data x=d --out o", 1e-4),
        ];
        for (options, rate) in rates {
            let task = job(options);
            let found = &task.run().optimiser;
            assert_eq!(found.learning_rate, rate, "{options}");
        }
    }

    #[test]
    fn a_value_vector_is_held_apart_without_being_told_how() {
        let common = "dpo --base b --data d --out o --lora 4";
        assert_eq!(dpo(common).penalty.kind, PenaltyKind::None);
        let apart = dpo(&format!("{common} --against a")).penalty;
        assert_eq!(apart, PenaltyConfig::of(USUAL.penalty));
        assert_eq!(apart.alpha, Strength::Ratio { ratio: 0.3 });
        let told = dpo(&format!("{common} --against a --penalty hsic-rows")).penalty;
        assert_eq!(told.alpha, Strength::Alpha(10.0));
        let told = dpo(&format!("{common} --against a --alpha 2")).penalty;
        assert_eq!(
            (told.kind, told.alpha),
            (USUAL.penalty, Strength::Alpha(2.0))
        );
    }

    /// Methods to compare with begin with their authors' numbers, and what is said is what is done.
    #[test]
    fn other_methods_begin_with_their_authors_numbers() {
        let made = |options: &str| {
            let mut task = job(options);
            let run = task.run_mut();
            (run.device, run.workers) = (DeviceChoice::Cpu, 2);
            task
        };
        let TrainTask::Arm(arm) = made("arm --base b --data d --out o") else {
            panic!("another kind");
        };
        assert_eq!(arm.config, ArmConfig::default());
        let TrainTask::Parm(parm) = made("parm --base b --data x=d --data y=e=f --out o") else {
            panic!("another kind");
        };
        assert_eq!(parm.config, ParmConfig::default());
        let named: Vec<_> = parm
            .data
            .iter()
            .map(|d| (d.name.as_str(), d.path.to_str()))
            .collect();
        assert_eq!(named, [("x", Some("d")), ("y", Some("e=f"))]);
        let TrainTask::Loramoe(loramoe) = made("loramoe --base b --data d --out o") else {
            panic!("another kind");
        };
        assert_eq!(loramoe.config, LoramoeConfig::default());
        let TrainTask::Ric(ric) = made("ric --bundle b --out o") else {
            panic!("another kind");
        };
        assert_eq!(ric.config, RicConfig::default());
        let options = "modpo --base b --data d --preference 0.5,0.5 --values v --out o";
        let TrainTask::Modpo(modpo) = made(options) else {
            panic!("another kind");
        };
        let usual = ModpoConfig {
            preference: vec![0.5, 0.5],
            values: vec!["v".into()],
            ..ModpoConfig::default()
        };
        assert_eq!(modpo.config, usual);
        assert_eq!((usual.lora.rank, usual.train.epochs), (64, 3));
        let options = format!("{options} --lora 8 --epochs 1 --beta 0.3 --target-modules q_proj");
        let TrainTask::Modpo(modpo) = made(&options) else {
            panic!("another kind");
        };
        let lora = LoraConfig {
            rank: 8,
            alpha: 0.125,
            target_modules: vec!["q_proj".to_owned()],
        };
        assert_eq!((modpo.config.lora, modpo.config.beta), (lora, 0.3));
        assert_eq!(modpo.config.train.epochs, 1);
    }
}
