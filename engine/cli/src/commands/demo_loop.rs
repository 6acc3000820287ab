//! `demo loop`: once around the loop with a scripted annotator in the place of people.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use paretoscope_demo::annotator::{Annotator, questions};
use paretoscope_demo::levels::Objective;
use paretoscope_demo::world::World;
use paretoscope_engine::annotate::{Ballot, Design, Source, blocks, gold};
use paretoscope_engine::bundle::{Bundle, read_prompts};
use paretoscope_engine::output::write_json_lines;
use paretoscope_engine::protocol::{SweepGrid, SweepPlan};
use paretoscope_engine::stats::{Draws, win_rates};
use paretoscope_engine::study::{Looked, Study, SweepState, TaskState, built, telling_names};
use paretoscope_engine::sweep::sweep_whole;
use paretoscope_engine::types::{
    DpoConfig, LearnPlan, LoraConfig, Method, NamedPoint, Point, RunConfig, Sampling, Split,
    TrainConfig, Weights,
};
use paretoscope_engine::{Error, Problem, Result};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::place::load;
use super::study::learn::{last_line, tell};
use super::train_options::cores;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Rows that go through the model together.
const SLOTS: usize = 32;
/// New tokens of an answer at most.
const LONGEST: usize = 96;
/// How long the annotator looks at a pair, in milliseconds.
const LOOK: u64 = 4_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The demonstration bundle
    #[arg(long, default_value = "assets/demo")]
    bundle: PathBuf,
    /// Folder of the authored world, by which the annotator judges
    #[arg(long, default_value = "assets/world")]
    world: PathBuf,
    /// Folder for the study, the adapter and the bundle with it; the same command again goes on there
    #[arg(long)]
    out: PathBuf,
    /// By what the annotator judges: helpful, harmless or humor
    #[arg(long, default_value = "humor")]
    objective: String,
    /// Pairs that the annotator looks at
    #[arg(long, default_value_t = 200)]
    votes: usize,
    /// Share of its choices that are made blindly
    #[arg(long, default_value_t = 0.1)]
    noise: f64,
    /// Topics that are asked about, once for training and once for the test
    #[arg(long, default_value_t = 80)]
    topics: usize,
    /// Steps of the training
    #[arg(long, default_value_t = 100)]
    steps: usize,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let objective = Objective::ALL
        .into_iter()
        .find(|o| o.name() == args.objective);
    let Some(objective) = objective else {
        let known = Objective::ALL.map(Objective::name);
        return Err(Error::option(
            "--objective",
            Problem::unknown(args.objective.as_str(), known),
        ));
    };
    if !(0.0..=1.0).contains(&args.noise) {
        return Err(Error::option(
            "--noise",
            format!("is {}; it must be 0 to 1", args.noise),
        ));
    }
    let world = World::load(&args.world)?;
    std::fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let prompts = args.out.join("prompts.jsonl");
    write_json_lines(&prompts, questions(&world, args.topics))?;
    let path = args.out.join("loop.study");
    let sweep = swept(args, global, &prompts, &path)?;
    let study = Study::open(&path)?;

    let mut annotator = Annotator::new(&world, objective, args.noise, global.seed);
    let asked = asked(
        &study,
        "before",
        Source::Preferences,
        &[sweep],
        args,
        (Split::Train, args.votes),
        global,
    )?;
    vote(&study, &asked, "A1", args.votes, &mut annotator)?;

    let plan = plan(args, global, &path);
    let effect = tell(&plan, global)?;

    let all = study.sweeps()?;
    let both = effect
        .sweeps
        .iter()
        .filter_map(|number| all.iter().find(|s| s.id == *number).cloned());
    let both: Vec<SweepState> = both.collect();
    let fresh = self::asked(
        &study,
        "after",
        Source::Across,
        &both,
        args,
        (Split::Test, args.votes),
        global,
    )?;
    vote(&study, &fresh, "A1", usize::MAX, &mut annotator)?;
    let judged = study.judged(&fresh)?;
    let rates = win_rates(&judged.votes, &both[0].name, plan.draws, &mut |_| {
        ControlFlow::Continue(())
    });
    let rates = rates.map_err(|error| Error::option("votes", error.to_string()))?;
    json_line(&json!({
        "stage": "fresh votes",
        "words": "the same annotator on pairs of test prompts, before against after",
        "task": fresh.name,
        "after_wins": rates.get(&args.objective).map(|rates| &rates.all),
    }))?;
    json_line(&last_line(&effect))
}

