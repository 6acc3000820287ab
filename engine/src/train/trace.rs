//! The operations of a forward pass, and how the pass is kept for its gradient: by our own kernels on a
//! [`Tape`], or by candle's operations in candle's own graph, the reference and the way on a GPU.

use std::sync::Arc;

use candle_core::{Result, Tensor, Var};

use super::ops::{self, AttentionShape, Rotation};
use super::tape::{Origin, Tape, Traced};
use crate::model::Activation;
use crate::types::RouterActivation;

/// How one pass is computed and kept.
#[derive(Debug)]
pub(super) enum Trace {
    /// candle's operations; candle keeps what it wants.
    Graph,
    /// Our kernels; `learns` is false where no gradient will be asked for, and then nothing is kept.
    Tape { tape: Tape, learns: bool },
}

/// What a pass gives: numbers that a loss is made of, and the way back from them.
#[derive(Debug)]
pub struct Pass {
    /// The result, which candle's graph of the loss begins with.
    pub output: Tensor,
    pub(super) back: Back,
}

/// From a pass's result to the variables.
#[derive(Debug)]
pub(super) enum Back {
    /// candle knows.
    Graph,
    /// The output is a variable of the loss; its gradient goes through the tape.
    Tape { tape: Tape, end: Origin },
}

impl Trace {
    /// A weight of the model, trained or not.
    pub(super) fn weight(&self, weight: &Tensor) -> Traced {
        match self {
            Self::Graph => Traced::frozen(weight.clone()),
            Self::Tape { learns, .. } => Traced {
                value: weight.detach(),
                origin: if *learns && weight.is_variable() {
                    Origin::Variable(weight.id())
                } else {
                    Origin::Frozen
                },
            },
        }
    }

    /// `x Wᵀ`.
    pub(super) fn linear(&self, x: &Traced, w: &Traced) -> Result<Traced> {
        match self {
            Self::Graph => ops::linear_plain(&x.value, &w.value).map(Traced::frozen),
            Self::Tape { tape, .. } => {
                let linear = ops::Linear {
                    input_gradient: x.leads_back(),
                    weight_gradient: w.leads_back(),
                };
                tape.two(linear, [x, w])
            }
        }
    }

    /// `x + bias`, the same for every row.
    pub(super) fn bias(&self, x: &Traced, bias: &Traced) -> Result<Traced> {
        match self {
            Self::Graph => x.value.broadcast_add(&bias.value).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.two(ops::Bias, [x, bias]),
        }
    }

    /// `x / sqrt(mean(x²) + eps) * (around + weight)`, for rows or heads as wide as the weight.
    pub(super) fn rms_norm(
        &self,
        x: &Traced,
        weight: &Traced,
        (eps, around): (f64, f64),
    ) -> Result<Traced> {
        match self {
            Self::Graph => {
                ops::rms_norm_plain(&x.value, &weight.value, (eps, around)).map(Traced::frozen)
            }
            Self::Tape { tape, .. } => {
                let (eps, around) = (eps as f32, around as f32);
                tape.two(ops::RmsNorm { eps, around }, [x, weight])
            }
        }
    }

    /// Every head, rotated.
    pub(super) fn rope(&self, x: &Traced, rotation: &Rotation) -> Result<Traced> {
        match self {
            Self::Graph => ops::rope_plain(&x.value, rotation).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.one(ops::Rope(rotation.clone()), x),
        }
    }

    /// Causal attention within each sequence.
    pub(super) fn attention(
        &self,
        [q, k, v]: [&Traced; 3],
        shape: &AttentionShape,
    ) -> Result<Traced> {
        match self {
            Self::Graph => {
                ops::attention_plain(&q.value, &k.value, &v.value, shape).map(Traced::frozen)
            }
            Self::Tape { tape, .. } => tape.three(ops::Attention(shape.clone()), [q, k, v]),
        }
    }

    /// `activation(gate) * up`.
    pub(super) fn gated(
        &self,
        gate: &Traced,
        up: &Traced,
        activation: Activation,
    ) -> Result<Traced> {
        match (self, activation) {
            (Self::Graph, Activation::Silu) => {
                ops::swiglu_plain(&gate.value, &up.value).map(Traced::frozen)
            }
            (Self::Graph, Activation::Gelu) => {
                ops::geglu_plain(&gate.value, &up.value).map(Traced::frozen)
            }
            (Self::Tape { tape, .. }, Activation::Silu) => tape.two(ops::SwiGlu, [gate, up]),
            (Self::Tape { tape, .. }, Activation::Gelu) => tape.two(ops::GeGlu, [gate, up]),
        }
    }

    /// `cap * tanh(x / cap)`.
    pub(super) fn soft_cap(&self, x: &Traced, cap: f32) -> Result<Traced> {
        match self {
            Self::Graph => ops::soft_cap_plain(&x.value, cap).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.one(ops::SoftCap(cap), x),
        }
    }

    /// `a + b`.
    pub(super) fn sum(&self, a: &Traced, b: &Traced) -> Result<Traced> {
        match self {
            Self::Graph => (&a.value + &b.value).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.two(ops::Sum, [a, b]),
        }
    }

    /// `a * b`, element by element.
    pub(super) fn times(&self, a: &Traced, b: &Traced) -> Result<Traced> {
        match self {
            Self::Graph => (&a.value * &b.value).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.two(ops::Times, [a, b]),
        }
    }

    /// `factor * x`.
    pub(super) fn scale(&self, x: &Traced, factor: f64) -> Result<Traced> {
        match self {
            Self::Graph => (&x.value * factor).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.one(ops::Scale(factor), x),
        }
    }

    /// `table[ids]`.
    pub(super) fn rows(&self, table: &Traced, ids: &[u32]) -> Result<Traced> {
        match self {
            Self::Graph => {
                let ids = Tensor::from_slice(ids, ids.len(), table.value.device())?;
                table.value.index_select(&ids, 0).map(Traced::frozen)
            }
            Self::Tape { tape, .. } => tape.one(ops::Rows(Arc::new(ids.to_vec())), table),
        }
    }

    /// A router's votes from its layer's products.
    pub(super) fn votes(
        &self,
        scores: &Traced,
        bias: &Traced,
        activation: RouterActivation,
    ) -> Result<Traced> {
        match self {
            Self::Graph => {
                ops::votes_plain(&scores.value, &bias.value, activation).map(Traced::frozen)
            }
            Self::Tape { tape, .. } => tape.two(ops::Votes(activation), [scores, bias]),
        }
    }

    /// The log-probability of one token per row.
    pub(super) fn log_prob(&self, logits: &Traced, targets: &Arc<Vec<u32>>) -> Result<Traced> {
        match self {
            Self::Graph => ops::log_prob_plain(&logits.value, targets).map(Traced::frozen),
            Self::Tape { tape, .. } => tape.one(ops::LogProb(Arc::clone(targets)), logits),
        }
    }

    /// The pass is over: `end` is what a loss is made of.
    pub(super) fn finish(self, end: Traced) -> Result<Pass> {
        match self {
            Self::Tape { tape, .. } if end.leads_back() => Ok(Pass {
                output: Var::from_tensor(&end.value)?.into_inner(),
                back: Back::Tape {
                    tape,
                    end: end.origin,
                },
            }),
            Self::Graph | Self::Tape { .. } => Ok(Pass {
                output: end.value,
                back: Back::Graph,
            }),
        }
    }
}
