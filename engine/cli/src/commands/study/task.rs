//! `study task`: what people are to judge, drawn from a study's sweeps.

use std::path::PathBuf;

use paretoscope_engine::annotate::{
    Design, Drawing, Drawn, How, Plan, Question, Shape, Source, active, blocks, gold, queue,
};
use paretoscope_engine::stats::required_votes;
use paretoscope_engine::study::{Asks, Study, SweepState, TaskState, built, telling_names};
use paretoscope_engine::{Error, Problem, Result};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::file::existing;
use crate::options::{Global, split_of};
use crate::print::json_line;

/// Options of `study task`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the task is called; people never see it
    #[arg(long, value_name = "T")]
    name: String,
    /// What is compared: preferences (all points of a sweep), base (each with the base model), front (neighbours on it),
    /// across (two sweeps at the same point, prompt and seed)
    #[arg(long, value_name = "WHAT", default_value = "preferences")]
    from: String,
    /// Which sweeps, by method, name or number; the last one where absent
    #[arg(long = "sweep", value_name = "METHOD_OR_SWEEP")]
    sweeps: Vec<String>,
    /// What is asked: pair, rating (1 to 5), or ranking:K (of K answers, 2 to 5)
    #[arg(long, value_name = "QUESTION", default_value = "pair")]
    ask: String,
    /// By what people judge; those of the sweep's bundle where absent
    #[arg(long = "objective", value_name = "OBJECTIVE")]
    objectives: Vec<String>,
    /// How items are drawn: blocks (all comparisons equally often) or active (where votes so far say least)
    #[arg(long, value_name = "DESIGN", default_value = "blocks")]
    design: String,
    /// Items, checks left out
    #[arg(long, value_name = "N", default_value_t = 200)]
    items: usize,
    /// People that share the items
    #[arg(long, value_name = "K", default_value_t = 1)]
    annotators: usize,
    /// Share of items that two people see, 0.2 to 1; 1 is all for everybody
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    overlap: f64,
    /// Share of items that a person sees twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    repeats: f64,
    /// Share of checks, whose right answer is known
    #[arg(long, value_name = "SHARE", default_value_t = 0.03)]
    gold: f64,
    /// The prompts that are asked about: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// What people are told
    #[arg(long, value_name = "TEXT", default_value = "")]
    instructions: String,
    /// Draw N more items for a task that is there, by its design; the other options are not looked at
    #[arg(long, value_name = "N")]
    more: Option<usize>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let study = existing(&args.file)?;
    match args.more {
        Some(count) => more(&study, args, count),
        None => fresh(&study, args, global),
    }
}

fn fresh(study: &Study, args: &Args, global: &Global) -> Result<()> {
    let mut sweeps: Vec<SweepState> = Vec::new();
    for word in &args.sweeps {
        sweeps.extend(study.sweeps_named("--sweep", word)?);
    }
    if args.sweeps.is_empty() {
        sweeps.extend(study.sweeps()?.pop());
    }
    let Some(first) = sweeps.first() else {
        let problem =
            "this study holds no sweep; items are drawn from answers: sweep --out X.study";
        return Err(Error::option("FILE", problem));
    };
    let mut objectives = args.objectives.clone();
    if objectives.is_empty() {
        objectives.extend(first.info.objectives.iter().map(|o| o.name.clone()));
    }
    let (question, ranked) = question(&args.ask)?;
    let design = Design {
        question,
        ranked,
        sweeps: study.sweep_uids(&sweeps)?,
        split: split_of("--split", &args.split)?,
        instructions: args.instructions.clone(),
        how: named(
            "--design",
            &args.design,
            &[("blocks", How::Blocks), ("active", How::Active)],
        )?,
        items: args.items,
        annotators: args.annotators,
        overlap: args.overlap,
        repeats: args.repeats,
        gold: args.gold,
        seed: global.seed,
        ..Design::new(source(&args.from)?, objectives)
    };
    design.check().map_err(|(field, problem)| {
        let option = match field {
            "ranked" => "ask",
            "active" => "design",
            "objectives" => "objective",
            same => same,
        };
        Error::option(format!("--{option}"), problem)
    })?;
    let pool = study.pool(&design, &sweeps)?;
    let mut random = ChaCha8Rng::seed_from_u64(design.seed);
    let mut drawing = match design.how {
        How::Blocks => blocks(&pool, design.items, design.ranked, &mut random),
        How::Active => active(&pool, design.items, &[], &[], &mut random),
    };
    if drawing.items.is_empty() {
        let problem = format!(
            "nothing can be compared: {} comparisons have texts that are alike, of {} an answer is missing",
            drawing.identical, drawing.missing
        );
        return Err(Error::option("--from", problem));
    }
    let drawn = drawing.items.len();
    let sides = drawing.items[0].sides.len();
    let checks = (design.gold * drawn as f64).ceil() as usize;
    drawing
        .items
        .extend(gold(&pool, checks, sides, &mut random));
    let items = built(&pool, &drawing, &telling_names(&sweeps), 0, 0);
    let task = study.new_task(&args.name, &design, &items.items)?;
    report(study, &task, &drawing, drawn, items.told)
}

