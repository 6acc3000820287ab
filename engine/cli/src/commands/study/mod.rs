//! `study`: what the one file holds, and what can be had from it without a model.

mod compare;
mod export;
mod figure;
mod info;
mod merge;
mod report;
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
    /// What two methods or sweeps differ by, with paired intervals
    Compare(compare::Args),
    /// A plot as SVG, PDF or PNG, with its numbers beside it
    Figure(figure::Args),
    /// A table as CSV, JSON Lines, Parquet or LaTeX
    Export(export::Args),
    /// Several studies become one
    Merge(merge::Args),
    /// One HTML file with fronts, comparisons and answers
    Report(report::Args),
    /// Make stored answers anew and compare
    Verify(verify::Args),
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    match args {
        Args::Info(args) => info::run(&args),
        Args::Compare(args) => compare::run(&args, global),
        Args::Figure(args) => figure::run(&args),
        Args::Export(args) => export::run(&args),
        Args::Merge(args) => merge::run(&args),
        Args::Report(args) => report::run(&args),
        Args::Verify(args) => verify::run(&args, global),
    }
}

/// The numbers of the sweeps that words name.
fn numbers_of(study: &Study, words: &[String]) -> Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for word in words {
        let named = study.sweeps_named("--sweep", word)?;
        numbers.extend(named.into_iter().map(|sweep| sweep.id));
    }
    Ok(numbers)
}

/// An error of a figure or a table, in the program's words.
fn drawn(error: paretoscope_figure::Error) -> Error {
    match error {
        paretoscope_figure::Error::Core(error) => error.into(),
        other => Error::option("study", other.to_string()),
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
