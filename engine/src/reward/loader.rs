//! A checkpoint's tensors as the pieces that bodies are made of.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::ops::{Activation, Compute, Linear, Norm};
use crate::model::check_size;
use crate::weights::Checkpoint;
use crate::{Error, Result};

/// Reads named tensors of one checkpoint.
pub(super) struct Loader<'a> {
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) place: Compute,
    prefix: &'static str,
}

impl<'a> Loader<'a> {
    /// For a body whose names begin with `prefix`, unless `probe` is there without it.
    pub(super) fn new(
        checkpoint: &'a Checkpoint,
        prefix: &'static str,
        probe: &str,
        place: &Compute,
    ) -> Self {
        let bare = checkpoint.contains(probe) && !checkpoint.contains(&format!("{prefix}{probe}"));
        Self {
            checkpoint,
            place: place.clone(),
            prefix: if bare { "" } else { prefix },
        }
    }

    pub(super) fn device(&self) -> &Device {
        &self.place.device
    }

    /// Whether the body has this tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.checkpoint.contains(&format!("{}{name}", self.prefix))
    }

    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        read(self.checkpoint, &format!("{}{name}", self.prefix), shape)
    }

    /// A table of embeddings `[rows, width]`.
    pub(super) fn table(&self, name: &str, shape: [usize; 2]) -> Result<Tensor> {
        let values = self.read(name, &shape)?;
        Ok(Tensor::from_vec(values, &shape[..], self.device())?)
    }

    /// A linear layer with weight `[outputs, inputs]` and bias.
    pub(super) fn linear(&self, name: &str, shape: [usize; 2]) -> Result<Linear> {
        let weight = self.read(&format!("{name}.weight"), &shape)?;
        let bias = self.read(&format!("{name}.bias"), &[shape[0]])?;
        Ok(Linear::new(weight, Some(bias), shape, &self.place)?)
    }

    /// A linear layer without a bias.
    pub(super) fn projection(&self, name: &str, shape: [usize; 2]) -> Result<Linear> {
        let weight = self.read(&format!("{name}.weight"), &shape)?;
        Ok(Linear::new(weight, None, shape, &self.place)?)
    }

    /// GPT-2's Conv1D, a linear layer whose weight lies the other way round: `[inputs, outputs]`.
    pub(super) fn conv1d(&self, name: &str, shape: [usize; 2]) -> Result<Linear> {
        let [one] = self.split_conv1d(name, shape)?;
        Ok(one)
    }

    /// `N` layers of `[outputs, inputs]` each that are stored as one Conv1D, side by side.
    pub(super) fn split_conv1d<const N: usize>(
        &self,
        name: &str,
        [outputs, inputs]: [usize; 2],
    ) -> Result<[Linear; N]> {
        let across = self.read(&format!("{name}.weight"), &[inputs, N * outputs])?;
        let bias = self.read(&format!("{name}.bias"), &[N * outputs])?;
        let weight = transposed(&across, inputs, N * outputs);
        let layers = weight
            .chunks_exact(outputs * inputs)
            .zip(bias.chunks_exact(outputs))
            .map(|(weight, bias)| {
                let (weight, bias) = (weight.to_vec(), Some(bias.to_vec()));
                Linear::new(weight, bias, [outputs, inputs], &self.place)
            })
            .collect::<candle_core::Result<Vec<Linear>>>()?;
        layers
            .try_into()
            .map_err(|_all| Error::internal("a fused layer fell apart"))
    }

    /// A convolution along the text, `[outputs, inputs, size]`, as a linear layer over the `size`
    /// neighbours of a token side by side.
    pub(super) fn convolution(
        &self,
        name: &str,
        [outputs, inputs, size]: [usize; 3],
    ) -> Result<Linear> {
        let kernel = self.read(&format!("{name}.weight"), &[outputs, inputs, size])?;
        let bias = self.read(&format!("{name}.bias"), &[outputs])?;
        let mut weight = Vec::with_capacity(kernel.len());
        for output in kernel.chunks_exact(inputs * size) {
            weight.extend(transposed(output, inputs, size));
        }
        Ok(Linear::new(
            weight,
            Some(bias),
            [outputs, inputs * size],
            &self.place,
        )?)
    }

    /// A layer norm.
    pub(super) fn norm(&self, name: &str, width: usize, eps: f64) -> Result<Norm> {
        let weight = self.read(&format!("{name}.weight"), &[width])?;
        let bias = self.read(&format!("{name}.bias"), &[width])?;
        Ok(Norm::new(weight, bias, eps, &self.place)?)
    }
}

/// `[rows, columns]` to `[columns, rows]`, tile by tile, so that both stay in the nearest cache.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut turned = vec![0.0; values.len()];
    for first_row in (0..rows).step_by(TILE) {
        for first_column in (0..columns).step_by(TILE) {
            for row in first_row..(first_row + TILE).min(rows) {
                for column in first_column..(first_column + TILE).min(columns) {
                    turned[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    turned
}

/// A tensor of this shape; the digest of the file stands for those of its tensors.
pub(super) fn read(checkpoint: &Checkpoint, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    checkpoint.expect(name, shape)?;
    checkpoint.values(name)
}

/// Refuses sizes of 0, and those that no model has, by the limits of [`check_size`].
pub(super) fn check_sizes(path: &Path, sizes: &[(&str, usize)]) -> Result<()> {
    for &(name, size) in sizes {
        check_size(path, usual_name(name), size).map_err(|error| match error {
            Error::Field { path, problem, .. } => Error::field(&path, name, problem),
            other => other,
        })?;
    }
    Ok(())
}

/// What Llama's configs call the field.
fn usual_name(name: &str) -> &str {
    match name {
        "n_embd" | "d_model" | "dim" | "embedding_size" | "pooler_hidden_size" => "hidden_size",
        "n_inner" | "hidden_dim" | "encoder_ffn_dim" | "decoder_ffn_dim" => "intermediate_size",
        "n_layer" | "n_layers" | "encoder_layers" | "decoder_layers" => "num_hidden_layers",
        "n_head" | "n_heads" | "encoder_attention_heads" | "decoder_attention_heads" => {
            "num_attention_heads"
        }
        "n_positions" | "position_buckets" | "max_relative_positions" => "max_position_embeddings",
        other => other,
    }
}

/// Refuses a width that does not divide into heads.
pub(super) fn check_heads(path: &Path, (name, width): (&str, usize), heads: usize) -> Result<()> {
    if width.is_multiple_of(heads) {
        return Ok(());
    }
    let problem = format!("is {width}, which the {heads} heads do not divide");
    Err(Error::field(path, name, problem))
}

/// An activation by the name in a config's field.
pub(super) fn activation(path: &Path, field: &str, name: &str) -> Result<Activation> {
    Activation::named(name).ok_or_else(|| {
        let problem =
            format!("`{name}` is not supported (gelu, gelu_new, relu, silu and tanh are)");
        Error::field(path, field, problem)
    })
}
