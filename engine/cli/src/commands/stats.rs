//! `stats`: what votes in a file say, without a study.

use std::collections::BTreeMap;
use std::path::PathBuf;

use paretoscope_engine::stats::{Draws, ObjectiveSummary, StatsError, read_votes, summarise};
use paretoscope_engine::{Error, Result, files};

use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Options of `stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// JSON Lines of votes: "item", "annotator", "objective", "left" (shown first), "right", and "choice", which is
    /// left, right, tie or bad. Beside them, where known, "prompt" (drawn whole), "probability" (that the pair was asked),
    /// "left_score" and "right_score" (of a reward)
    #[arg(long, value_name = "F.jsonl")]
    votes: PathBuf,
    /// Draws of prompts behind the intervals of strengths
    #[arg(long, value_name = "N", default_value_t = Draws::default().draws)]
    draws: usize,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let text = files::read_text(&args.votes, files::DATA)?;
    let votes = read_votes(&text).map_err(|e| Error::line(&args.votes, e.line, e.problem))?;
    let draws = Draws {
        draws: args.draws,
        seed: global.seed,
    };
    let interrupt = Interrupt::listen();
    let found =
        summarise(&votes, draws, &mut |_| interrupt.flow()).map_err(|error| match error {
            StatsError::Cancelled => Error::Cancelled,
            other => Error::file(&args.votes, other.to_string()),
        })?;
    let by_name: BTreeMap<&str, &ObjectiveSummary> = found
        .iter()
        .map(|summary| (summary.objective.as_str(), summary))
        .collect();
    json_line(&by_name)
}
