//! What a task vector of linear projections leaves out of the difference between two models: norms, biases,
//! tables, added rows, modules that one side lacks. It is said, for an adapter without it is another model.

use std::collections::HashSet;

use serde::Serialize;

use super::Delta;
use super::matrix::sum_of_squares;
use crate::Result;
use crate::model::in_words;
use crate::weights::Checkpoint;

/// What is left out, in words, one entry per kind, and how much it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LeftOut {
    /// E.g. `2 norms differ (...)`.
    pub what: Vec<String>,
    /// Squared norm of the differences that are left out, as far as shapes agree.
    pub squared_norm: f64,
}

impl LeftOut {
    /// What is left out of an adapter.
    pub(super) fn of_adapter(warnings: &[String]) -> Self {
        Self {
            what: warnings.to_vec(),
            squared_norm: 0.0,
        }
    }

    /// Compares all tensors of two models that are none of `deltas`; reads those that both have.
    pub(super) fn of_models(
        base: &Checkpoint,
        tuned: &Checkpoint,
        deltas: &[Delta],
    ) -> Result<Self> {
        let taken: HashSet<&str> = deltas.iter().map(|delta| delta.name.as_str()).collect();
        let is_taken = |name: &str| {
            let module = name.strip_suffix(".weight");
            module.is_some_and(|module| taken.contains(module))
        };
        let mut left = Self::default();
        let mut differ: [Vec<String>; 4] = Default::default();
        for name in base.names().filter(|name| !is_taken(name)) {
            let (before, after) = (base.shape(name), tuned.shape(name));
            match (before, after) {
                (_, None) if name == "lm_head.weight" => {} // tied, as the other's configuration decides
                (_, None) => left.what.push(format!("`{name}` is in the base alone")),
                (Some(before), Some(after)) if before != after => {
                    let rows = match (before, after) {
                        (&[rows, width], &[more, same]) if width == same => {
                            format!(
                                "has {more} rows, the base {rows}: {} rows differ",
                                rows.abs_diff(more)
                            )
                        }
                        _ => format!("has shape {after:?}, the base {before:?}"),
                    };
                    left.what.push(format!("`{name}` {rows}"));
                }
                _ => {
                    let difference = squared_difference(&base.values(name)?, &tuned.values(name)?);
                    if difference > 0.0 {
                        left.squared_norm += difference;
                        differ[kind(name)].push(name.to_owned());
                    }
                }
            }
        }
        let added: Vec<String> = tuned
            .names()
            .filter(|name| !base.contains(name) && *name != "lm_head.weight")
            .map(str::to_owned)
            .collect();
        if !added.is_empty() {
            left.what
                .push(format!("{} in the fine-tune alone", in_words(&added)));
        }
        for (names, kind) in differ.iter().zip(["norms", "biases", "tables", "others"]) {
            if !names.is_empty() {
                left.what.push(format!(
                    "{} {kind} differ ({})",
                    names.len(),
                    in_words(names)
                ));
            }
        }
        Ok(left)
    }

    /// Whether anything is.
    pub fn is_empty(&self) -> bool {
        self.what.is_empty()
    }

    /// All of it, and its share of a whole difference whose linear projections have this squared norm.
    pub fn in_words(&self, squared_norm_taken: f64) -> String {
        let what = self.what.join("; ");
        let whole = self.squared_norm + squared_norm_taken;
        if self.squared_norm > 0.0 && whole > 0.0 {
            let share = 100.0 * self.squared_norm / whole;
            format!("{what}; {share:.2} % of the squared norm of the whole difference")
        } else {
            what
        }
    }
}

fn kind(name: &str) -> usize {
    let table = name.contains("embed") || name.contains("lm_head");
    match name {
        _ if name.contains("norm") => 0,
        _ if name.ends_with(".bias") => 1,
        _ if table => 2,
        _ => 3,
    }
}

fn squared_difference(one: &[f32], other: &[f32]) -> f64 {
    let difference: Vec<f32> = one.iter().zip(other).map(|(a, b)| a - b).collect();
    sum_of_squares(&difference)
}