/// One more batch of a task.
fn more(study: &Study, args: &Args, count: usize) -> Result<()> {
    let task = study.task_named("--name", &args.name)?;
    let Asks::Home(design) = &task.asks else {
        return Err(Error::option(
            "--name",
            "is in a pack, to which nothing is added",
        ));
    };
    let sweeps = study.sweeps_of(&design.sweeps)?;
    let pool = study.pool(design, &sweeps)?;
    let taken = study.taken(&task, &pool)?;
    let mut random = ChaCha8Rng::seed_from_u64(design.seed);
    random.set_stream(taken.next as u64);
    let mut drawing = match design.how {
        How::Active => {
            let votes = study.duels(&task, &pool)?;
            active(&pool, count, &taken.groups, &votes, &mut random)
        }
        How::Blocks => {
            let problem = "was drawn in blocks, which are balanced as a whole; make another task, or design the next one --design active";
            return Err(Error::option("--name", problem));
        }
    };
    let drawn = drawing.items.len();
    if drawn == 0 {
        return Err(Error::option(
            "--more",
            "every comparison is an item already",
        ));
    }
    let checks = (design.gold * drawn as f64).ceil() as usize;
    drawing.items.extend(gold(&pool, checks, 2, &mut random));
    let items = built(&pool, &drawing, &telling_names(&sweeps), taken.next, 0);
    study.add_items(&task, &items.items)?;
    report(study, &task, &drawing, drawn, items.told)
}

fn report(
    study: &Study,
    task: &TaskState,
    drawing: &Drawing,
    drawn: usize,
    told: usize,
) -> Result<()> {
    let Asks::Home(design) = &task.asks else {
        return Ok(());
    };
    let shapes: Vec<Shape> = drawing
        .items
        .iter()
        .map(|item: &Drawn| Shape {
            sides: item.sides.len(),
            gold: item.wrong.is_some(),
        })
        .collect();
    let looks: Vec<usize> = (0..design.annotators)
        .map(|person| queue(Plan::from(design), std::slice::from_ref(&shapes), person).len())
        .collect();
    json_line(&json!({
        "task": task.name,
        "items": drawn,
        "checks": drawing.items.len() - drawn,
        "all_items": study.items(task)?.len(),
        "objectives": design.objectives,
        "looks_per_annotator": looks,
        "identical": drawing.identical,
        "missing": drawing.missing,
        "telling": told,
        "votes_needed": {"0.60": required_votes(0.6), "0.55": required_votes(0.55)},
    }))
}

fn question(words: &str) -> Result<(Question, usize)> {
    let known = ["pair", "rating", "ranking:K"];
    match (words, words.strip_prefix("ranking:")) {
        ("pair", _) => Ok((Question::Pair, 0)),
        ("rating", _) => Ok((Question::Rating, 0)),
        (_, Some(count)) => match count.parse() {
            Ok(count) => Ok((Question::Ranking, count)),
            Err(_other) => {
                let problem = format!("`{count}` is no number of answers to rank, 2 to 5");
                Err(Error::option("--ask", problem))
            }
        },
        _ => Err(Error::option("--ask", Problem::unknown(words, known))),
    }
}

fn source(word: &str) -> Result<Source> {
    let known = [
        ("preferences", Source::Preferences),
        ("base", Source::Base),
        ("front", Source::Front),
        ("across", Source::Across),
    ];
    named("--from", word, &known)
}

fn named<T: Copy>(option: &str, word: &str, known: &[(&str, T)]) -> Result<T> {
    let found = known.iter().find(|(name, _)| *name == word);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names = known.iter().map(|(name, _)| *name);
        Error::option(option, Problem::unknown(word, names))
    })
}
