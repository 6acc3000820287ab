//! Options that trainers share.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use paretoscope_engine::types::{
    LoraConfig, Method, OptimiserConfig, RunConfig, TrainConfig, TrainJob, TrainMethod, TrainSize,
    TrainTask, USUAL,
};

use crate::options::Global;

/// Which weights move, where all of them may.
#[derive(Debug, clap::Args)]
pub(super) struct Moves {
    /// Train all weights, not adapters (from random weights this is the default)
    #[arg(long, conflicts_with_all = ["rank", "scaling", "target_modules"])]
    full: bool,
    #[command(flatten)]
    adapters: AdapterOptions,
}

/// The adapters of a run.
#[derive(Debug, clap::Args)]
pub(super) struct AdapterOptions {
    /// Rank of the adapters (default: 16; arm 8, modpo and ric 64, each expert of loramoe 4)
    #[arg(long = "lora")]
    rank: Option<usize>,
    /// Adapters are scaled by this / rank (default: twice the rank; modpo a 64th of it, loramoe eight times)
    #[arg(long = "lora-alpha", value_name = "ALPHA")]
    scaling: Option<f64>,
    /// Modules that get an adapter, comma-separated (default: all linears of the decoder; arm q_proj, k_proj and
    /// v_proj, modpo o_proj as well, ric q_proj and v_proj, loramoe gate_proj, up_proj and down_proj)
    #[arg(long, value_delimiter = ',')]
    target_modules: Option<Vec<String>>,
}

impl AdapterOptions {
    /// `usual` with what was said here; another rank has the same scale.
    pub(super) fn lora(self, usual: LoraConfig) -> LoraConfig {
        let rank = self.rank.unwrap_or(usual.rank);
        let scaled = usual.with_rank(rank);
        LoraConfig {
            alpha: self.scaling.unwrap_or(scaled.alpha),
            target_modules: modules(self.target_modules, scaled.target_modules),
            rank,
        }
    }

    const fn is_said(&self) -> bool {
        self.rank.is_some() || self.scaling.is_some() || self.target_modules.is_some()
    }
}

/// Names of modules as they were given.
pub(super) fn modules(given: Option<Vec<String>>, usual: Vec<String>) -> Vec<String> {
    given.map_or(usual, |given| {
        given.iter().map(|name| name.trim().to_owned()).collect()
    })
}

impl Moves {
    /// Which weights move: those that are `usual`, unless something was said here.
    pub(super) fn method(self, usual: &Method) -> Method {
        match usual {
            Method::Full if !self.adapters.is_said() => Method::Full,
            _ if self.full => Method::Full,
            Method::Full => Method::Lora(self.adapters.lora(LoraConfig::default())),
            Method::Lora(lora) => Method::Lora(self.adapters.lora(lora.clone())),
        }
    }
}

pub(super) const fn size_of(method: &Method) -> TrainSize {
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

/// What descents over examples take.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Leave bad lines of the data out and count them, in place of refusing the file
    #[arg(long)]
    pub(super) skip_bad: bool,
    /// Passes over the data (default: 1; parm 2, modpo 3)
    #[arg(long)]
    epochs: Option<usize>,
    /// Steps in all, in place of epochs
    #[arg(long)]
    steps: Option<usize>,
    /// Tokens per step, roughly
    #[arg(long, default_value_t = USUAL.batch_tokens)]
    batch_tokens: usize,
    /// Longer examples are left out
    #[arg(long, default_value_t = USUAL.max_length)]
    max_length: usize,
    /// The highest learning rate (default: 1e-5 for all weights, 1e-4 for adapters, 5e-4 for those of arm, parm and
    /// modpo, 2e-4 for those of loramoe, 1.414e-4 for those of ric, 1e-3 from random weights)
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Share of the steps for linear warm-up
    #[arg(long, default_value_t = USUAL.warm_up)]
    warm_up: f64,
    /// Decoupled decay of matrices
    #[arg(long, default_value_t = USUAL.weight_decay)]
    weight_decay: f64,
    #[command(flatten)]
    pub(super) shared: Shared,
}

impl Common {
    /// A descent as is usual for a method, with what was said here.
    pub(super) fn config(
        &self,
        global: &Global,
        method: TrainMethod,
        size: TrainSize,
    ) -> TrainConfig {
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
            epochs: self.epochs.unwrap_or(method.epochs()),
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
