//! `route`: which experts enclose a preference, and with which weights.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::routing::{Complex, Enclosing, NO_EXPERTS, nearest};
use paretoscope_engine::types::{Expert, ExpertKind, Preference};
use paretoscope_engine::{Error, Result, files};
use serde::{Deserialize, Serialize};

use crate::options::numbers;
use crate::print::json_line;

/// Options of `route`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// One share per objective, e.g. 0.2,0.3,0.5
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    preference: String,
    /// How experts are chosen
    #[arg(long, value_enum, default_value_t = Rule::Enclosing)]
    rule: Rule,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// JSON: a list of {"kind", "preference"} in order of insertion, "name" optional
    #[arg(long, value_name = "FILE.json")]
    experts: Option<PathBuf>,
    /// A bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

/// How experts are chosen.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rule {
    /// The corners of the cell that encloses the preference
    Enclosing,
    /// The nearest ones, as Eqs. 9 and 10 of the HoE paper say; weights may be negative
    Nearest,
}

#[derive(Serialize)]
struct Answer<'a> {
    preference: &'a Preference,
    experts: Vec<Chosen<'a>>,
    residual: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    convex: Option<bool>,
}

#[derive(Serialize)]
struct Chosen<'a> {
    index: usize,
    kind: ExpertKind,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    preference: &'a Preference,
    weight: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let (experts, objectives) = match (&args.source.experts, &args.source.bundle) {
        (Some(path), _) => from_file(path)?,
        (None, Some(folder)) => from_bundle(folder)?,
        (None, None) => {
            return Err(Error::option(
                "--experts",
                "give --experts FILE.json or --bundle DIR",
            ));
        }
    };
    let complex = Complex::new(&experts, objectives)?;
    let values = numbers("--preference", &args.preference)?;
    let preference =
        Preference::with_len(values, objectives).map_err(Error::point("--preference"))?;
    let (chosen, residual, convex) = match args.rule {
        Rule::Enclosing => {
            let routing = complex.route(&preference);
            (routing.experts, routing.residual, None)
        }
        Rule::Nearest => {
            let nearest = nearest(&experts, &preference);
            (nearest.experts, nearest.residual, Some(nearest.convex))
        }
    };
    let name = |&Enclosing { index, weight }: &Enclosing| {
        let expert = &experts[index];
        Chosen {
            index,
            kind: expert.kind,
            name: &expert.name,
            preference: &expert.preference,
            weight,
        }
    };
    let experts = chosen.iter().map(name).collect();
    json_line(&Answer {
        preference: &preference,
        experts,
        residual,
        convex,
    })
}

/// An expert as a file states it, before it is checked.
#[derive(Deserialize)]
struct Listed {
    kind: ExpertKind,
    #[serde(default)]
    name: String,
    preference: Vec<f64>,
}

fn from_file(path: &Path) -> Result<(Vec<Expert>, usize)> {
    let listed: Vec<Listed> = parse(path)?;
    let objectives = listed.first().map_or(0, |e| e.preference.len());
    Ok((checked(path, "", listed, objectives)?, objectives))
}

fn from_bundle(folder: &Path) -> Result<(Vec<Expert>, usize)> {
    let manifest = Manifest::open(folder)?;
    if manifest.experts.is_empty() {
        return Err(Error::option("--bundle", NO_EXPERTS));
    }
    Ok((manifest.experts(folder)?, manifest.objective_count()))
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = files::read_text(path, files::DATA)?;
    serde_json::from_str(&text).map_err(|e| Error::file(path, e.to_string()))
}

fn checked(path: &Path, list: &str, listed: Vec<Listed>, objectives: usize) -> Result<Vec<Expert>> {
    listed
        .into_iter()
        .enumerate()
        .map(|(index, expert)| {
            let preference = Preference::with_len(expert.preference, objectives).map_err(|e| {
                Error::field(path, format!("{list}[{index}].preference"), e.to_string())
            })?;
            Ok(Expert {
                kind: expert.kind,
                name: expert.name,
                preference,
            })
        })
        .collect()
}