/// Sweeps the base model and each value vector alone over all questions; the sweep.
fn swept(args: &Args, global: &Global, prompts: &Path, store: &Path) -> Result<SweepState> {
    let bundle = load(&args.bundle, global, true)?;
    let samples = read_prompts(prompts)?;
    let plan = SweepPlan {
        grid: SweepGrid::List {
            points: corners(&bundle)?,
        },
        splits: samples.iter().map(|sample| sample.split).collect(),
        groups: samples.iter().map(|sample| sample.group.clone()).collect(),
        prompts: samples.into_iter().map(|sample| sample.prompt).collect(),
        sampling: Sampling {
            max_tokens: LONGEST,
            ..Sampling::default()
        },
        include_base: false,
        store: store.to_path_buf(),
    };
    let interrupt = Interrupt::listen();
    let mut rows = 0;
    let number = sweep_whole(&bundle, plan, SLOTS, &mut |progress| {
        rows = progress.rows;
        interrupt.check()
    })?;
    json_line(&json!({"stage": "sweep", "points": bundle.info.values.len() + 1, "rows": rows}))?;
    let study = Study::open(store)?;
    let sweep = study.sweeps()?.into_iter().find(|sweep| sweep.id == number);
    sweep.ok_or_else(|| Error::internal("a sweep that was just made is not in the study"))
}

/// The base model, and each value vector alone.
fn corners(bundle: &Bundle) -> Result<Vec<NamedPoint>> {
    let values = bundle.info.values.len();
    let place = |alone: Option<usize>| {
        let numbers = (0..values).map(|at| f64::from(u8::from(alone == Some(at))));
        let weights = Weights::new(numbers.collect()).map_err(Error::point("weights"))?;
        Ok(NamedPoint::from(Point::Weights(weights)))
    };
    std::iter::once(None)
        .chain((0..values).map(Some))
        .map(place)
        .collect()
}

/// A task of pairs, made where it is not there already.
fn asked(
    study: &Study,
    name: &str,
    source: Source,
    sweeps: &[SweepState],
    args: &Args,
    (split, items): (Split, usize),
    global: &Global,
) -> Result<TaskState> {
    if let Some(known) = study.tasks()?.into_iter().find(|task| task.name == name) {
        return Ok(known);
    }
    let design = Design {
        sweeps: study.sweep_uids(sweeps)?,
        split: Some(split),
        items,
        seed: global.seed,
        ..Design::new(source, vec![args.objective.clone()])
    };
    let pool = study.pool(&design, sweeps)?;
    let mut random = ChaCha8Rng::seed_from_u64(design.seed);
    let mut drawing = blocks(&pool, design.items, design.ranked, &mut random);
    let checks = (design.gold * drawing.items.len() as f64).ceil() as usize;
    drawing.items.extend(gold(&pool, checks, 2, &mut random));
    let items = built(&pool, &drawing, &telling_names(sweeps), 0, 0);
    Ok(study.new_task(name, &design, &items.items)?)
}

/// Votes on the first `looks` places of the annotator's queue that have no vote yet.
fn vote(
    study: &Study,
    task: &TaskState,
    alias: &str,
    looks: usize,
    annotator: &mut Annotator,
) -> Result<()> {
    let sitting = study.sit(task, alias)?;
    let mut cast = 0;
    for place in study
        .left(&sitting)?
        .into_iter()
        .filter(|place| *place < looks)
    {
        let shown = study.show(&sitting, place)?;
        let [left, right] = &shown.sides[..] else {
            continue;
        };
        let picked = annotator.choose(&shown.prompt, [left, right]);
        let ballots = shown.objectives.iter().map(|objective| Ballot {
            objective: objective.clone(),
            picked: picked.clone(),
            strength: None,
            comment: None,
        });
        let looked = Looked {
            active_ms: LOOK,
            early: false,
        };
        study.cast(&sitting, place, &ballots.collect::<Vec<_>>(), looked)?;
        cast += 1;
    }
    json_line(&json!({"stage": "votes", "task": task.name, "cast": cast}))
}

/// What is learnt: few pairs, seen often.
fn plan(args: &Args, global: &Global, study: &Path) -> LearnPlan {
    let mut config = DpoConfig {
        train: TrainConfig {
            run: RunConfig {
                seed: global.seed,
                device: global.device,
                workers: cores(),
                ..RunConfig::default()
            },
            steps: Some(args.steps),
            batch_tokens: 2048,
            ..TrainConfig::default()
        },
        method: Method::Lora(LoraConfig::of_rank(16)),
        ..DpoConfig::default()
    };
    config.train.run.optimiser.learning_rate = 3e-4;
    LearnPlan {
        study: study.to_path_buf(),
        task: "before".to_owned(),
        objective: args.objective.clone(),
        voters: Default::default(),
        bundle: args.bundle.clone(),
        out: args.out.join("value"),
        name: format!("{} from votes", args.objective),
        config,
        weight: 1.0,
        points: Vec::new(),
        prompts: None,
        in_sample: true,
        draws: Draws {
            seed: global.seed,
            ..Draws::default()
        },
    }
}
