//! `study vote`: a person's choices, by the places that `study ask` gave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use paretoscope_engine::annotate::{Ballot, Picked};
use paretoscope_engine::study::{Looked, Sitting, Study};
use paretoscope_engine::{Error, Problem, Result, files};
use serde::Deserialize;

use super::file::existing;
use crate::print::json_line;

/// Options of `study vote`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study, or a pack
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task
    #[arg(long, value_name = "T")]
    task: String,
    /// Who votes: A1, A2, ...
    #[arg(long, value_name = "A1")]
    annotator: String,
    /// JSON Lines: "place" (as asked), "objective", "choice" (left, right, tie, bad; 1 to 5; 2>1>3; or skip), and where
    /// known "strength" (1 to 3), "comment", "active_ms", "early". A place that was voted on is voted on anew
    #[arg(long, value_name = "F.jsonl", required_unless_present = "undo")]
    votes: Option<PathBuf>,
    /// Take the last votes back first
    #[arg(long)]
    undo: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    place: usize,
    objective: String,
    choice: Chosen,
    strength: Option<u8>,
    comment: Option<String>,
    #[serde(default)]
    active_ms: u64,
    #[serde(default)]
    early: bool,
}

/// A rating may be written as a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Chosen {
    Words(String),
    Rating(u8),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    let task = study.task_named("--task", &args.task)?;
    let sitting = study.sit(&task, &args.annotator)?;
    if args.undo {
        study.take_back(&sitting)?;
    }
    if let Some(path) = &args.votes {
        take(&study, &sitting, path)?;
    }
    json_line(&study.progress(&sitting)?)
}

fn take(study: &Study, sitting: &Sitting, path: &Path) -> Result<()> {
    let text = files::read_text(path, files::DATA)?;
    // Places in the order in which they were voted on.
    let mut order: Vec<usize> = Vec::new();
    let mut by: BTreeMap<usize, (Vec<Ballot>, Looked)> = BTreeMap::new();
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let wrong = |problem: Problem| Error::line(path, at + 1, problem);
        let line: Line =
            serde_json::from_str(line).map_err(|e| wrong(Problem::format("a vote", e)))?;
        let words = match line.choice {
            Chosen::Words(words) => words,
            Chosen::Rating(rating) => rating.to_string(),
        };
        let picked = Picked::parse(&words).ok_or_else(|| {
            let problem = format!("`{words}` is no choice; it is left, right, tie, bad, 1 to 5, an order such as 2>1>3, or skip");
            wrong(problem.into())
        })?;
        if line.place == 0 {
            return Err(wrong("`place` is 0; places begin with 1".into()));
        }
        let (ballots, looked) = by.entry(line.place - 1).or_insert_with(|| {
            order.push(line.place - 1);
            Default::default()
        });
        looked.active_ms = looked.active_ms.max(line.active_ms);
        looked.early |= line.early;
        ballots.push(Ballot {
            objective: line.objective,
            picked,
            strength: line.strength,
            comment: line.comment,
        });
    }
    for place in order {
        let (ballots, looked) = &by[&place];
        let cast = study.cast(sitting, place, ballots, *looked);
        cast.map_err(Error::from).map_err(|error| match error {
            Error::Option { name, problem } => {
                Error::option(format!("place {}, {name}", place + 1), problem)
            }
            other => other,
        })?;
    }
    Ok(())
}
