//! `study figure`: plots of a study as files.

use std::path::PathBuf;

use paretoscope_engine::output::write_bytes;
use paretoscope_engine::{Error, Problem, Result};
use paretoscope_figure::of_study::{Asked, fronts};
use paretoscope_figure::svg::Type;
use paretoscope_figure::table::Guard;
use paretoscope_figure::{Format, Look};
use serde_json::json;

use super::file::{drawn, existing, numbers_of};
use crate::options::{numbers, split_of};
use crate::print::json_line;

/// Options of `study figure`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which plot
    #[arg(long, value_name = "KIND", default_value = "front")]
    kind: String,
    /// The figure; its numbers as CSV and what they are as JSON stand beside it
    #[arg(long, value_name = "F.svg|F.pdf|F.png")]
    out: PathBuf,
    /// Millimetres: 84 is one column of a journal, 174 is both
    #[arg(long, value_name = "W", default_value_t = Look::PAGE)]
    width_mm: f64,
    /// Sweeps to draw, by method, name or number; all where absent
    #[arg(long = "sweep", value_name = "METHOD_OR_SWEEP")]
    sweeps: Vec<String>,
    /// The prompts that count: train, validation, test, or all
    #[arg(long, value_name = "SPLIT", default_value = "all")]
    split: String,
    /// Where hypervolumes are measured from, one number per objective
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    reference: Option<String>,
    /// Letters as outlines, for programs that lack the fonts
    #[arg(long)]
    outlines: bool,
    /// Pixels of a PNG: 1 to 4 times 150 to the inch
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    scale: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.kind != "front" {
        return Err(Error::option(
            "--kind",
            Problem::unknown(&args.kind, ["front"]),
        ));
    }
    let study = existing(&args.file)?;
    let format = format(args)?;
    let reference = args.reference.as_ref();
    let asked = Asked {
        sweeps: numbers_of(&study, &args.sweeps)?,
        split: split_of("--split", &args.split)?,
        reference: reference.map(|r| numbers("--reference", r)).transpose()?,
    };
    let figure = fronts(&study, &asked)
        .and_then(|front| front.draw(&Look::new(args.width_mm)))
        .map_err(drawn)?;
    let mut written = vec![args.out.clone()];
    write_bytes(&args.out, &figure.write(format).map_err(drawn)?)?;
    let beside = [
        ("csv", figure.data.csv(Guard::Plain).map_err(drawn)?),
        ("json", figure.meta().map_err(drawn)?.into_bytes()),
    ];
    for (ending, bytes) in beside {
        let path = args.out.with_extension(ending);
        write_bytes(&path, &bytes)?;
        written.push(path);
    }
    let names: Vec<String> = written
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    json_line(&json!({"files": names, "caption": figure.caption}))
}

fn format(args: &Args) -> Result<Format> {
    let ending = args
        .out
        .extension()
        .map(|e| e.to_string_lossy().to_lowercase());
    let text = if args.outlines {
        Type::Outlines
    } else {
        Type::Text
    };
    match ending.as_deref() {
        Some("svg") => Ok(Format::Svg(text)),
        Some("pdf") => Ok(Format::Pdf),
        Some("png") => Ok(Format::Png(args.scale)),
        other => Err(Error::option(
            "--out",
            Problem::unknown(other.unwrap_or(""), ["svg", "pdf", "png"]),
        )),
    }
}
