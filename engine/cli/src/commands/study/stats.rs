//! `study stats`: what a task's votes say, with the numbers of `stats --votes` on them; judges stand apart.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use paretoscope_engine::annotate::Voters;
use paretoscope_engine::stats::{Draws, StatsError, WinRates, win_rates};
use paretoscope_engine::study::{JudgeSaid, TaskStats};
use paretoscope_engine::{Error, Result};
use serde::Serialize;

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

/// What people's votes say, and beside it what judges' do.
#[derive(Serialize)]
struct Printed {
    #[serde(flatten)]
    people: Option<TaskStats>,
    /// People's win rates against the base model, by objective, where it was compared.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    against_base: BTreeMap<String, WinRates>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    judges: Vec<JudgeSaid>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let study = existing(&args.file)?;
    let task = study.task_named("--task", &args.task)?;
    let draws = draws_of(args.draws, global);
    let interrupt = Interrupt::listen();
    let mut go = go(&interrupt);
    let judges = study
        .judges_said(&task, draws, &mut go)?
        .ok_or(Error::Cancelled)?;
    let people = if !judges.is_empty() && study.votes_by(&task, &Voters::People)?.is_empty() {
        None
    } else {
        Some(
            study
                .task_stats(&task, draws, &mut go)?
                .ok_or(Error::Cancelled)?,
        )
    };
    let against = win_rates(&study.judged(&task)?.votes, "base", draws, &mut go);
    json_line(&Printed {
        people,
        against_base: against.map_err(|error| match error {
            StatsError::Cancelled => Error::Cancelled,
            other => Error::option("votes", other.to_string()),
        })?,
        judges,
    })
}

/// Draws as they were asked for.
pub(super) fn draws_of(draws: usize, global: &Global) -> Draws {
    Draws {
        draws,
        seed: global.seed,
    }
}

/// Goes on until a person stops it.
pub(super) fn go(interrupt: &Interrupt) -> impl FnMut(usize) -> ControlFlow<()> {
    move |_| {
        if interrupt.asked() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
