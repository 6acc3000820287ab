//! When training stops because its numbers went wrong, and what it says then.

use std::path::Path;

use super::checkpoint;
use crate::{Divergence, Error};

/// A loss above this counts as exploded. Losses here are means of a few nats; a run that is worth anything never
/// comes near.
const EXPLODED: f64 = 1e4;

/// What happened to a loss that is no longer one; `None` for a sound one.
pub(super) fn blow_up(loss: f64) -> Option<String> {
    if loss.is_nan() {
        Some("became NaN".to_owned())
    } else if loss.abs() > EXPLODED {
        Some(format!("exploded to {loss:.3e} (beyond {EXPLODED:e})"))
    } else {
        None
    }
}

/// The error that names the quantity and what became of it, the step (from zero), its examples (places in
/// the data, from zero), and the last good checkpoint in `folder`.
pub(super) fn diverged(
    folder: &Path,
    (what, became): (&str, String),
    step: usize,
    examples: Vec<usize>,
) -> Error {
    let last = match checkpoint::newest(folder) {
        Some(path) => format!("the last good checkpoint is {}", path.display()),
        None => "there is no checkpoint yet".to_owned(),
    };
    let shown: Vec<String> = examples
        .iter()
        .take(8)
        .map(|i| (i + 1).to_string())
        .collect();
    let more = match examples.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Error::Diverged(Box::new(Divergence {
        what: what.to_owned(),
        became,
        step: step + 1,
        batch: if shown.is_empty() {
            String::new()
        } else {
            format!(", on examples {}{more}", shown.join(", "))
        },
        examples,
        hint: format!("; {last}; try a lower learning rate"),
    }))
}
