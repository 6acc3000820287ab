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
        _ if name.rsplit('.').next() == Some("bias") => 1,
        _ if table => 2,
        _ => 3,
    }
}

fn squared_difference(one: &[f32], other: &[f32]) -> f64 {
    let difference: Vec<f32> = one.iter().zip(other).map(|(a, b)| a - b).collect();
    sum_of_squares(&difference)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::forge::DeltaSource;
    use crate::forge::peft::{Precision, encode, write_tensors};

    fn model(folder: &Path, tensors: &[(&str, Vec<usize>, f32)]) {
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .iter()
            .map(|(name, shape, value)| {
                let values = vec![*value; shape.iter().product()];
                let bytes = encode(&values, Precision::F32).unwrap();
                ((*name).to_owned(), shape.clone(), bytes)
            })
            .collect();
        write_tensors(
            &folder.join("model.safetensors"),
            &tensors,
            Precision::F32,
            [],
        )
        .unwrap();
    }

    #[test]
    fn norms_rows_and_biases_beside_the_projections_are_named_and_weighed() {
        let (base, tuned) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let q = "model.layers.0.self_attn.q_proj.weight";
        let norm = "model.layers.0.input_layernorm.weight";
        let table = "model.embed_tokens.weight";
        model(
            base.path(),
            &[
                (q, vec![2, 2], 1.0),
                (norm, vec![4], 1.0),
                (table, vec![5, 2], 0.5),
            ],
        );
        model(
            tuned.path(),
            &[
                (q, vec![2, 2], 2.0),
                (norm, vec![4], 2.0),
                (table, vec![7, 2], 0.5),
                ("model.layers.0.self_attn.q_proj.bias", vec![2], 1.0),
            ],
        );
        let source = DeltaSource::tuned(base.path(), tuned.path()).unwrap();
        let left_out = source.left_out();
        assert_eq!(left_out.squared_norm, 4.0);
        let said = left_out.in_words(4.0);
        for word in [
            "has 7 rows, the base 5: 2 rows",
            "1 norms differ",
            "q_proj.bias` in the fine-tune alone",
            "50.00 %",
        ] {
            assert!(said.contains(word), "{said}");
        }
        let same = DeltaSource::tuned(base.path(), base.path()).unwrap();
        assert!(same.left_out().is_empty());
    }
}
