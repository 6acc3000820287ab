//! The linear layer that turns a hidden state into scores.

use candle_core::{Device, Tensor};

use crate::weights::{Checkpoint, Digest};
use crate::{Error, Result};

/// `scores = W h (+ b)`.
#[derive(Debug)]
pub(super) struct Head {
    /// `[hidden, outputs]`.
    transposed: Tensor,
    /// `[outputs]`.
    bias: Option<Tensor>,
    outputs: usize,
}

impl Head {
    /// Reads `<name>.weight` `[outputs, hidden]` and, where the file has it, `<name>.bias`.
    ///
    /// `labels` is how many outputs the config promises, where it says so.
    pub(super) fn load(
        checkpoint: &Checkpoint,
        name: &str,
        hidden: usize,
        labels: Option<usize>,
        digest: &mut Digest,
        device: &Device,
    ) -> Result<Self> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let Some(shape) = checkpoint.shape(&weight) else {
            return Err(Error::MissingTensor {
                path: checkpoint.path().to_path_buf(),
                tensor: weight,
            });
        };
        let outputs = labels
            .unwrap_or_else(|| shape.first().copied().unwrap_or(1))
            .max(1);
        let values = checkpoint.read(&weight, &[outputs, hidden], digest)?;
        let transposed = Tensor::from_vec(values, (outputs, hidden), device)?
            .t()?
            .contiguous()?;
        let bias = if checkpoint.contains(&bias) {
            Some(Tensor::from_vec(
                checkpoint.read(&bias, &[outputs], digest)?,
                outputs,
                device,
            )?)
        } else {
            None
        };
        Ok(Self {
            transposed,
            bias,
            outputs,
        })
    }

    /// Scores per text.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `[texts, hidden]` to one list of scores per text.
    pub(super) fn score(&self, hidden: &Tensor) -> Result<Vec<Vec<f32>>> {
        let scores = hidden.matmul(&self.transposed)?;
        let scores = match &self.bias {
            Some(bias) => scores.broadcast_add(bias)?,
            None => scores,
        };
        Ok(scores.to_vec2()?)
    }
}
