//! `study import`: votes of other programs, or of our own export.

use std::path::PathBuf;

use paretoscope_engine::annotate::from_label_studio;
use paretoscope_engine::stats::read_votes;
use paretoscope_engine::study::Study;
use paretoscope_engine::{Error, Result, files};

use crate::print::json_line;

/// Options of `study import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study; it is made where it is not there
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// F.json of Label Studio or of our export, or F.jsonl as `study export --what votes` writes it
    #[arg(long, value_name = "F")]
    votes: PathBuf,
    /// The task that pairs which are not in the study become items of
    #[arg(long, value_name = "T")]
    task: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let text = files::read_text(&args.votes, files::DATA)?;
    let lines = args
        .votes
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("jsonl"));
    let study = Study::open(&args.file)?;
    let pairs = if lines {
        let votes = read_votes(&text).map_err(|e| Error::line(&args.votes, e.line, e.problem))?;
        study.pairs_of_votes(&votes)?
    } else {
        from_label_studio(&text).map_err(|problem| Error::file(&args.votes, problem))?
    };
    let stem = args
        .votes
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let name = args
        .task
        .clone()
        .unwrap_or_else(|| format!("imported {}", stem.unwrap_or_default()));
    json_line(&study.import_votes(&pairs, &name)?)
}
