//! `train`: supervised fine-tuning, preference optimisation, reward models.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use paretoscope_engine::device::Precision;
use paretoscope_engine::train::{
    DpoConfig, DpoJob, LoraConfig, Method, OptimiserConfig, PenaltyConfig, PenaltyKind,
    RewardConfig, RewardJob, SftConfig, SftJob, StepReport, TrainConfig, TrainJob, TrainReporter,
    WeightedData,
};
use paretoscope_engine::{Error, Result};

use super::train_policy;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::{print, single_thread};

/// Train a model, an adapter, or a reward model.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
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
    lora: Lora,
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
    #[arg(long, default_value_t = 0.1)]
    beta: f64,
    /// Earlier value vectors to keep apart from; the metrics show the cosine to each
    #[arg(long, value_name = "ADAPTER", num_args = 1..)]
    against: Vec<PathBuf>,
    /// What keeps the new vector apart
    #[arg(long, value_enum, default_value_t = PenaltyName::None)]
    penalty: PenaltyName,
    /// Weight of the penalty beside the DPO loss (default: hsic-released and hsic-rows 10, hsic-normalised and
    /// orthogonal-cosine 1, orthogonal-olora 0.5, weight-decay 0.1)
    #[arg(long)]
    alpha: Option<f64>,
    /// hsic-rows, hsic-normalised: at most this many rows of each module, the same of all vectors; 0 for all
    #[arg(long, default_value_t = 512, value_name = "N")]
    penalty_rows: usize,
    /// DPO-SeqT: merge this adapter into the base first; it is then the start and the reference
    #[arg(long, value_name = "ADAPTER")]
    start_from: Option<PathBuf>,
    #[command(flatten)]
    lora: Lora,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PenaltyName {
    /// Plain DPO
    None,
    /// HSIC over the rows of A, as MVA's code has it; equal ranks only
    HsicReleased,
    /// HSIC over the rows of the difference, as MVA's text has it
    HsicRows,
    /// The same with median bandwidths, between 0 and 1
    HsicNormalised,
    /// Sum of |A A'|, as in O-LoRA
    OrthogonalOlora,
    /// Mean squared cosine of the differences
    OrthogonalCosine,
    /// Squared length of the new vector: the control
    WeightDecay,
}

impl PenaltyName {
    const fn kind(self) -> PenaltyKind {
        match self {
            Self::None => PenaltyKind::None,
            Self::HsicReleased => PenaltyKind::HsicReleased,
            Self::HsicRows => PenaltyKind::HsicRows,
            Self::HsicNormalised => PenaltyKind::HsicNormalised,
            Self::OrthogonalOlora => PenaltyKind::OrthogonalOlora,
            Self::OrthogonalCosine => PenaltyKind::OrthogonalCosine,
            Self::WeightDecay => PenaltyKind::WeightDecay,
        }
    }
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
    #[arg(long, default_value_t = 0.0)]
    center: f64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Lora {
    /// Rank of the adapters; without it all weights are trained
    #[arg(long = "lora")]
    rank: Option<usize>,
    /// Adapters are scaled by this / rank (default: twice the rank)
    #[arg(long = "lora-alpha", requires = "rank", value_name = "ALPHA")]
    scaling: Option<f64>,
    /// Modules that get an adapter, comma-separated (default: all linears of the decoder)
    #[arg(long, value_delimiter = ',', requires = "rank")]
    target_modules: Option<Vec<String>>,
}

impl Lora {
    fn method(self) -> Method {
        match self.rank {
            None => Method::Full,
            Some(rank) => Method::Lora(LoraConfig {
                rank,
                alpha: self.scaling.unwrap_or(2.0 * rank as f64),
                target_modules: self.target_modules.map_or_else(
                    || LoraConfig::default().target_modules,
                    |given| given.iter().map(|name| name.trim().to_owned()).collect(),
                ),
            }),
        }
    }
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Leave bad lines of the data out and count them, in place of refusing the file
    #[arg(long)]
    skip_bad: bool,
    /// Folder for the result, checkpoints and metrics.jsonl
    #[arg(long)]
    out: PathBuf,
    /// Passes over the data
    #[arg(long, default_value_t = 1)]
    epochs: usize,
    /// Steps in all, in place of epochs
    #[arg(long)]
    steps: Option<usize>,
    /// Tokens per step, roughly
    #[arg(long, default_value_t = 4096)]
    batch_tokens: usize,
    /// Longer examples are left out
    #[arg(long, default_value_t = 512)]
    max_length: usize,
    /// The highest learning rate
    #[arg(long, default_value_t = 1e-3)]
    learning_rate: f64,
    /// Share of the steps for linear warm-up
    #[arg(long, default_value_t = 0.03)]
    warm_up: f64,
    /// Decoupled decay of matrices
    #[arg(long, default_value_t = 0.01)]
    weight_decay: f64,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
    /// Steps between checkpoints
    #[arg(long, default_value_t = 200)]
    checkpoint_every: usize,
    /// Go on from the newest checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Remove the run that is in the output folder, and start anew
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
}

impl Common {
    fn config(&self, global: &Global) -> TrainConfig {
        TrainConfig {
            seed: global.seed,
            device: global.device,
            epochs: self.epochs,
            steps: self.steps,
            batch_tokens: self.batch_tokens,
            max_length: self.max_length,
            workers: self.workers.unwrap_or_else(cores),
            optimiser: OptimiserConfig {
                learning_rate: self.learning_rate,
                warm_up: self.warm_up,
                weight_decay: self.weight_decay,
                ..OptimiserConfig::default()
            },
            checkpoint_every: self.checkpoint_every,
            resume: self.resume,
            overwrite: self.overwrite,
        }
    }
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
    single_thread::ensure()?;
    let job = match args {
        Args::Sft(args) => args.job(global)?,
        Args::Dpo(args) => args.job(global)?,
        Args::Reward(args) => args.job(global),
        Args::Router(args) => args.job(global)?,
        Args::Ppo(args) => args.job(global)?,
    };
    print::json_line(&job.run(&mut Bar::new())?)
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
        Ok(TrainJob::Sft(SftJob {
            base,
            from_random,
            config: SftConfig {
                train: self.common.config(global),
                method: self.lora.method(),
                train_on_prompts: self.train_on_prompts,
            },
            data: self.data,
            skip_bad: self.common.skip_bad,
            out: self.common.out,
        }))
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
        Ok(TrainJob::Dpo(DpoJob {
            base: self.base,
            data,
            skip_bad: self.common.skip_bad,
            config: DpoConfig {
                train: self.common.config(global),
                method: self.lora.method(),
                beta: self.beta,
                against: self.against,
                penalty: PenaltyConfig {
                    kind: self.penalty.kind(),
                    alpha: self.alpha.unwrap_or(self.penalty.kind().usual_alpha()),
                    rows: (self.penalty_rows > 0).then_some(self.penalty_rows),
                    rows_seed: global.seed,
                },
                start_from: self.start_from,
            },
            out: self.common.out,
        }))
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
        TrainJob::Reward(RewardJob {
            base: self.base,
            data: self.data,
            skip_bad: self.common.skip_bad,
            config: RewardConfig {
                train: self.common.config(global),
                center: self.center,
            },
            out: self.common.out,
        })
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
    fn step(&mut self, report: &StepReport) {
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
