//! Bytes of figures, tables and the report.

use std::collections::BTreeSet;
use std::path::Path;

use paretoscope_core::protocol::Trouble;
use paretoscope_core::stats::Draws;
use paretoscope_core::study::Study;
use paretoscope_figure::of_study::{
    Asked, answers, attainment, field, fronts, pairs, points, report,
};
use paretoscope_figure::svg::Type;
use paretoscope_figure::table::{Guard, Table};
use paretoscope_figure::{Error, Figure, Format, Look, Result};

use super::job::{FigureFormat, Job, Made, Source, TableFormat, What};
use super::write::Bytes;
use crate::study::{ShownSweeps, in_words};

/// Pixels of a PNG: so many times 150 to the inch.
const SCALE: f64 = 2.0;
/// Decimals of a LaTeX table.
const DECIMALS: usize = 3;
/// Draws of prompts behind bands of attainment, where each method has one seed.
const DRAWS: usize = 1000;

/// The endings of the files that it is written as, what was asked for first.
pub(super) fn endings(job: &Job) -> Vec<&'static str> {
    match job.what.made() {
        Made::Figure => vec![job.figure.ending(), "csv", "json"],
        Made::Table => vec![job.table.ending()],
        Made::Report => vec!["html"],
    }
}

/// Files by name, and how many rows they hold.
pub(super) fn make(
    job: &Job,
    stem: &str,
    stage: &mut dyn FnMut(&'static str),
) -> std::result::Result<Bytes, Trouble> {
    let made = match &job.source {
        Source::Study(path, shown, objective) => {
            stage("Reading the study");
            let study = opened(path)?;
            of_study(job, &study, shown, objective.as_deref(), stem, stage)
        }
        Source::Gates(gates) if job.what == What::Strip => {
            drawing(job, stem, stage, |look| gates.strip(look))
        }
        Source::Gates(gates) => drawing(job, stem, stage, |look| gates.heatmap(look)),
        Source::Interference(found) => drawing(job, stem, stage, |look| found.draw(look)),
        Source::Curves(curves) => drawing(job, stem, stage, |look| curves.draw(look)),
    };
    made.map_err(|error| in_words(&error))
}

fn of_study(
    job: &Job,
    study: &Study,
    shown: &ShownSweeps,
    objective: Option<&str>,
    stem: &str,
    stage: &mut dyn FnMut(&'static str),
) -> Result<Bytes> {
    let asked = shown.asked();
    match job.what {
        What::Pairs => {
            let read = pairs(study, &asked, &[])?;
            drawing(job, stem, stage, |look| read.draw(look))
        }
        What::Field => {
            let read = field(study, &asked, objective)?;
            drawing(job, stem, stage, |look| read.draw(look))
        }
        What::Attainment => {
            stage("Drawing prompts");
            let draws = Draws {
                draws: DRAWS,
                ..Draws::default()
            };
            let words = named(study, shown)?;
            let read = attainment(study, &words, shown.split, &[], draws)?;
            drawing(job, stem, stage, |look| read.draw(look))
        }
        What::Points => rows(job, stem, stage, &points(study, &asked)?),
        What::Generations => rows(job, stem, stage, &answers(study, shown.split, None)?),
        What::Report => page(study, &asked, stem, stage),
        _ => {
            let read = fronts(study, &asked)?;
            drawing(job, stem, stage, |look| read.draw(look))
        }
    }
}

/// The study, to read alone: the window writes into it meanwhile.
fn opened(path: &Path) -> std::result::Result<Study, Trouble> {
    let study = Study::peek(path).map_err(|error| Trouble::from(&error))?;
    study.ok_or_else(|| {
        Trouble::input(format!(
            "{} is no study that can be read as it is; open it to bring it up to date",
            path.display()
        ))
    })
}

/// The ticked sweeps as words: a method where all of its sweeps are ticked, so that its seeds are one arm.
fn named(study: &Study, shown: &ShownSweeps) -> Result<Vec<String>> {
    let all = study.sweeps()?;
    let ticked = |id: i64| shown.sweeps.contains(&id);
    let methods: BTreeSet<&str> = all
        .iter()
        .filter(|sweep| ticked(sweep.id))
        .map(|sweep| sweep.method.as_str())
        .collect();
    let mut words = Vec::new();
    for method in methods {
        let own = || all.iter().filter(|sweep| sweep.method == method);
        let whole = own().all(|sweep| ticked(sweep.id));
        if whole && study.arm("sweep", method, shown.split).is_ok() {
            words.push(method.to_owned());
        } else {
            let each = own().filter(|sweep| ticked(sweep.id));
            words.extend(each.map(|sweep| sweep.id.to_string()));
        }
    }
    Ok(words)
}

fn drawing(
    job: &Job,
    stem: &str,
    stage: &mut dyn FnMut(&'static str),
    draw: impl FnOnce(&Look) -> Result<Figure>,
) -> Result<Bytes> {
    stage("Drawing");
    let figure = draw(&Look::new(job.width))?;
    let format = match job.figure {
        FigureFormat::Svg => Format::Svg(Type::Text),
        FigureFormat::Pdf => Format::Pdf,
        FigureFormat::Png => Format::Png(SCALE),
    };
    Ok(Bytes {
        files: figure.files(stem, &[format], guard(job))?,
        rows: figure.data.rows().len(),
    })
}

fn rows(
    job: &Job,
    stem: &str,
    stage: &mut dyn FnMut(&'static str),
    table: &Table,
) -> Result<Bytes> {
    stage("Making the table");
    if table.rows().is_empty() {
        return Err(Error::Empty {
            what: "no answer is in the study, or none of these prompts".to_owned(),
        });
    }
    let bytes = match job.table {
        TableFormat::Csv => table.csv(guard(job))?,
        TableFormat::Jsonl => table.jsonl()?.into_bytes(),
        TableFormat::Parquet => table.parquet()?,
        TableFormat::Latex => table.latex(DECIMALS).into_bytes(),
    };
    Ok(Bytes {
        files: vec![(format!("{stem}.{}", job.table.ending()), bytes)],
        rows: table.rows().len(),
    })
}

fn page(
    study: &Study,
    asked: &Asked,
    stem: &str,
    stage: &mut dyn FnMut(&'static str),
) -> Result<Bytes> {
    stage("Comparing the sweeps");
    let report = report(study, asked, "the report of the window's export sheet")?;
    let rows = report.answers();
    stage("Making the page");
    let bytes = report.html()?.into_bytes();
    Ok(Bytes {
        files: vec![(format!("{stem}.html"), bytes)],
        rows,
    })
}

fn guard(job: &Job) -> Guard {
    if job.guard {
        Guard::Spreadsheet
    } else {
        Guard::Plain
    }
}
