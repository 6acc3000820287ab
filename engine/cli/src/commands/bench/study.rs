//! `bench study`: a large study opened, listed, summed up, drawn, reported and merged. The first look is what a window does
//! before its first dots stand: opened, answers brought back, sweeps listed, fronts drawn.

use std::path::Path;
use std::time::Instant;

use paretoscope_engine::protocol::{SweepGrid, SweepPlan};
use paretoscope_engine::study::{Filter, Study, SweepRecord};
use paretoscope_engine::types::{
    BundleIdentity, BundleInfo, Finish, Key, ModelInfo, NamedPoint, ObjectiveInfo, Point,
    Preference, Prompt, RowGates, Run, RunStatus, Sampling, Scores, Split, Steering, TokenPiece,
};
use paretoscope_engine::{Error, Result};
use paretoscope_figure::of_study::{Asked, fronts, report};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::measure::spread;
use crate::options::Global;
use crate::print::json_line;

/// Options of `bench study`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rows of its sweep, each with three scores
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Prompts of the sweep; the rest are points
    #[arg(long, default_value_t = 159)]
    prompts: usize,
    /// Runs that count; one more goes before them
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

/// Objectives of the made-up bundle.
const OBJECTIVES: [&str; 3] = ["helpful", "harmless", "humor"];

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    if args.rows == 0 || args.prompts == 0 || args.runs == 0 {
        return Err(Error::option(
            "bench study",
            "needs --rows, --prompts and --runs of at least 1",
        ));
    }
    let folder = tempfile::tempdir().map_err(Error::io("make", Path::new("a temporary folder")))?;
    let path = folder.path().join("large.study");
    let sweep = fill(&path, args, global.seed)?;
    let bytes = std::fs::metadata(&path)
        .map_err(Error::io("read", &path))?
        .len();
    let timed = |work: &dyn Fn() -> Result<()>| -> Result<serde_json::Value> {
        let mut seconds = Vec::new();
        for run in 0..=args.runs {
            let start = Instant::now();
            work()?;
            if run > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        Ok(spread(seconds.into_iter()))
    };
    let copy = folder.path().join("copy.study");
    std::fs::copy(&path, &copy).map_err(Error::io("copy", &path))?;
    let study = Study::open(&path)?;
    let asked = Asked::default();
    let last = Filter {
        limit: 200,
        ..Filter::default()
    };
    let drawn = |error: paretoscope_figure::Error| Error::internal(error.to_string());
    let line = json!({
        "bench": "study",
        "rows": args.rows,
        "bytes": bytes,
        "bytes_per_row": bytes as f64 / args.rows as f64,
        "open_seconds": timed(&|| Study::open(&path).map(drop).map_err(Error::from))?,
        "list_seconds": timed(&|| study.sweeps().map(drop).map_err(Error::from))?,
        "history_seconds": timed(&|| study.history(&last).map(drop).map_err(Error::from))?,
        "summary_seconds": timed(&|| {
            let scores = study.sweep_scores(sweep, None)?;
            let points = scores.summary(None);
            if points.is_empty() { Err(Error::internal("a full sweep has no point")) } else { Ok(()) }
        })?,
        "fronts_seconds": timed(&|| fronts(&study, &asked).map(drop).map_err(drawn))?,
        "first_look_seconds": timed(&|| {
            let study = Study::open(&path)?;
            study.history(&last)?;
            study.sweeps()?;
            fronts(&study, &asked).map(drop).map_err(drawn)
        })?,
        "report_seconds": timed(&|| report(&study, &asked, "bench study").map(drop).map_err(drawn))?,
        "info_seconds": timed(&|| study.info().map(drop).map_err(Error::from))?,
        "merge_again_seconds": timed(&|| {
            let counts = study.merge(&copy)?;
            match counts.of("score").new {
                0 => Ok(()),
                new => Err(Error::internal(format!("a merge of equal files found {new} new scores"))),
            }
        })?,
    });
    json_line(&line)
}

