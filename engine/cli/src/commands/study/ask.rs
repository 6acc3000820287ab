//! `study ask`: what a person is to judge next, as a blind view shows it.

use std::path::PathBuf;

use paretoscope_engine::Result;

use super::file::existing;
use crate::print::json_line;

/// Options of `study ask`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study, or a pack
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task
    #[arg(long, value_name = "T")]
    task: String,
    /// Who is asked: A1, A2, ...
    #[arg(long, value_name = "A1")]
    annotator: String,
    /// At most so many items; all that are left where 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    count: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    let task = study.task_named("--task", &args.task)?;
    let sitting = study.sit(&task, &args.annotator)?;
    let mut left = study.left(&sitting)?;
    if args.count > 0 {
        left.truncate(args.count);
    }
    for place in left {
        json_line(&study.show(&sitting, place)?)?;
    }
    Ok(())
}
