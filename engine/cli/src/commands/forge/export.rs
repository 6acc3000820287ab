//! `export`: one adapter equal to a static mixture of a bundle.

use std::path::PathBuf;

use paretoscope_engine::forge::export;
use paretoscope_engine::types::shown;
use paretoscope_engine::types::{Point, Preference, Weights};
use paretoscope_engine::{Error, Result};
use serde_json::json;

use super::{Bar, on_cpu, precision, tell_figures};
use crate::options::{Global, numbers};
use crate::print::json_line;

/// Options of `export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The bundle's folder
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    #[command(flatten)]
    point: PointArgs,
    /// Compress to this rank; without it the mixture is exact and its rank the sum of its parts'
    #[arg(long, value_name = "R")]
    rank: Option<usize>,
    /// The PEFT folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct PointArgs {
    /// Free coefficients, one per value vector, each at least 0
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    weights: Option<String>,
    /// A point of the simplex that no router takes part in
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    preference: Option<String>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    on_cpu(global)?;
    let point = match (&args.point.weights, &args.point.preference) {
        (Some(text), _) => Weights::new(numbers("--weights", text)?)
            .map(Point::Weights)
            .map_err(Error::point("--weights"))?,
        (None, text) => {
            let values = numbers("--preference", text.as_deref().unwrap_or_default())?;
            Preference::new(values)
                .map(Point::Preference)
                .map_err(Error::point("--preference"))?
        }
    };
    let mut bar = Bar::new();
    let exported = export(
        &args.bundle,
        &point,
        args.rank,
        precision(global),
        &args.out,
        &mut |progress| bar.show(progress),
    )?;
    bar.finish();
    if let Some(figures) = &exported.figures {
        tell_figures(figures);
    }
    json_line(&json!({ "out": shown(&args.out), "exported": exported }))
}
