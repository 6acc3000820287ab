//! `study`: what the one file holds, and what can be had from it without a model.

mod compare;
mod export;
mod figure;
mod file;
mod info;
mod merge;
mod recover;
mod report;
mod verify;

use clap::Subcommand;
use paretoscope_engine::Result;

use crate::options::Global;

/// What can be asked of a study.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Its bundles, answers, scores, sweeps and votes, in figures
    Info(info::Args),
    /// What two methods or sweeps differ by, with paired intervals
    Compare(compare::Args),
    /// A plot as SVG, PDF or PNG, with its numbers beside it
    Figure(Box<figure::Args>),
    /// A table as CSV, JSON Lines, Parquet or LaTeX
    Export(export::Args),
    /// Several studies become one
    Merge(merge::Args),
    /// Save what can be read of a damaged study into another file
    Recover(recover::Args),
    /// One HTML file with fronts, comparisons and answers
    Report(report::Args),
    /// Make stored answers anew and compare
    Verify(verify::Args),
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    match args {
        Args::Info(args) => info::run(&args),
        Args::Compare(args) => compare::run(&args, global),
        Args::Figure(args) => figure::run(&args, global),
        Args::Export(args) => export::run(&args),
        Args::Merge(args) => merge::run(&args),
        Args::Recover(args) => recover::run(&args),
        Args::Report(args) => report::run(&args),
        Args::Verify(args) => verify::run(&args, global),
    }
}
