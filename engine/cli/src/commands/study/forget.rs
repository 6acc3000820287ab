//! `study forget`: who a person was is no longer known; their votes stay.

use std::path::PathBuf;

use paretoscope_engine::Result;
use serde_json::json;

use super::file::existing;
use crate::print::json_line;

/// Options of `study forget`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who: A1, A2, ...
    #[arg(long, value_name = "A1")]
    annotator: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let study = existing(&args.file)?;
    study.forget(&args.annotator)?;
    json_line(&json!({"forgotten": args.annotator}))
}
