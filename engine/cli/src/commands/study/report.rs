//! `study report`: one HTML file with fronts, comparisons and answers.

use std::path::PathBuf;

use paretoscope_engine::Result;
use paretoscope_engine::output::write_bytes;
use paretoscope_figure::of_study::{Asked, report};
use serde_json::json;

use super::file::{drawn, existing, numbers_of};
use crate::options::{numbers, split_of};
use crate::print::json_line;

/// Options of `study report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The report: it opens from disk, without a network
    #[arg(long, value_name = "F.html")]
    out: PathBuf,
    /// Sweeps to show, by method, name or number; all where absent
    #[arg(long = "sweep", value_name = "METHOD_OR_SWEEP")]
    sweeps: Vec<String>,
    /// The prompts that count: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// Where hypervolumes are measured from, one number per objective
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    reference: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    let reference = args.reference.as_ref();
    let asked = Asked {
        sweeps: numbers_of(&study, &args.sweeps)?,
        split: split_of("--split", &args.split)?,
        reference: reference.map(|r| numbers("--reference", r)).transpose()?,
    };
    let command: Vec<String> = std::env::args().skip(1).collect();
    let command = format!("paretoscope-engine {}", command.join(" "));
    let html = report(&study, &asked, &command)
        .and_then(|report| report.html())
        .map_err(drawn)?;
    write_bytes(&args.out, html.as_bytes())?;
    json_line(&json!({"file": args.out.display().to_string(), "bytes": html.len()}))
}
