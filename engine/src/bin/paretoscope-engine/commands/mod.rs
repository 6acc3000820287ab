//! One file per command.

mod pareto;
mod route;

use clap::Subcommand;
use paretoscope_engine::Result;

use crate::options::Global;

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Which experts enclose a preference, and with which weights
    Route(route::Args),
    /// The front of a list of points, and the hypervolume under it
    Pareto(pareto::Args),
}

pub(crate) fn run(command: Command, _global: &Global) -> Result<()> {
    match command {
        Command::Route(args) => route::run(&args),
        Command::Pareto(args) => pareto::run(&args),
    }
}
