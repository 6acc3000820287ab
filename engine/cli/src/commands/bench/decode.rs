//! `bench decode`: tokens per second of a batch, with the floor that reading its weights sets.

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use paretoscope_engine::bundle::Bundle;
use paretoscope_engine::device::Backend;
use paretoscope_engine::generate::{Generator, RowNews, RowTag};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowGates, RowRequest, Sampling, TraceLevel, Weights,
};
use paretoscope_engine::{Error, Result};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::measure::{peak_memory, read_bandwidth, spread, threads};
use crate::commands::place::load;
use crate::options::Global;
use crate::print::json_line;

/// Options of `bench decode`.
#[derive(Debug, clap::Args)]
pub(crate) struct Decode {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Rows
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Random ids that each row starts from
    #[arg(long, default_value_t = 16)]
    prompt_length: usize,
    /// New tokens of each row
    #[arg(long, default_value_t = 32)]
    new_tokens: usize,
    /// Mixtures of the rows
    #[arg(long, value_enum, default_value_t = Gates::Equal)]
    gates: Gates,
    /// A preference for `equal`, e.g. 0.2,0.3,0.5; by default 2, 3, 4, ... parts
    #[arg(long, value_name = "P")]
    preference: Option<String>,
    /// Runs that count; one more goes before them
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Gates {
    /// The base model alone
    None,
    /// All rows at one preference
    Equal,
    /// Every row at its own
    Different,
}

pub(crate) fn run(args: &Decode, global: &Global) -> Result<()> {
    if args.batch == 0 || args.prompt_length == 0 || args.new_tokens < 2 || args.runs == 0 {
        return Err(Error::option(
            "bench decode",
            "needs --batch, --prompt-length and --runs of at least 1, --new-tokens of at least 2",
        ));
    }
    let bundle = load(&args.bundle, global, false)?;
    let requests = requests(args, global, &bundle)?;
    let mut measured: Vec<Measured> = Vec::new();
    for run in 0..=args.runs {
        let once = measure(&bundle, &requests)?;
        if run > 0 {
            measured.push(once);
        }
    }
    let gates: Vec<RowGates> = requests
        .iter()
        .map(|r| Ok(bundle.plan.gates(&r.point)?))
        .collect::<Result<_>>()?;
    let bytes = step_bytes(&bundle, &gates, args);
    // Before the bandwidth is measured, whose buffer is no part of it.
    let peak = peak_memory();
    // The floor is that of the memory that holds the weights; a GPU's is not measured here.
    let bandwidth = matches!(bundle.backend, Backend::Packed(_)).then(read_bandwidth);
    json_line(&json!({
        "bench": "decode",
        "batch": args.batch,
        "gates": args.gates.to_possible_value().map(|v| v.get_name().to_owned()),
        "tokens_per_second": spread(measured.iter().map(|m| m.decode)),
        "prefill_tokens_per_second": spread(measured.iter().map(|m| m.prefill)),
        "start_to_end_tokens_per_second": spread(measured.iter().map(|m| m.start_to_end)),
        "floor_seconds": bandwidth.map(|rate| bytes as f64 / rate),
        "floor_bytes": bytes,
        "read_bytes_per_second": bandwidth,
        "peak_memory_bytes": peak,
        "threads": threads(),
        "dtype": bundle.info.model.dtype,
        "device": bundle.info.model.device,
    }))
}

fn requests(args: &Decode, global: &Global, bundle: &Bundle) -> Result<Vec<RowRequest>> {
    let mut random = ChaCha8Rng::seed_from_u64(global.seed);
    let (vocabulary, objectives) = (
        bundle.info.model.vocabulary as u32,
        bundle.info.objectives.len(),
    );
    let equal = match &args.preference {
        Some(text) => crate::options::numbers("--preference", text)?,
        None => (0..objectives).map(|i| (i + 2) as f64).collect(),
    };
    (0..args.batch)
        .map(|_| {
            let ids = (0..args.prompt_length)
                .map(|_| random.random_range(0..vocabulary))
                .collect();
            let preference = |values| {
                Preference::with_len(values, objectives)
                    .map(Point::Preference)
                    .map_err(Error::point("preference"))
            };
            let point = match args.gates {
                Gates::None => Point::Weights(Weights::zero(bundle.info.values.len())),
                Gates::Equal => preference(equal.clone())?,
                Gates::Different => preference(
                    (0..objectives)
                        .map(|_| random.random_range(0.01..1.0))
                        .collect(),
                )?,
            };
            let sampling = Sampling {
                max_tokens: args.new_tokens,
                ignore_eos: true,
                ..Sampling::default()
            };
            Ok(RowRequest {
                prompt: Prompt::Tokens(ids),
                point,
                sampling,
                mutes: Mutes::default(),
                trace: TraceLevel::None,
                time: None,
            })
        })
        .collect()
}

struct Measured {
    decode: f64,
    prefill: f64,
    start_to_end: f64,
}

fn measure(bundle: &Bundle, requests: &[RowRequest]) -> Result<Measured> {
    let mut generator = Generator::new(requests.len());
    let start = Instant::now();
    for (tag, request) in requests.iter().enumerate() {
        generator.add(bundle, RowTag(tag as u64), request.clone(), start)?;
    }
    let mut started = 0;
    while started < requests.len() {
        let news = generator.step(bundle)?;
        started += news
            .iter()
            .filter(|(_, news)| matches!(news, RowNews::Started(_)))
            .count();
    }
    let first = start.elapsed().as_secs_f64();
    let mut tokens = 0;
    let decoding = Instant::now();
    while !generator.is_empty() {
        tokens += generator.len();
        generator.step(bundle)?;
    }
    let prompt: usize = requests
        .iter()
        .map(|r| match &r.prompt {
            Prompt::Tokens(ids) => ids.len(),
            Prompt::Text(_) | Prompt::Chat(_) | Prompt::Messages(_) => 0,
        })
        .sum();
    let new: usize = requests.iter().map(|r| r.sampling.max_tokens).sum();
    Ok(Measured {
        decode: tokens as f64 / decoding.elapsed().as_secs_f64(),
        prefill: prompt as f64 / first,
        start_to_end: new as f64 / start.elapsed().as_secs_f64(),
    })
}

/// Bytes that one decoding step must read: all weights once (experts only where any row mixes
/// them; the embedding only by rows), and every row's cache at its mean length.
fn step_bytes(bundle: &Bundle, gates: &[RowGates], args: &Decode) -> u64 {
    let config = bundle.model.config();
    let mixed = gates
        .iter()
        .any(|g| g.adapters.iter().chain(&g.routers).any(|&v| v != 0.0));
    let weights = bundle.model.step_bytes(mixed);
    let number = if bundle.model.is_quantised() {
        2 // f16
    } else {
        bundle.backend.dtype().size_in_bytes()
    };
    let length = args.prompt_length + args.new_tokens / 2;
    let cache = 2 * config.layers * config.kv_heads * config.head_dim * length * args.batch;
    (weights + cache * number) as u64
}
