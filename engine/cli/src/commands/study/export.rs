//! `study export`: tables of a study as files.

use std::path::PathBuf;

use paretoscope_engine::output::write_bytes;
use paretoscope_engine::study::Study;
use paretoscope_engine::types::Split;
use paretoscope_engine::{Error, Problem, Result};
use paretoscope_figure::of_study::{Asked, answers, points};
use paretoscope_figure::table::{Guard, Table};
use serde_json::json;

use super::exported::{self, Exported, Wanted};
use super::file::{drawn, existing};
use crate::options::split_of;
use crate::print::json_line;

/// What there is to be had.
const TABLES: [&str; 5] = ["generations", "points", "votes", "pairs", "items"];

/// Options of `study export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// generations (an answer per row), points (a point of a sweep per row), votes (of a task, as `stats` reads them),
    /// items (what a task shows), or pairs (what people preferred, as DPO trains on it)
    #[arg(long, value_name = "TABLE")]
    what: String,
    /// The prompts that count: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// Scores, votes or pairs of this objective alone
    #[arg(long, value_name = "OBJECTIVE")]
    objective: Option<String>,
    /// The task whose votes, items or pairs are wanted; not needed where there is one
    #[arg(long, value_name = "T")]
    task: Option<String>,
    /// The table: jsonl, csv, parquet or tex; votes and items as .json are Label Studio's
    #[arg(long, value_name = "F")]
    out: PathBuf,
    /// Put ' before cells of a CSV that a spreadsheet would take for formulas
    #[arg(long)]
    guard: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    let split = split_of("--split", &args.split)?;
    let table = match args.what.as_str() {
        "generations" => answers(&study, split, args.objective.as_deref()),
        "points" => points(
            &study,
            &Asked {
                split,
                ..Asked::default()
            },
        ),
        "votes" | "pairs" | "items" => return of_task(&study, split, args),
        other => return Err(Error::option("--what", Problem::unknown(other, TABLES))),
    };
    let table = table.map_err(drawn)?;
    write_bytes(&args.out, &bytes(&table, args)?)?;
    json_line(&json!({"file": args.out.display().to_string(), "rows": table.rows().len()}))
}

fn of_task(study: &Study, split: Option<Split>, args: &Args) -> Result<()> {
    let task = exported::task(study, args.task.as_deref())?;
    let ending = args
        .out
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase());
    let wanted = Wanted {
        split,
        objective: args.objective.as_deref(),
        ending: ending.as_deref().unwrap_or(""),
    };
    let (found, mut about) = match args.what.as_str() {
        "votes" => exported::votes(study, &task, &wanted)?,
        "pairs" => exported::pairs(study, &task, &wanted)?,
        _ => exported::items(study, &task, &wanted)?,
    };
    let (bytes, rows) = match found {
        Exported::Rows(table) => (bytes(&table, args)?, table.rows().len()),
        Exported::Bytes(bytes, rows) => (bytes, rows),
    };
    write_bytes(&args.out, &bytes)?;
    about["file"] = json!(args.out.display().to_string());
    about["rows"] = json!(rows);
    json_line(&about)
}

fn bytes(table: &Table, args: &Args) -> Result<Vec<u8>> {
    let ending = args
        .out
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase());
    let guard = if args.guard {
        Guard::Spreadsheet
    } else {
        Guard::Plain
    };
    match ending.as_deref() {
        Some("csv") => table.csv(guard).map_err(drawn),
        Some("jsonl") => Ok(table.jsonl().map_err(drawn)?.into_bytes()),
        Some("parquet") => table.parquet().map_err(drawn),
        Some("tex") => Ok(table.latex(3).into_bytes()),
        other => {
            let known = ["csv", "jsonl", "parquet", "tex"];
            Err(Error::option(
                "--out",
                Problem::unknown(other.unwrap_or(""), known),
            ))
        }
    }
}
