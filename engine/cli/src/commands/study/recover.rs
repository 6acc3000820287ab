//! `study recover`: what can be read of a damaged study.

use std::path::PathBuf;

use paretoscope_engine::Result;
use paretoscope_engine::study::Study;
use serde_json::json;

use crate::print::json_line;

/// Options of `study recover`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The damaged study, which stays as it is
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let recovered = Study::recover(&args.file)?;
    json_line(&json!({
        "file": recovered.path.display().to_string(),
        "losses": recovered.losses.to_string(),
    }))
}
