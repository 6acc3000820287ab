//! `pareto`: the front of a list of points, and the hypervolume under it.

use std::path::{Path, PathBuf};

use paretoscope_engine::pareto::{front, measure};
use paretoscope_engine::{Error, Result, files};
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
    /// Points with a number that is missing, NaN or infinite: on no front, in no volume.
    #[serde(skip_serializing_if = "is_zero")]
    set_apart: usize,
    /// Only where the exact volume would take too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<Sampled>,
}

#[derive(Serialize)]
struct Sampled {
    draws: usize,
    standard_error: f64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
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
    let volume = measure(&points, &reference);
    let answer = Answer {
        front: front(&points),
        hypervolume: volume.value,
        set_apart: points
            .iter()
            .filter(|p| p.iter().any(|v| !v.is_finite()))
            .count(),
        sampled: volume.sampled.map(|(standard_error, draws)| Sampled {
            draws,
            standard_error,
        }),
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
    let text = files::read_text(path, files::DATA)?;
    let points: Vec<Vec<Option<f64>>> = serde_json::from_str(&without_names(&text))
        .map_err(|e| Error::file(path, format!("not a JSON list of lists of numbers: {e}")))?;
    let points: Vec<Vec<f64>> = points
        .into_iter()
        .map(|point| point.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
        .collect();
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

/// JSON as Python writes it: `NaN`, `Infinity` and `-Infinity`, which are no JSON, become `null`. Inside of strings,
/// which no list of numbers has, nothing is changed.
fn without_names(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.push('"');
        }
        if index % 2 == 0 {
            let plain = part
                .replace("-Infinity", "null")
                .replace("Infinity", "null");
            out.push_str(&plain.replace("NaN", "null"));
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_become_null() {
        let read = without_names("[[NaN, 1], [-Infinity, Infinity], [\"NaN\", 2]]");
        assert_eq!(read, "[[null, 1], [null, null], [\"NaN\", 2]]");
    }
}
