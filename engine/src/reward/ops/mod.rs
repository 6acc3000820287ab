//! What the bodies of reward models are made of: linear layers, norms, activations, attention.
//!
//! A batch is all tokens of all texts, one after the other, without padding. Every step has two
//! forms. The packed one runs on the CPU, over the engine's panels: batched products of candle run
//! one after the other there, a product of one row on one thread, and its exact GELU in f64. The
//! plain one is candle alone, on any device, and what the packed one is tested against.

mod activation;
mod attention;
mod batch;
mod host;
mod linear;
mod norm;
mod softmax;

use candle_core::Device;

pub(super) use activation::Activation;
pub(super) use attention::{Attention, HeadRows, per_head, product};
pub(super) use batch::Batch;
pub(super) use host::{add, host};
pub(super) use linear::Linear;
pub(super) use norm::Norm;
pub(super) use softmax::softmax_rows;

#[cfg(test)]
mod tests;

/// Which form the steps take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernels {
    /// The engine's own, on the CPU.
    Packed,
    /// candle's, anywhere.
    Plain,
}

/// Where a model computes, and how.
#[derive(Debug, Clone)]
pub(super) struct Compute {
    pub(super) device: Device,
    pub(super) kernels: Kernels,
}

impl Compute {
    /// The faster form on this device.
    pub(super) fn on(device: &Device) -> Self {
        let kernels = if device.is_cpu() {
            Kernels::Packed
        } else {
            Kernels::Plain
        };
        Self {
            device: device.clone(),
            kernels,
        }
    }
}
