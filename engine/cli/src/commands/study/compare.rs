//! `study compare`: what methods, or sweeps, differ by, and how surely.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use paretoscope_engine::stats::{
    Arm, BaseScale, Chosen, Comparison, Draws, Following, Frame, FrameOptions, Held, compare,
    following, hold, words,
};
use paretoscope_engine::study::Study;
use paretoscope_engine::types::Split;
use paretoscope_engine::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::file::existing;
use crate::interrupt::Interrupt;
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
    /// Another; given several times, every two are compared and Holm's rule holds over all pairs
    #[arg(long, value_name = "METHOD_OR_SWEEP", required = true)]
    b: Vec<String>,
    /// Where hypervolumes are measured from, one number per shared objective; else the worst of all, less a tenth of the
    /// range
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    reference: Option<String>,
    /// Scores in standard deviations of the base model's own answers to these prompts, the reference as well
    #[arg(long)]
    z: bool,
    /// Draws of prompts that intervals come from
    #[arg(long, value_name = "N", default_value_t = 2000)]
    draws: usize,
    /// The prompts that count: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// By what to compare, in place of the bundle's reward models: `study score` adds others, `study info` lists them. With
    /// several, prompts that all of them scored count
    #[arg(long = "objective", value_name = "NAME")]
    objectives: Vec<String>,
    /// Keep the points that are on the front of this split's prompts, e.g. chosen on validation, measured on --split test
    #[arg(long, visible_alias = "choose", value_name = "SPLIT")]
    chosen_on: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    found: Found,
    reference: Vec<f64>,
    objectives: Vec<String>,
    /// What all arms are scored by besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_objectives: Vec<String>,
    /// `raw`, or `sd` where scores are in deviations of the base model's.
    units: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<BaseScale>,
    frame: String,
    split: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chosen: Option<Choice>,
    following: Vec<Following>,
    /// What some arms have and others lack, and what is therefore left out.
    left_out: Vec<Value>,
}

/// One pair as it always was; of several a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    One(Box<Pair>),
    Several { comparisons: Vec<Pair> },
}

#[derive(Serialize)]
struct Pair {
    #[serde(flatten)]
    comparison: Comparison,
    words: String,
}

/// Where points were chosen, and which were.
#[derive(Serialize)]
struct Choice {
    on: String,
    optimistic: bool,
    arms: Vec<ChosenArm>,
}

#[derive(Serialize)]
struct ChosenArm {
    arm: String,
    of: usize,
    points: Vec<String>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let study = existing(&args.file)?;
    let split = split_of("--split", &args.split)?;
    if args.draws == 0 {
        return Err(Error::option(
            "--draws",
            "is 0; an interval needs at least one draw, 2000 are usual",
        ));
    }
    let mut measured = vec![study.arm_over("--a", &args.a, split, &args.objectives)?];
    for word in &args.b {
        measured.push(study.arm_over("--b", word, split, &args.objectives)?);
    }
    let held = match &args.chosen_on {
        None => None,
        Some(on) => Some(held(&study, args, on, &measured)?),
    };
    let arms: Vec<Arm> = match &held {
        None => measured.clone(),
        Some(held) => held.iter().map(|held| held.arm.clone()).collect(),
    };
    let reference = args.reference.as_ref();
    let reference = reference.map(|r| numbers("--reference", r)).transpose()?;
    let options = FrameOptions {
        reference,
        ..FrameOptions::default()
    };
    let (frame, base) = if args.z {
        let (frame, base) = Frame::from_base(&arms, &measured, &options).map_err(fault)?;
        (frame, Some(base))
    } else {
        (Frame::new(&arms, &options).map_err(fault)?, None)
    };
    let chosen = Chosen {
        split: split.map(Split::name),
        on: args.chosen_on.as_deref(),
    };
    let pairs = compared(&frame, args, global)?
        .into_iter()
        .map(|comparison| Pair {
            words: words(&frame, &comparison, chosen),
            comparison,
        });
    let mut pairs: Vec<Pair> = pairs.collect();
    let left_out = frame.mismatches.iter().map(|mismatch| {
        json!({"arm": mismatch.arm, "what": format!("{:?}", mismatch.what).to_lowercase(), "names": mismatch.names})
    });
    json_line(&Answer {
        found: if pairs.len() == 1 {
            Found::One(Box::new(pairs.swap_remove(0)))
        } else {
            Found::Several { comparisons: pairs }
        },
        reference: frame.reference.clone(),
        objectives: frame.objectives.clone(),
        other_objectives: others(&study, args, &frame.objectives)?,
        units: if base.is_some() { "sd" } else { "raw" },
        base,
        frame: frame.digest.clone(),
        split: args.split.clone(),
        chosen: held.as_ref().map(|held| Choice {
            on: args.chosen_on.clone().unwrap_or_default(),
            optimistic: chosen.is_optimistic(),
            arms: held.iter().map(ChosenArm::of).collect(),
        }),
        following: (0..arms.len()).map(|arm| following(&frame, arm)).collect(),
        left_out: left_out.collect(),
    })
}

impl ChosenArm {
    fn of(held: &Held) -> Self {
        let points = held.arm.points.iter();
        Self {
            arm: held.arm.name.clone(),
            of: held.of,
            points: points.map(|point| point.uid.clone()).collect(),
        }
    }
}

/// What all sweeps that are compared are scored by, but for these.
fn others(study: &Study, args: &Args, these: &[String]) -> Result<Vec<String>> {
    let mut shared: Option<Vec<String>> = None;
    for word in std::iter::once(&args.a).chain(&args.b) {
        for sweep in study.sweeps_named("--a", word)? {
            let scores = study.sweep_scores(sweep.id, None)?;
            let known = scores.measured();
            match &mut shared {
                None => shared = Some(known.into_iter().map(str::to_owned).collect()),
                Some(shared) => shared.retain(|name| known.contains(&name.as_str())),
            }
        }
    }
    let mut shared = shared.unwrap_or_default();
    shared.retain(|name| !these.contains(name));
    Ok(shared)
}

/// Every two arms of a frame.
fn compared(frame: &Frame, args: &Args, global: &Global) -> Result<Vec<Comparison>> {
    let draws = Draws {
        draws: args.draws,
        seed: global.seed,
    };
    let bar = ProgressBar::new(args.draws as u64).with_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} draws, {eta} to go")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let interrupt = Interrupt::listen();
    let found = compare(frame, draws, &mut |done| {
        bar.set_position(done as u64);
        interrupt.flow()
    });
    bar.finish_and_clear();
    found.map_err(fault)
}

/// The arms with the points that another split's front chose.
fn held(study: &Study, args: &Args, on: &str, measured: &[Arm]) -> Result<Vec<Held>> {
    let split = split_of("--chosen-on", on)?;
    let words = std::iter::once(("--a", &args.a)).chain(args.b.iter().map(|b| ("--b", b)));
    let mut found = Vec::new();
    for ((option, word), measured) in words.zip(measured) {
        let choosing = study.arm_over(option, word, split, &args.objectives)?;
        if choosing.prompts.is_empty() {
            let problem = format!("no prompt of {word} belongs to {on}");
            return Err(Error::option("--chosen-on", problem));
        }
        found.push(hold(measured, &choosing).map_err(fault)?);
    }
    Ok(found)
}

fn fault(error: paretoscope_engine::stats::StatsError) -> Error {
    match error {
        paretoscope_engine::stats::StatsError::Cancelled => Error::Cancelled,
        other => Error::option("compare", other.to_string()),
    }
}
