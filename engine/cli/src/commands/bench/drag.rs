//! `bench drag`: from a dragged point to the first token under it, and from a cancel to the answer's end, while a sweep
//! runs and is scored.
//!
//! It goes through the engine's thread and its channels, as the window does.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use paretoscope_engine::bundle::{Addition, Manifest, Part, extend};
use paretoscope_engine::protocol::{
    EngineCommand, EngineEvent, EngineHandle, JobId, SweepGrid, SweepPlan,
};
use paretoscope_engine::runtime::{EngineOptions, spawn};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel,
};
use paretoscope_engine::{Error, Result};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::measure::{peak_memory, threads};
use crate::commands::place::backend;
use crate::options::Global;
use crate::print::json_line;

const SWEEP: JobId = JobId(1);
const LOAD: JobId = JobId(2);
/// Drags are numbered from here on.
const FIRST_DRAG: u64 = 10;
/// Longest that an event is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// Options of `bench drag`.
#[derive(Debug, clap::Args)]
pub(crate) struct Drag {
    /// The bundle's folder, with prompts
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// A reward model's folder with a tokenizer, in place of the one of every objective (tests/peers/make_rewards.py
    /// makes some of real shapes)
    #[arg(long, value_name = "DIR")]
    reward: Option<PathBuf>,
    /// Times that the point is moved
    #[arg(long, default_value_t = 100)]
    drags: usize,
    /// Leave the engine idle otherwise
    #[arg(long)]
    no_sweep: bool,
}

pub(crate) fn run(args: &Drag, global: &Global) -> Result<()> {
    if args.drags == 0 {
        return Err(Error::option("--drags", "is 0; it must be at least 1"));
    }
    // The thread would go on with the CPU where the device is not there.
    backend(global)?;
    let options = EngineOptions {
        device: global.device,
        dtype: global.dtype,
        ..EngineOptions::default()
    };
    let folder = tempfile::tempdir().map_err(Error::io("make", Path::new("a temporary folder")))?;
    let path = match &args.reward {
        Some(reward) => with_reward(&args.bundle, reward, folder.path())?,
        None => args.bundle.clone(),
    };
    let engine = spawn(options, Arc::new(|| ()))?;
    send(&engine, EngineCommand::LoadBundle { job: LOAD, path })?;
    let bundle = wait(&engine, |event| match event {
        EngineEvent::Loaded { bundle, .. } => Some(Ok(bundle)),
        EngineEvent::LoadFailed { trouble, .. } => {
            Some(Err(Error::option("--bundle", trouble.message)))
        }
        _ => None,
    })??;
    let prompts: Vec<Prompt> = bundle
        .prompts
        .iter()
        .map(|sample| sample.prompt.clone())
        .collect();
    if !args.no_sweep {
        // Fine enough that it never ends while drags are measured.
        let plan = SweepPlan {
            grid: SweepGrid::Simplex {
                step: 0.02,
                objectives: Vec::new(),
            },
            prompts: prompts.clone(),
            splits: Vec::new(),
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: false,
            store: folder.path().join("drags.study"),
        };
        send(&engine, EngineCommand::Sweep { job: SWEEP, plan })?;
    }
    let mut random = ChaCha8Rng::seed_from_u64(global.seed);
    let (mut first_token, mut cancelled) = (Vec::new(), Vec::new());
    for index in 0..args.drags {
        // Somewhere in the sweep's work, not at a step's edge.
        std::thread::sleep(Duration::from_millis(random.random_range(20..80)));
        let job = JobId(FIRST_DRAG + index as u64);
        let shares = (0..bundle.objectives.len()).map(|_| random.random_range(0.01..1.0));
        let preference = Preference::new(shares.collect()).map_err(Error::point("preference"))?;
        let row = RowRequest {
            prompt: prompts[index % prompts.len()].clone(),
            point: Point::Preference(preference),
            sampling: Sampling::default(),
            mutes: Mutes::default(),
            trace: TraceLevel::Full,
            time: None,
        };
        let start = Instant::now();
        send(
            &engine,
            EngineCommand::Generate {
                job,
                row,
                score: true,
            },
        )?;
        wait(&engine, |event| match event {
            EngineEvent::Tokens { job: of, .. } | EngineEvent::Finished { job: of, .. }
                if of == job =>
            {
                Some(Ok(()))
            }
            EngineEvent::Failed { trouble, .. } => {
                Some(Err(Error::option("drag", trouble.message)))
            }
            _ => None,
        })??;
        first_token.push(start.elapsed().as_secs_f64() * 1000.0);
        // The next drag ends this answer, as it does in the window; by then it may have ended by itself.
        let start = Instant::now();
        send(&engine, EngineCommand::Cancel { job })?;
        wait(&engine, |event| match event {
            EngineEvent::Finished { job: of, .. } if of == job => Some(()),
            _ => None,
        })?;
        cancelled.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    send(&engine, EngineCommand::Shutdown)?;
    json_line(&json!({
        "bench": "drag",
        "drags": args.drags,
        "during_a_sweep": !args.no_sweep,
        "reward": args.reward,
        "first_token_milliseconds": quantiles(first_token),
        "cancel_milliseconds": quantiles(cancelled),
        "peak_memory_bytes": peak_memory(),
        "threads": threads(),
        "dtype": bundle.model.dtype,
        "device": bundle.model.device,
    }))
}

/// The bundle with this reward model for every objective, written into `folder`.
fn with_reward(bundle: &Path, reward: &Path, folder: &Path) -> Result<PathBuf> {
    let mut current = bundle.to_path_buf();
    for (index, objective) in Manifest::load(bundle)?.objectives.iter().enumerate() {
        let addition = Addition {
            part: Part::Reward(objective.name.clone()),
            name: objective.name.clone(),
            path: reward.to_path_buf(),
        };
        let next = folder.join(format!("bundle-{index}"));
        extend(&current, &addition, &next)?;
        current = next;
    }
    Ok(current)
}

fn quantiles(mut milliseconds: Vec<f64>) -> serde_json::Value {
    milliseconds.sort_by(f64::total_cmp);
    let quantile = |q: f64| milliseconds[((milliseconds.len() - 1) as f64 * q).round() as usize];
    json!({"median": quantile(0.5), "p95": quantile(0.95), "max": quantile(1.0)})
}

pub(super) fn send(engine: &EngineHandle, command: EngineCommand) -> Result<()> {
    engine
        .commands
        .send(command)
        .map_err(|_gone| Error::EngineGone)
}

pub(super) fn wait<T>(
    engine: &EngineHandle,
    mut wanted: impl FnMut(EngineEvent) -> Option<T>,
) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let event = engine
            .events
            .recv_deadline(deadline)
            .map_err(|_gone| Error::EngineGone)?;
        if let Some(found) = wanted(event) {
            return Ok(found);
        }
    }
}
