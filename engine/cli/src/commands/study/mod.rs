//! `study`: what the one file holds, and what can be had from it without a model.

mod info;
mod verify;

use std::path::Path;

use clap::Subcommand;
use paretoscope_engine::study::Study;
use paretoscope_engine::{Error, Result};

use crate::options::Global;

/// What can be asked of a study.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Its bundles, answers, scores, sweeps and votes, in figures
    Info(info::Args),
    /// Make stored answers anew and compare
    Verify(verify::Args),
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    match args {
        Args::Info(args) => info::run(&args),
        Args::Verify(args) => verify::run(&args, global),
    }
}

/// Opens a study that is there already: to be looked at it needs no right to write.
fn existing(path: &Path) -> Result<Study> {
    if !path.exists() {
        let problem = format!(
            "{} does not exist; a sweep makes one: sweep --out X.study",
            path.display()
        );
        return Err(Error::option("FILE", problem));
    }
    Ok(Study::open(path)?)
}
