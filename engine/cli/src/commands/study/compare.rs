//! `study compare`: what two methods, or two sweeps, differ by, and how surely.

use std::ops::ControlFlow;
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use paretoscope_engine::stats::{
    Arm, Chosen, Comparison, Draws, Following, Frame, FrameOptions, choose, compare, following,
    read, words,
};
use paretoscope_engine::study::Study;
use paretoscope_engine::types::Split;
use paretoscope_engine::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::file::existing;
use crate::options::{Global, numbers, split_of};
use crate::print::json_line;

/// Options of `study compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A method, a sweep's name, or its number (`study info` lists them)
    #[arg(long, value_name = "METHOD_OR_SWEEP")]
    a: String,
    /// Another
    #[arg(long, value_name = "METHOD_OR_SWEEP")]
    b: String,
    /// Where hypervolumes are measured from, one number per shared objective; else the worst of all, less a tenth of the
    /// range
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    reference: Option<String>,
    /// Draws of prompts that intervals come from
    #[arg(long, value_name = "N", default_value_t = 2000)]
    draws: usize,
    /// The prompts that count: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// Keep the points that are on the front of this split's prompts, e.g. chosen on validation, read on --split test
    #[arg(long, value_name = "SPLIT")]
    chosen_on: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    comparison: Comparison,
    reference: Vec<f64>,
    objectives: Vec<String>,
    frame: String,
    split: String,
    following: [Following; 2],
    /// What some arms have and others lack, and what is therefore left out.
    left_out: Vec<Value>,
    words: String,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let study = existing(&args.file)?;
    let split = split_of("--split", &args.split)?;
    let on = match &args.chosen_on {
        Some(word) => split_of("--chosen-on", word)?,
        None => None,
    };
    if args.draws == 0 {
        return Err(Error::option(
            "--draws",
            "is 0; an interval needs at least one draw, 2000 are usual",
        ));
    }
    let arm = |option, word: &str| arm(&study, option, word, split, on);
    let arms = [arm("--a", &args.a)?, arm("--b", &args.b)?];
    let reference = args.reference.as_ref();
    let reference = reference.map(|r| numbers("--reference", r)).transpose()?;
    let options = FrameOptions {
        reference,
        ..FrameOptions::default()
    };
    let frame = Frame::new(&arms, &options).map_err(fault)?;
    let draws = Draws {
        draws: args.draws,
        seed: global.seed,
    };
    let bar = ProgressBar::new(args.draws as u64).with_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} draws, {eta} to go")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let interrupt = crate::interrupt::Interrupt::listen();
    let found = compare(&frame, draws, &mut |done| {
        bar.set_position(done as u64);
        match interrupt.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_cancelled) => ControlFlow::Break(()),
        }
    });
    bar.finish_and_clear();
    let comparison = found.map_err(fault)?.swap_remove(0);
    let chosen = Chosen {
        split: split.map(Split::name),
        on: on.map(Split::name),
    };
    let left_out = frame.mismatches.iter().map(|mismatch| {
        json!({"arm": mismatch.arm, "what": format!("{:?}", mismatch.what).to_lowercase(), "names": mismatch.names})
    });
    json_line(&Answer {
        words: words(&frame, &comparison, chosen),
        reference: frame.reference.clone(),
        objectives: frame.objectives.clone(),
        frame: frame.digest.clone(),
        split: args.split.clone(),
        following: [following(&frame, 0), following(&frame, 1)],
        left_out: left_out.collect(),
        comparison,
    })
}

/// The arm that a word names, with the points that another split's front chose.
fn arm(
    study: &Study,
    option: &str,
    word: &str,
    split: Option<Split>,
    on: Option<Split>,
) -> Result<Arm> {
    let measured = study.arm(option, word, split)?;
    let Some(on) = on else {
        return Ok(measured);
    };
    let validation = study.arm(option, word, Some(on))?;
    if validation.prompts.is_empty() {
        let problem = format!("no prompt of {word} belongs to {}", on.name());
        return Err(Error::option("--chosen-on", problem));
    }
    let chosen = choose(&validation);
    read(&measured, &validation, &chosen).map_err(fault)
}

fn fault(error: paretoscope_engine::stats::StatsError) -> Error {
    match error {
        paretoscope_engine::stats::StatsError::Cancelled => Error::Cancelled,
        other => Error::option("compare", other.to_string()),
    }
}
