//! `study info`: what a study holds.

use std::path::PathBuf;

use paretoscope_engine::Result;

use super::file::existing;
use crate::print::json_line;

/// Options of `study info`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    json_line(&existing(&args.file)?.info()?)
}
