//! `study`: what the one file holds, and what can be had from it without a model.

mod ask;
mod compare;
mod export;
mod exported;
mod figure;
pub(super) mod file;
mod forget;
mod import;
mod info;
mod judge;
pub(crate) mod learn;
mod merge;
mod pack;
mod recover;
mod report;
mod score;
mod stats;
mod task;
mod verify;
mod vote;

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
    /// Draw what people are to judge from its sweeps
    Task(task::Args),
    /// What a person is to judge next, blind
    Ask(ask::Args),
    /// Take a person's choices
    Vote(vote::Args),
    /// What a task's votes say
    Stats(stats::Args),
    /// Learn a value vector from a task's votes, and measure what that did
    Learn(Box<learn::Args>),
    /// Score stored answers by rules, the demonstration's grader, votes or judges
    Score(score::Args),
    /// Let a model behind an OpenAI-compatible endpoint judge, apart from people
    Judge(Box<judge::Args>),
    /// A person's items for another machine
    Pack(pack::Args),
    /// Votes of Label Studio or of our own export
    Import(import::Args),
    /// Forget who a person was
    Forget(forget::Args),
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
        Args::Task(args) => task::run(&args, global),
        Args::Ask(args) => ask::run(&args),
        Args::Vote(args) => vote::run(&args),
        Args::Stats(args) => stats::run(&args, global),
        Args::Learn(args) => learn::run(&args, global),
        Args::Score(args) => score::run(&args),
        Args::Judge(args) => judge::run(&args, global),
        Args::Pack(args) => pack::run(&args),
        Args::Import(args) => import::run(&args),
        Args::Forget(args) => forget::run(&args),
    }
}
