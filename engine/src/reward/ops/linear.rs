//! Linear layers over rows of tokens.

use candle_core::{Result, Tensor};

use super::{Activation, Compute, Kernels, host};
use crate::kernels::{PackedInput, PackedMatrix, Product, products};

/// `y = x W^T (+ b)`, perhaps through an activation.
#[derive(Debug)]
pub(in crate::reward) struct Linear {
    weight: Weight,
    outputs: usize,
}

#[derive(Debug)]
enum Weight {
    Packed {
        weight: PackedMatrix,
        bias: Option<Vec<f32>>,
    },
    Plain {
        /// `[inputs, outputs]`.
        transposed: Tensor,
        bias: Option<Tensor>,
    },
}

impl Linear {
    /// A layer of a row-major weight `[outputs, inputs]`.
    pub(in crate::reward) fn new(
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        [outputs, inputs]: [usize; 2],
        place: &Compute,
    ) -> Result<Self> {
        let weight = match place.kernels {
            Kernels::Packed => Weight::Packed {
                weight: PackedMatrix::new(&weight, outputs, inputs),
                bias,
            },
            Kernels::Plain => Weight::Plain {
                transposed: Tensor::from_vec(weight, (outputs, inputs), &place.device)?
                    .t()?
                    .contiguous()?,
                bias: bias
                    .map(|bias| Tensor::from_vec(bias, outputs, &place.device))
                    .transpose()?,
            },
        };
        Ok(Self { weight, outputs })
    }

    pub(in crate::reward) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub(in crate::reward) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [y] = Self::forward_all([self], x)?;
        Ok(y)
    }

    /// [`Linear::forward`], then the activation.
    pub(in crate::reward) fn activated(
        &self,
        x: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        match &self.weight {
            Weight::Plain { .. } => activation.plain(&self.forward(x)?),
            Weight::Packed { weight, bias } => {
                let rows = x.dim(0)?;
                let input = PackedInput::new(&host(x)?, rows, weight.inner());
                let mut y = products(&[Product {
                    terms: vec![(&input, weight)],
                    bias: bias.as_deref(),
                }]);
                let mut y = y.pop().unwrap_or_default();
                activation.packed(&mut y);
                Tensor::from_vec(y, (rows, self.outputs), x.device())
            }
        }
    }

    /// Several layers over the same input, packed once.
    pub(in crate::reward) fn forward_all<const N: usize>(
        layers: [&Self; N],
        x: &Tensor,
    ) -> Result<[Tensor; N]> {
        let rows = x.dim(0)?;
        let mut input = None;
        let mut list = Vec::with_capacity(N);
        for layer in layers {
            if let Weight::Packed { weight, .. } = &layer.weight
                && input.is_none()
            {
                input = Some(PackedInput::new(&host(x)?, rows, weight.inner()));
            }
        }
        if let Some(input) = &input {
            for layer in layers {
                if let Weight::Packed { weight, bias } = &layer.weight {
                    list.push(Product {
                        terms: vec![(input, weight)],
                        bias: bias.as_deref(),
                    });
                }
            }
        }
        let mut packed = products(&list).into_iter();
        let mut outputs = Vec::with_capacity(N);
        for layer in layers {
            outputs.push(match &layer.weight {
                Weight::Packed { .. } => {
                    let y = packed.next().unwrap_or_default();
                    Tensor::from_vec(y, (rows, layer.outputs), x.device())?
                }
                Weight::Plain { transposed, bias } => {
                    let y = x.matmul(transposed)?;
                    match bias {
                        Some(bias) => y.broadcast_add(bias)?,
                        None => y,
                    }
                }
            });
        }
        outputs
            .try_into()
            .map_err(|_all| candle_core::Error::Msg("one output per layer".to_owned()))
    }
}
