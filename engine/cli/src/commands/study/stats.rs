//! `study stats`: what a task's votes say, with the numbers of `stats --votes` on them.

use std::path::PathBuf;

use paretoscope_engine::stats::Draws;
use paretoscope_engine::{Error, Result};

use super::file::existing;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Options of `study stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task
    #[arg(long, value_name = "T")]
    task: String,
    /// Draws of prompts behind intervals
    #[arg(long, value_name = "N", default_value_t = Draws::default().draws)]
    draws: usize,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let study = existing(&args.file)?;
    let task = study.task_named("--task", &args.task)?;
    let draws = Draws {
        draws: args.draws,
        seed: global.seed,
    };
    let interrupt = Interrupt::listen();
    let found = study.task_stats(&task, draws, &mut |_| interrupt.flow())?;
    json_line(&found.ok_or(Error::Cancelled)?)
}
