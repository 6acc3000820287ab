//! `bench score`: texts per second of a reward model, with the floor that its arithmetic sets.

use std::path::PathBuf;
use std::time::Instant;

use paretoscope_engine::reward::{Reading, Reward, RewardInput};
use paretoscope_engine::{Error, Result};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::measure::{peak_memory, spread, threads};
use super::peak::multiply_adds_per_second;
use crate::commands::place::backend;
use crate::options::Global;
use crate::print::json_line;

/// Options of `bench score`.
#[derive(Debug, clap::Args)]
pub(crate) struct Score {
    /// A Hugging Face folder of a reward model; tests/peers/make_rewards.py makes some of real shapes
    #[arg(long, value_name = "DIR")]
    reward: PathBuf,
    /// Texts at a time
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Tokens of each text
    #[arg(long, default_value_t = 128)]
    length: usize,
    /// Runs that count; one more goes before them
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

pub(crate) fn run(args: &Score, global: &Global) -> Result<()> {
    let backend = backend(global)?;
    if args.batch == 0 || args.length == 0 || args.runs == 0 {
        return Err(Error::option(
            "bench score",
            "needs --batch, --length and --runs of at least 1",
        ));
    }
    let start = Instant::now();
    let reward = Reward::load(&args.reward, Reading::default(), &backend.device())?;
    let load = start.elapsed().as_secs_f64();
    let mut random = ChaCha8Rng::seed_from_u64(global.seed);
    let texts: Vec<RewardInput> = (0..args.batch)
        .map(|_| {
            let mut ids: Vec<u32> = (0..args.length)
                .map(|_| random.random_range(3..reward.vocabulary() as u32))
                .collect();
            // BART reads its score at an end token.
            if let Some(last) = ids.last_mut() {
                *last = 2;
            }
            RewardInput::Tokens(ids)
        })
        .collect();
    let mut seconds = Vec::new();
    for run in 0..=args.runs {
        let start = Instant::now();
        let ratings = reward.score(&texts)?;
        std::hint::black_box(ratings);
        if run > 0 {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    let speed = multiply_adds_per_second(threads());
    let work = reward.multiply_adds(args.length) as f64;
    let floor = work * args.batch as f64 / speed;
    let best = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    json_line(&json!({
        "bench": "score",
        "model": reward.kind(),
        "reward": args.reward,
        "batch": args.batch,
        "length": args.length,
        "texts_per_second": spread(seconds.iter().map(|s| args.batch as f64 / s)),
        "tokens_per_second": spread(seconds.iter().map(|s| (args.batch * args.length) as f64 / s)),
        "flop_per_text": 2.0 * work,
        "flop_per_second": 2.0 * speed,
        "floor_seconds": floor,
        "share_of_floor": floor / best,
        "load_seconds": load,
        "peak_memory_bytes": peak_memory(),
        "threads": threads(),
        "dtype": "f32",
        "device": backend.in_words(),
    }))
}
