//! `study figure`: plots of a study, or of a bundle or a training run beside it, as files.

mod elsewhere;
mod routing;

use std::path::PathBuf;

use clap::ValueEnum;
use paretoscope_engine::output::write_bytes;
use paretoscope_engine::stats::Draws;
use paretoscope_engine::study::Study;
use paretoscope_engine::{Error, Problem, Result};
use paretoscope_figure::of_study::{Asked, attainment, field, fronts_over, pairs};
use paretoscope_figure::svg::Type;
use paretoscope_figure::table::Guard;
use paretoscope_figure::{Figure, Format, Look};
use serde_json::json;

use super::file::{drawn, existing, numbers_of};
use crate::commands::forge::dependence::MeasureName;
use crate::options::{Global, numbers, split_of};
use crate::print::json_line;

/// Which plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Scores against scores, two or three objectives
    Front,
    /// The three pairs of three objectives
    Pairs,
    /// One objective over the preferences of one sweep
    Field,
    /// What the best, the median and the worst of several seeds reach; of one seed, draws of prompts
    Attainment,
    /// The gates of an answer, experts by tokens: --answer
    Heatmap,
    /// An answer coloured by its experts: --answer
    Strip,
    /// How much a bundle's adapters depend on each other: --bundle, without a study
    Interference,
    /// The figures of a training run over its steps: --run, without a study
    Curves,
}

/// Options of `study figure`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study; interference and curves need none
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Which plot
    #[arg(long, value_enum, value_name = "KIND", default_value_t = Kind::Front)]
    kind: Kind,
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
    /// front, pairs, attainment: the objectives to draw, each once; field: the one objective
    #[arg(long = "objective", value_name = "NAME")]
    objectives: Vec<String>,
    /// front, pairs: where hypervolumes are measured from, one number per objective
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    reference: Option<String>,
    /// attainment: draws of prompts, where sweeps have one seed
    #[arg(long, value_name = "N", default_value_t = 1000)]
    draws: usize,
    /// heatmap, strip: the answer, by the first four or more digits of its uid
    #[arg(long, value_name = "UID")]
    answer: Option<String>,
    /// interference: the bundle; heatmap, strip: find the routing of an answer again with it
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// interference: what is measured
    #[arg(long, value_enum, default_value_t = MeasureName::Cosine)]
    measure: MeasureName,
    /// interference: the value vectors in place of the experts
    #[arg(long)]
    values: bool,
    /// curves: the folder of a training run
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Letters as outlines, for programs that lack the fonts
    #[arg(long)]
    outlines: bool,
    /// Pixels of a PNG: 1 to 4 times 150 to the inch
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    scale: f64,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let format = format(args)?;
    let figure = figure(args, global)?;
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

fn figure(args: &Args, global: &Global) -> Result<Figure> {
    let look = Look::new(args.width_mm);
    let split = split_of("--split", &args.split)?;
    let asked = |study: &Study| -> Result<Asked> {
        let reference = args.reference.as_ref();
        Ok(Asked {
            sweeps: numbers_of(study, &args.sweeps)?,
            split,
            reference: reference.map(|r| numbers("--reference", r)).transpose()?,
        })
    };
    let figure = match args.kind {
        Kind::Front => {
            let study = study(args)?;
            fronts_over(&study, &asked(&study)?, &args.objectives).and_then(|f| f.draw(&look))
        }
        Kind::Pairs => {
            let study = study(args)?;
            pairs(&study, &asked(&study)?, &args.objectives).and_then(|f| f.draw(&look))
        }
        Kind::Field => {
            let study = study(args)?;
            let objective = match &args.objectives[..] {
                [] => None,
                [one] => Some(one.as_str()),
                several => {
                    let problem = format!("is given {} times; a field is of one", several.len());
                    return Err(Error::option("--objective", problem));
                }
            };
            field(&study, &asked(&study)?, objective).and_then(|f| f.draw(&look))
        }
        Kind::Attainment => {
            if args.draws == 0 {
                let problem = "is 0; bands need draws, 1000 are usual";
                return Err(Error::option("--draws", problem));
            }
            let draws = Draws {
                draws: args.draws,
                seed: global.seed,
            };
            attainment(&study(args)?, &args.sweeps, split, &args.objectives, draws)
                .and_then(|f| f.draw(&look))
        }
        Kind::Heatmap => routing::gates(&study(args)?, args, global)?.heatmap(&look),
        Kind::Strip => routing::gates(&study(args)?, args, global)?.strip(&look),
        Kind::Interference => {
            let bundle = needed(args, "--bundle", args.bundle.as_ref())?;
            elsewhere::interference(bundle, args.measure.into(), args.values)?.draw(&look)
        }
        Kind::Curves => {
            let run = needed(args, "--run", args.run.as_ref())?;
            elsewhere::curves(run)?.draw(&look)
        }
    };
    figure.map_err(drawn)
}

/// The study that a kind is drawn from.
fn study(args: &Args) -> Result<Study> {
    existing(needed(args, "FILE", args.file.as_ref())?)
}

/// An option that not every kind needs.
fn needed<'a>(args: &Args, option: &str, value: Option<&'a PathBuf>) -> Result<&'a PathBuf> {
    let kind = args.kind.to_possible_value();
    let kind = kind.map_or_else(String::new, |value| value.get_name().to_owned());
    value.ok_or_else(|| {
        let what = match option {
            "--bundle" => "the folder of the bundle whose adapters are compared",
            "--run" => "the folder of a training run, which holds metrics.jsonl",
            _ => "a study",
        };
        Error::option(
            option,
            format!("--kind {kind} is drawn from {what}; name it"),
        )
    })
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
