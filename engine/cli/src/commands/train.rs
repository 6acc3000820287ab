//! `train`: supervised fine-tuning, preference optimisation, reward models.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as _, Subcommand};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use paretoscope_engine::device::{DeviceChoice, Precision};
use paretoscope_engine::runtime::{read_job, run_noted};
use paretoscope_engine::train::{TrainReporter, run_job};
use paretoscope_engine::types::{
    DpoConfig, DpoJob, LoraConfig, Method, OptimiserConfig, PenaltyConfig, PenaltyKind,
    RewardConfig, RewardJob, RunConfig, SftConfig, SftJob, Strength, TrainConfig, TrainJob,
    TrainMethod, TrainSize, TrainStep, TrainTask, USUAL, WeightedData, say_settings,
};
use paretoscope_engine::{Error, Result};

use super::train_policy;
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

#[derive(Debug, clap::Args)]
struct Moves {
    /// Train all weights, not adapters (from random weights this is the default)
    #[arg(long)]
    full: bool,
    /// Rank of the adapters (default: 16)
    #[arg(long = "lora", conflicts_with = "full")]
    rank: Option<usize>,
    /// Adapters are scaled by this / rank (default: twice the rank)
    #[arg(long = "lora-alpha", conflicts_with = "full", value_name = "ALPHA")]
    scaling: Option<f64>,
    /// Modules that get an adapter, comma-separated (default: all linears of the decoder)
    #[arg(long, value_delimiter = ',', conflicts_with = "full")]
    target_modules: Option<Vec<String>>,
}

impl Moves {
    /// Which weights move: those that are `usual`, unless something was said here.
    fn method(self, usual: &Method) -> Method {
        let adapters =
            self.rank.is_some() || self.scaling.is_some() || self.target_modules.is_some();
        let usual = match usual {
            Method::Full if !adapters => return Method::Full,
            _ if self.full => return Method::Full,
            Method::Full => LoraConfig::default(),
            Method::Lora(lora) => lora.clone(),
        };
        let rank = self.rank.unwrap_or(usual.rank);
        Method::Lora(LoraConfig {
            rank,
            alpha: self.scaling.unwrap_or(USUAL.lora_alpha(rank)),
            target_modules: self.target_modules.map_or(usual.target_modules, |given| {
                given.iter().map(|name| name.trim().to_owned()).collect()
            }),
        })
    }
}

const fn size_of(method: &Method) -> TrainSize {
    match method {
        Method::Full => TrainSize::Full,
        Method::Lora(_) => TrainSize::Lora,
    }
}

/// What runs of every kind take.
#[derive(Debug, clap::Args)]
pub(super) struct Shared {
    /// Folder for the result, checkpoints and metrics.jsonl
    #[arg(long)]
    out: PathBuf,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
    /// Steps between checkpoints; for policies, batches (default: 100 steps, 20 batches)
    #[arg(long)]
    checkpoint_every: Option<usize>,
    /// Go on from the newest checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Remove the run that is in the output folder, and start anew
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
}

impl Shared {
    /// `usual` with what was said here.
    pub(super) fn run(&self, global: &Global, usual: RunConfig) -> RunConfig {
        RunConfig {
            seed: global.seed,
            device: global.device,
            workers: self.workers.unwrap_or_else(cores),
            checkpoint_every: self.checkpoint_every.unwrap_or(usual.checkpoint_every),
            resume: self.resume,
            overwrite: self.overwrite,
            optimiser: usual.optimiser,
        }
    }

    /// The job that leaves its result in the output folder.
    pub(super) fn job(self, task: TrainTask) -> TrainJob {
        TrainJob {
            task,
            out: self.out,
            joins: None,
        }
    }
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Leave bad lines of the data out and count them, in place of refusing the file
    #[arg(long)]
    skip_bad: bool,
    /// Passes over the data
    #[arg(long, default_value_t = USUAL.epochs)]
    epochs: usize,
    /// Steps in all, in place of epochs
    #[arg(long)]
    steps: Option<usize>,
    /// Tokens per step, roughly
    #[arg(long, default_value_t = USUAL.batch_tokens)]
    batch_tokens: usize,
    /// Longer examples are left out
    #[arg(long, default_value_t = USUAL.max_length)]
    max_length: usize,
    /// The highest learning rate (default: 1e-5 for all weights, 1e-4 for adapters, 1e-3 from random weights)
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Share of the steps for linear warm-up
    #[arg(long, default_value_t = USUAL.warm_up)]
    warm_up: f64,
    /// Decoupled decay of matrices
    #[arg(long, default_value_t = USUAL.weight_decay)]
    weight_decay: f64,
    #[command(flatten)]
    shared: Shared,
}

impl Common {
    fn config(&self, global: &Global, method: TrainMethod, size: TrainSize) -> TrainConfig {
        let usual = RunConfig {
            optimiser: OptimiserConfig {
                learning_rate: self.learning_rate.unwrap_or(method.learning_rate(size)),
                warm_up: self.warm_up,
                weight_decay: self.weight_decay,
                ..OptimiserConfig::default()
            },
            ..RunConfig::default()
        };
        TrainConfig {
            run: self.shared.run(global, usual),
            epochs: self.epochs,
            steps: self.steps,
            batch_tokens: self.batch_tokens,
            max_length: self.max_length,
        }
    }
}

/// One of `all` by its name, each explained in the help.
pub(super) fn by_name<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
    words: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let choices = all.map(|one| PossibleValue::new(name(one)).help(words(one)));
    PossibleValuesParser::new(choices).try_map(move |text| {
        let found = all.into_iter().find(|one| name(*one) == text);
        found.ok_or("is not one of them")
    })
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
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
            let problem = "names a whole run; give it, or one of sft, dpo, reward, router and ppo";
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
}
