//! `bench`: how fast things go on this machine.

mod decode;
mod drag;
mod forge;
mod measure;
mod peak;
mod score;
mod sweep;

use clap::Subcommand;
use paretoscope_engine::Result;
use paretoscope_engine::train::bench::{BenchConfig, tokens_per_second};
use paretoscope_engine::train::{LoraConfig, Method};
use serde_json::json;

use super::train::cores;
use crate::options::Global;
use crate::{print, single_thread};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Generation of a batch, with its floor
    Decode(decode::Decode),
    /// Mixtures x prompts as one job, start to end
    Sweep(sweep::Sweep),
    /// From a dragged point to the first token under it, during a sweep
    Drag(drag::Drag),
    /// Scoring by a reward model, with its floor
    Score(score::Score),
    /// Task-SVD against the optimum, and merging beside a plain read
    Forge(forge::Forge),
    /// Supervised training of a random model: forward, backward and update
    Train(Train),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// Tokens of every sequence
    #[arg(long, default_value_t = 128)]
    sequence: usize,
    /// Sequences of a step
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Steps that count
    #[arg(long, default_value_t = 20)]
    steps: usize,
    /// Rank of adapters to train in place of all weights
    #[arg(long)]
    lora: Option<usize>,
    /// Threads (default: one per core)
    #[arg(long)]
    workers: Option<usize>,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    match args {
        Args::Decode(args) => decode::run(&args, global),
        Args::Sweep(args) => sweep::run(&args, global),
        Args::Drag(args) => drag::run(&args, global),
        Args::Score(args) => score::run(&args, global),
        Args::Forge(args) => forge::run(&args, global),
        Args::Train(args) => train(&args, global),
    }
}

fn train(args: &Train, global: &Global) -> Result<()> {
    single_thread::ensure()?;
    let method = match args.lora {
        None => Method::Full,
        Some(rank) => Method::Lora(LoraConfig {
            rank,
            alpha: rank as f64,
            ..LoraConfig::default()
        }),
    };
    let config = BenchConfig {
        method,
        sequence: args.sequence.max(2),
        sequences: args.batch.max(1),
        steps: args.steps.max(1),
        workers: args.workers.unwrap_or_else(cores),
        seed: global.seed,
        ..BenchConfig::default()
    };
    let mut speeds = tokens_per_second(&config)?;
    speeds.sort_by(f64::total_cmp);
    let parameters: usize = config
        .shape
        .weights()
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    print::json_line(&json!({
        "bench": "train",
        "parameters": parameters,
        "method": config.method,
        "sequence": config.sequence,
        "batch": config.sequences,
        "tokens_per_second": {
            "median": speeds[speeds.len() / 2],
            "min": speeds[0],
            "max": speeds[speeds.len() - 1],
        },
        "threads": config.workers,
        "dtype": "f32",
        "device": "cpu",
    }))
}
