//! The linear layer that turns a hidden state into scores.

use candle_core::Tensor;

use super::labels::Labels;
use super::loader::read;
use super::ops::{Compute, Linear};
use crate::weights::Checkpoint;
use crate::{Error, Result};

/// `scores = W h (+ b)`.
#[derive(Debug)]
pub(super) struct Head(Linear);

impl Head {
    /// Reads `<name>.weight` `[outputs, hidden]` and, where the file has it, `<name>.bias`.
    ///
    /// A checkpoint without it is refused, for other programs would make one up; so is one with
    /// more outputs than the config names.
    pub(super) fn load(
        checkpoint: &Checkpoint,
        name: &str,
        hidden: usize,
        labels: &Labels,
        place: &Compute,
    ) -> Result<Self> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let Some(shape) = checkpoint.shape(&weight) else {
            return Err(missing(checkpoint, &[name]));
        };
        let found = shape.first().copied().unwrap_or(1);
        let outputs = match labels.count() {
            Some(named) if named == found => found,
            // transformers writes no names for two outputs.
            None if (1..=labels.unnamed).contains(&found) => found,
            named => {
                let named = named.map_or_else(
                    || "names none (`id2label`)".to_owned(),
                    |named| format!("names {named} (`id2label`, `num_labels` or `score_dim`)"),
                );
                return Err(Error::file(
                    checkpoint.path(),
                    format!(
                        "`{weight}` has shape {shape:?}, {found} outputs, but config.json {named}"
                    ),
                ));
            }
        };
        let values = read(checkpoint, &weight, &[outputs, hidden])?;
        let bias = if checkpoint.contains(&bias) {
            Some(read(checkpoint, &bias, &[outputs])?)
        } else {
            None
        };
        Ok(Self(Linear::new(values, bias, [outputs, hidden], place)?))
    }

    /// Scores per text.
    pub(super) fn outputs(&self) -> usize {
        self.0.outputs()
    }

    /// `[texts, hidden]` to one list of scores per text.
    pub(super) fn score(&self, hidden: &Tensor) -> Result<Vec<Vec<f32>>> {
        Ok(self.0.forward(hidden)?.to_vec2()?)
    }
}

/// The error of a checkpoint that has none of the heads that it could have.
pub(super) fn missing(checkpoint: &Checkpoint, names: &[&str]) -> Error {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{name}.weight`"))
        .collect();
    Error::file(
        checkpoint.path(),
        format!(
            "tensor {} is missing: a body without a trained head (other programs would fill it with random numbers)",
            names.join(" or ")
        ),
    )
}
