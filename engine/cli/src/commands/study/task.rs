//! `study task`: what people are to judge, drawn from a study's sweeps.

use std::path::PathBuf;

use paretoscope_engine::annotate::{Design, How, Question, Source};
use paretoscope_engine::stats::required_votes;
use paretoscope_engine::study::{Asks, DrawnTask, Study, SweepState, TaskState};
use paretoscope_engine::{Error, Problem, Result};
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
    /// Ask also how much better an answer is: slightly, clearly, much
    #[arg(long)]
    strength: bool,
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
        strength: args.strength,
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
    let drawn = study.draw_task(&design, &sweeps)?;
    let task = study.new_task(&args.name, &design, &drawn.items)?;
    report(study, &task, &drawn)
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
    if design.how == How::Blocks {
        let problem = "was drawn in blocks, which are balanced as a whole; make another task, or design the next one --design active";
        return Err(Error::option("--name", problem));
    }
    let drawn = study.draw_more(&task, count)?;
    study.add_items(&task, &drawn.items)?;
    report(study, &task, &drawn)
}

fn report(study: &Study, task: &TaskState, drawn: &DrawnTask) -> Result<()> {
    json_line(&json!({
        "task": task.name,
        "items": drawn.asked,
        "checks": drawn.checks,
        "all_items": study.items(task)?.len(),
        "objectives": task.asks.objectives(),
        "looks_per_annotator": drawn.looks,
        "identical": drawn.identical,
        "missing": drawn.missing,
        "telling": drawn.told,
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
