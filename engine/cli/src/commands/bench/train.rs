//! `bench train`: tokens per second of training, beside plain fine-tuning and the floor that its arithmetic sets.

use std::path::PathBuf;

use clap::ValueEnum;
use paretoscope_engine::Result;
use paretoscope_engine::train::bench::{BenchConfig, BenchKind, measure};
use paretoscope_engine::types::{LoraConfig, Method};
use serde_json::{Value, json};

use super::measure::{median, peak_memory, spread};
use super::peak::multiply_adds_per_second;
use super::policy::Policy;
use super::window::{self, Window};
use crate::commands::train_options::cores;
use crate::options::{Global, numbers};
use crate::print;

/// Options of `bench train`.
#[derive(Debug, clap::Args)]
pub(crate) struct Train {
    /// What is trained
    #[arg(long, value_enum, default_value_t = Kind::Sft)]
    kind: Kind,
    /// Tokens of every sequence
    #[arg(long, default_value_t = 128)]
    sequence: usize,
    /// Sequences of a step; two are a pair
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
    /// The bundle of a router, or whose base model is tuned in both programs
    #[arg(long, required_if_eq_any([("kind", "router"), ("kind", "window")]))]
    bundle: Option<PathBuf>,
    /// Where the router stands
    #[arg(long, default_value = "0.25,0.25,0.5")]
    preference: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Supervised fine-tuning
    Sft,
    /// Direct preference optimisation, beside plain fine-tuning of the same size
    Dpo,
    /// A bundle's router by policy optimisation, beside plain generation of the same batch
    Router,
    /// A bundle's base model by supervised fine-tuning, as the command line trains and as the window does, there also
    /// while it answers
    Window,
}

pub(super) fn run(args: &Train, global: &Global) -> Result<()> {
    if let (Kind::Router, Some(bundle)) = (args.kind, &args.bundle) {
        let policy = Policy {
            bundle,
            preference: numbers("--preference", &args.preference)?,
            batch: args.batch.max(1),
            batches: args.steps.max(1),
            workers: args.workers.unwrap_or_else(cores),
            seed: global.seed,
        };
        return print::json_line(&policy.measure()?);
    }
    if let (Kind::Window, Some(bundle)) = (args.kind, &args.bundle) {
        let workers = args.workers.unwrap_or_else(cores);
        let tokens = args.sequence * args.batch;
        let config = window::config(args.steps.max(1), tokens.max(1), workers, global.seed);
        return print::json_line(&Window { bundle, config }.measure()?);
    }
    let method = match args.lora {
        None => Method::Full,
        Some(rank) => Method::Lora(LoraConfig {
            rank,
            alpha: rank as f64,
            ..LoraConfig::default()
        }),
    };
    // Pairs are whole: an odd number of sequences would be another size for DPO.
    let sequences = args.batch.max(1).next_multiple_of(2);
    let sft = BenchConfig {
        kind: BenchKind::Sft,
        method,
        sequence: args.sequence.max(2),
        sequences,
        steps: args.steps.max(1),
        workers: args.workers.unwrap_or_else(cores),
        seed: global.seed,
        ..BenchConfig::default()
    };
    let config = match args.kind {
        Kind::Sft | Kind::Router | Kind::Window => sft.clone(),
        Kind::Dpo => BenchConfig {
            kind: BenchKind::Dpo,
            ..sft.clone()
        },
    };
    let speeds = measure(&config)?;
    let peak = peak_memory();
    let own = median(speeds.tokens_per_second.iter().copied());
    let beside = match args.kind {
        Kind::Sft | Kind::Router | Kind::Window => Value::Null,
        Kind::Dpo => {
            let plain = median(measure(&sft)?.tokens_per_second.into_iter());
            json!({ "tokens_per_second": plain, "share": own / plain })
        }
    };
    let work = config.multiply_adds() as f64;
    let speed = multiply_adds_per_second(config.workers);
    let floor = work / speed;
    let tokens = (config.sequence * config.sequences) as f64;
    let parameters: usize = config
        .shape
        .weights()
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    print::json_line(&json!({
        "bench": "train",
        "kind": config.kind,
        "parameters": parameters,
        "method": config.method,
        "sequence": config.sequence,
        "batch": config.sequences,
        "tokens_per_second": spread(speeds.tokens_per_second.iter().copied()),
        "plain_sft": beside,
        "reference_seconds_per_step": speeds.reference_seconds,
        "flop_per_token": 2.0 * work / tokens,
        "flop_per_second": 2.0 * speed,
        "floor_seconds_per_step": floor,
        "share_of_floor": floor * own / tokens,
        "peak_memory_bytes": peak,
        "threads": config.workers,
        "dtype": "f32",
        "device": "cpu",
    }))
}
