//! The layers of a model in training: linear modules with what is trained beside them, and how a pass goes through.

use candle_core::Tensor;

use super::mixture::SiteMixture;
use super::ops::{AttentionShape, Rotation};
use super::steered::SteeredSite;
use super::tape::Traced;
use super::trace::Trace;
use crate::Result;
use crate::model::{LayerKind, LayerRope, Norms, Variant};

/// Whether adapters take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapters {
    /// As trained.
    On,
    /// The base model alone: the reference of preference optimisation.
    Off,
}

#[derive(Debug)]
pub(super) struct Lora {
    pub(super) a: Tensor,
    pub(super) b: Tensor,
    pub(super) scale: f64,
}

/// What is added to a linear module's own product.
#[derive(Debug)]
pub(super) enum Update {
    None,
    /// An adapter in training.
    Lora(Lora),
    /// Experts, frozen or not, under a router in training.
    Mixture(Box<SiteMixture>),
    /// Factors in training that a preference steers.
    Steered(Box<SteeredSite>),
}

#[derive(Debug)]
pub(super) struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Option<Tensor>,
    pub(super) update: Update,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) kind: LayerKind,
    pub(super) norms: Norms<Tensor>,
    pub(super) q: Linear,
    pub(super) k: Linear,
    pub(super) v: Linear,
    pub(super) o: Linear,
    pub(super) gate: Linear,
    pub(super) up: Linear,
    pub(super) down: Linear,
}

/// What one forward pass over a batch needs besides the weights.
pub(super) struct Context {
    /// What steers factors that a preference steers; empty where there are none.
    pub(super) preference: Vec<f64>,
    pub(super) attention: AttentionShape,
    /// Of layers that positions turn, and of those that have frequencies of their own.
    pub(super) rotations: (Rotation, Option<Rotation>),
    pub(super) adapters: Adapters,
    pub(super) eps: f64,
    pub(super) variant: Variant,
    pub(super) trace: Trace,
}

impl Context {
    pub(super) fn norm(&self, x: &Traced, weight: &Tensor) -> Result<Traced> {
        let trace = &self.trace;
        let around = f64::from(u8::from(self.variant.norms_around_one));
        Ok(trace.rms_norm(x, &trace.weight(weight), (self.eps, around))?)
    }

    /// `norm(x)`, or `x` itself where there is no such norm.
    fn normed(&self, x: Traced, weight: Option<&Tensor>) -> Result<Traced> {
        match weight {
            Some(weight) => self.norm(&x, weight),
            None => Ok(x),
        }
    }

    /// `factor * x`.
    pub(super) fn scaled(&self, x: Traced, factor: f64) -> Result<Traced> {
        if factor == 1.0 {
            return Ok(x);
        }
        Ok(self.trace.scale(&x, factor)?)
    }

    /// `x + multiplier * norm(y)`: what attention or the MLP gives goes into the residual stream.
    fn add(&self, x: &Traced, y: Traced, norm: Option<&Tensor>) -> Result<Traced> {
        let y = self.normed(y, norm)?;
        let y = self.scaled(y, self.variant.residual_multiplier)?;
        Ok(self.trace.sum(x, &y)?)
    }

    /// Queries or keys, normed and turned as a layer of this kind does.
    fn turned(&self, x: Traced, norm: Option<&Tensor>, kind: LayerKind) -> Result<Traced> {
        let x = self.normed(x, norm)?;
        let rotation = match kind.rope {
            LayerRope::Global => Some(&self.rotations.0),
            LayerRope::Local => self.rotations.1.as_ref(),
            LayerRope::None => None,
        };
        match rotation {
            Some(rotation) => Ok(self.trace.rope(&x, rotation)?),
            None => Ok(x),
        }
    }
}

impl Linear {
    /// `W x`, plus `scale · B A x` or the mixture of experts.
    fn forward(&self, x: &Traced, context: &Context) -> Result<Traced> {
        let trace = &context.trace;
        let y = trace.linear(x, &trace.weight(&self.weight))?;
        let y = match &self.bias {
            Some(bias) => trace.bias(&y, &trace.weight(bias))?,
            None => y,
        };
        let update = match &self.update {
            _ if context.adapters == Adapters::Off => return Ok(y),
            Update::None => return Ok(y),
            Update::Lora(Lora { a, b, scale }) => {
                let low = trace.scale(&trace.linear(x, &trace.weight(a))?, *scale)?;
                trace.linear(&low, &trace.weight(b))?
            }
            Update::Mixture(mixture) => mixture.forward(x, trace)?,
            Update::Steered(site) => site.forward(x, &context.preference, trace)?,
        };
        Ok(trace.sum(&y, &update)?)
    }
}

impl Layer {
    pub(super) fn forward(&self, x: &Traced, context: &Context) -> Result<Traced> {
        let (trace, norms) = (&context.trace, &self.norms);
        let h = context.normed(x.clone(), norms.before_attention.as_ref())?;
        let (q, k) = (self.q.forward(&h, context)?, self.k.forward(&h, context)?);
        let q = context.turned(q, norms.queries.as_ref(), self.kind)?;
        let k = context.turned(k, norms.keys.as_ref(), self.kind)?;
        let v = self.v.forward(&h, context)?;
        let mut attention = context.attention.clone();
        attention.scoring.window = self.kind.window;
        let mixed = trace.attention([&q, &k, &v], &attention)?;
        let output = self.o.forward(&mixed, context)?;
        let x = context.add(x, output, norms.after_attention.as_ref())?;
        let h = context.normed(x.clone(), norms.before_mlp.as_ref())?;
        let gate = self.gate.forward(&h, context)?;
        let up = self.up.forward(&h, context)?;
        let inner = trace.gated(&gate, &up, context.variant.activation)?;
        let output = self.down.forward(&inner, context)?;
        context.add(&x, output, norms.after_mlp.as_ref())
    }
}
