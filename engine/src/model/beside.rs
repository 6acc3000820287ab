//! What a row may carry beside the model: experts of its own, and vectors that are added to its hidden states.

use super::tensor::TensorSide;
use crate::mixture::SideBank;
use crate::types::RowGates;

/// Experts of a method, laid out for the model that its rows run through.
#[derive(Debug)]
pub enum SideExperts {
    /// For packed weights on the CPU.
    Packed(SideBank),
    /// For tensors of any type on any device.
    Tensors(TensorSide),
}

impl SideExperts {
    /// Bytes of weights held.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Packed(bank) => bank.bytes(),
            Self::Tensors(bank) => bank.bytes(),
        }
    }
}

/// A row's experts beside the bank's. They must be laid out for the model that the row runs through; others are silent.
#[derive(Debug, Clone, Copy)]
pub struct RowSide<'a> {
    /// Who they are.
    pub bank: &'a SideExperts,
    /// How much of each.
    pub gates: &'a RowGates,
}

/// Vectors that are added to a row's hidden states (steering by activations).
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// A layer, counted from 0, and what is added to what it gives on, `[hidden]`; each layer once.
    pub layers: Vec<(usize, Vec<f32>)>,
    /// The first position that it is added at: the one after the prompt, or its last.
    pub from: usize,
}

impl Shift {
    /// What is added after a layer, and from which position on.
    pub(super) fn at(&self, layer: usize) -> Option<(&[f32], usize)> {
        let found = self.layers.iter().find(|(at, _)| *at == layer);
        found.map(|(_, vector)| (vector.as_slice(), self.from))
    }
}