/// Makes a study with a sweep of points x prompts.
fn fill(path: &Path, args: &Args, seed: u64) -> Result<i64> {
    let study = Study::open(path)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let prompts: Vec<Prompt> = (0..args.prompts)
        .map(|i| Prompt::Chat(format!("What of number {i}?")))
        .collect();
    let points = args.rows.div_ceil(args.prompts);
    let place = |point: usize| {
        let share = |n: usize| (point * n % 997) as f64 + 1.0;
        Preference::new(vec![share(1), share(31), share(57)]).map_err(Error::point("point"))
    };
    let listed = (0..points)
        .map(|i| Ok(NamedPoint::from(Point::Preference(place(i)?))))
        .collect::<Result<Vec<_>>>()?;
    let record = SweepRecord {
        name: "a large sweep".to_owned(),
        method: "hoe".to_owned(),
        bundle: bundle(),
        plan: SweepPlan {
            grid: SweepGrid::List {
                points: listed.clone(),
            },
            prompts: prompts.clone(),
            splits: vec![Split::Test; prompts.len()],
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: false,
            store: path.to_path_buf(),
        },
        rows: points * prompts.len(),
    };
    let sweep = study.whole_sweep(&record, |point, prompt| {
        answer(
            &mut random,
            listed[point].point.clone(),
            prompts[prompt].clone(),
        )
    })?;
    Ok(sweep)
}

fn answer(random: &mut ChaCha8Rng, point: Point, prompt: Prompt) -> Run {
    let tokens: Vec<TokenPiece> = (0..24)
        .map(|at| TokenPiece {
            id: random.random_range(0..512),
            start: 4 * at,
            end: 4 * (at + 1),
        })
        .collect();
    let scores = OBJECTIVES
        .map(|_| Some(random.random_range(-3.0..3.0)))
        .to_vec();
    Run {
        prompt,
        prompt_tokens: vec![1; 12],
        given: None,
        gates: RowGates {
            adapters: point.as_slice().iter().map(|share| *share as f32).collect(),
            routers: Vec::new(),
            muted: Vec::new(),
        },
        point,
        steering: Steering::default(),
        sampling: Sampling::default(),
        text: "word".repeat(tokens.len()),
        tokens,
        finish: Finish::Eos,
        end: Some(2),
        status: RunStatus::Done,
        record: None,
        key: Some(Key(random.random())),
        scores: Some(Scores(scores)),
        first_token_seconds: 0.01,
        seconds: 0.1,
        pace: Vec::new(),
    }
}

fn bundle() -> BundleInfo {
    let objective = |name: &str| ObjectiveInfo {
        name: name.to_owned(),
        reward: None,
        reward_kind: None,
        reading: None,
        sign: 1.0,
    };
    BundleInfo {
        name: "made up".to_owned(),
        path: std::path::PathBuf::new(),
        identity: BundleIdentity {
            rewards: OBJECTIVES.map(|name| Some(name.to_owned())).to_vec(),
            ..BundleIdentity::default()
        },
        model: ModelInfo {
            layers: 1,
            hidden_size: 1,
            vocabulary: 512,
            context: 256,
            parameters: 1,
            dtype: "f32".to_owned(),
            device: "none".to_owned(),
            fallback: None,
            digest: String::new(),
            has_tokenizer: true,
            has_chat_template: true,
        },
        objectives: OBJECTIVES.map(objective).to_vec(),
        experts: Vec::new(),
        expert_files: Vec::new(),
        values: Vec::new(),
        values_are_experts: false,
        value_adapters: Vec::new(),
        adapters: OBJECTIVES.map(str::to_owned).to_vec(),
        sites: Vec::new(),
        prompts: Vec::new(),
        warnings: Vec::new(),
        methods: Vec::new(),
        demonstration: None,
        memory_bytes: 0,
    }
}
