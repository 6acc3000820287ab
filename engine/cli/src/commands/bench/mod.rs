//! `bench`: how fast things go on this machine.

mod decode;
mod drag;
mod forge;
mod measure;
mod peak;
mod policy;
mod score;
mod study;
mod sweep;
mod train;
mod window;

use clap::Subcommand;
use paretoscope_engine::Result;

use crate::options::Global;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Args {
    /// Generation of a batch, with its floor
    Decode(decode::Decode),
    /// Mixtures x prompts as one job, start to end
    Sweep(sweep::Sweep),
    /// From a dragged point to the first token under it, during a sweep
    Drag(drag::Drag),
    /// Scoring by a reward model, with its floor
    Score(score::Score),
    /// A study of many rows: opened, listed, summed up; its size
    Study(study::Args),
    /// Task-SVD against the optimum, and merging beside a plain read
    Forge(forge::Forge),
    /// Training of a random model: forward, backward and update, with its floor
    Train(train::Train),
}

pub(crate) fn run(args: Args, global: &Global) -> Result<()> {
    match args {
        Args::Decode(args) => decode::run(&args, global),
        Args::Sweep(args) => sweep::run(&args, global),
        Args::Drag(args) => drag::run(&args, global),
        Args::Score(args) => score::run(&args, global),
        Args::Study(args) => study::run(&args, global),
        Args::Forge(args) => forge::run(&args, global),
        Args::Train(args) => train::run(&args, global),
    }
}
