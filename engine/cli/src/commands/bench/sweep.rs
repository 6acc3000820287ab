//! `bench sweep`: mixtures x prompts, generated as one job of rows, start to end.

use std::path::PathBuf;
use std::time::Instant;

use paretoscope_engine::generate::generate_all;
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel,
};
use paretoscope_engine::{Error, Result};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::measure::{peak_memory, spread, threads};
use crate::commands::place::load;
use crate::options::Global;
use crate::print::json_line;

/// Options of `bench sweep`.
#[derive(Debug, clap::Args)]
pub(crate) struct Sweep {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Different mixtures, on a line through the simplex
    #[arg(long, default_value_t = 11)]
    points: usize,
    /// Prompts of random ids
    #[arg(long, default_value_t = 8)]
    prompts: usize,
    /// Ids of each prompt
    #[arg(long, default_value_t = 16)]
    prompt_length: usize,
    /// New tokens of each row
    #[arg(long, default_value_t = 32)]
    new_tokens: usize,
    /// Rows that run together
    #[arg(long, default_value_t = 88)]
    slots: usize,
    /// Runs that count
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

pub(crate) fn run(args: &Sweep, global: &Global) -> Result<()> {
    if args.points < 2 || args.prompts == 0 || args.prompt_length == 0 || args.runs == 0 {
        return Err(Error::option(
            "bench sweep",
            "needs --points of at least 2, --prompts, --prompt-length and --runs of at least 1",
        ));
    }
    let bundle = load(&args.bundle, global, false)?;
    let mut random = ChaCha8Rng::seed_from_u64(global.seed);
    let vocabulary = bundle.info.model.vocabulary as u32;
    let prompts: Vec<Prompt> = (0..args.prompts)
        .map(|_| {
            let ids = (0..args.prompt_length).map(|_| random.random_range(0..vocabulary));
            Prompt::Tokens(ids.collect())
        })
        .collect();
    let objectives = bundle.info.objectives.len();
    let mut requests = Vec::with_capacity(args.points * args.prompts);
    for index in 0..args.points {
        // From equal parts of all but the first objective to the first alone.
        let first = index as f64 / (args.points - 1) as f64;
        let mut shares = vec![(1.0 - first) / (objectives - 1).max(1) as f64; objectives];
        shares[0] = first;
        let preference =
            Preference::with_len(shares, objectives).map_err(Error::point("preference"))?;
        requests.extend(prompts.iter().map(|prompt| RowRequest {
            prompt: prompt.clone(),
            point: Point::Preference(preference.clone()),
            sampling: Sampling {
                max_tokens: args.new_tokens,
                ignore_eos: true,
                ..Sampling::default()
            },
            mutes: Mutes::default(),
            trace: TraceLevel::None,
            time: None,
        }));
    }
    let tokens = (requests.len() * args.new_tokens) as f64;
    let mut seconds = Vec::with_capacity(args.runs);
    for _ in 0..args.runs {
        let start = Instant::now();
        generate_all(&bundle, requests.clone(), args.slots)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    json_line(&json!({
        "bench": "sweep",
        "points": args.points,
        "prompts": args.prompts,
        "new_tokens": args.new_tokens,
        "slots": args.slots,
        "seconds": spread(seconds.iter().copied()),
        "start_to_end_tokens_per_second": spread(seconds.iter().map(|s| tokens / s)),
        "peak_memory_bytes": peak_memory(),
        "threads": threads(),
        "dtype": bundle.info.model.dtype,
        "device": bundle.info.model.device,
    }))
}
