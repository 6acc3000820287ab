//! `pareto`: the front of a list of points, and the hypervolume under it.

use std::path::{Path, PathBuf};

use paretoscope_engine::pareto::{front, hypervolume};
use paretoscope_engine::{Error, Result};
use serde::Serialize;

use crate::options::numbers;
use crate::print::json_line;

/// Options of `pareto`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// JSON: a list of points, each a list of numbers; larger is better
    #[arg(long, value_name = "F.json")]
    input: PathBuf,
    /// Where the hypervolume is measured from, one number per objective, e.g. -1.5,-2
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    reference: String,
}

#[derive(Serialize)]
struct Answer {
    front: Vec<usize>,
    hypervolume: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let reference = numbers("--reference", &args.reference)?;
    if let Some(wrong) = reference.iter().find(|value| !value.is_finite()) {
        return Err(Error::option(
            "--reference",
            format!("{wrong} is not finite"),
        ));
    }
    let points = read(&args.input, reference.len())?;
    let answer = Answer {
        front: front(&points),
        hypervolume: hypervolume(&points, &reference),
    };
    if !answer.hypervolume.is_finite() {
        return Err(Error::file(
            &args.input,
            "the hypervolume is beyond the range of 64-bit numbers; scale the points down",
        ));
    }
    json_line(&answer)
}

fn read(path: &Path, objectives: usize) -> Result<Vec<Vec<f64>>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let points: Vec<Vec<f64>> = serde_json::from_str(&text)
        .map_err(|e| Error::file(path, format!("not a JSON list of lists of numbers: {e}")))?;
    for (index, point) in points.iter().enumerate() {
        if point.len() != objectives {
            let problem = format!(
                "{} numbers, {objectives} needed (as in --reference)",
                point.len()
            );
            return Err(Error::field(path, format!("[{index}]"), problem));
        }
    }
    Ok(points)
}
