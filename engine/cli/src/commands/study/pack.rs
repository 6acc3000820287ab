//! `study pack`: a person's items for another machine, as texts alone.

use std::path::PathBuf;

use paretoscope_engine::Result;
use serde_json::json;

use super::file::existing;
use crate::print::json_line;

/// Options of `study pack`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task
    #[arg(long, value_name = "T")]
    task: String,
    /// Who it is for: A1, A2, ...
    #[arg(long, value_name = "A3")]
    annotator: String,
    /// The pack; `study merge` brings its votes back
    #[arg(long, value_name = "A3.study")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    let task = study.task_named("--task", &args.task)?;
    let sitting = study.sit(&task, &args.annotator)?;
    let items = study.pack(&sitting, &args.out)?;
    json_line(&json!({"file": args.out.display().to_string(), "items": items}))
}
