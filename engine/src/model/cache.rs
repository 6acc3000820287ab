//! Keys and values of one row, preallocated for as long as the row may become.

use super::LlamaConfig;
use super::tensor::SlotLease;
use crate::kernels::{CacheType, KeyPanels, ValuePanels};

/// The cache of one row, all layers: panels of its own, or a slot of a model on another device.
#[derive(Debug, Default)]
pub struct RowCache {
    pub(super) layers: Vec<(KeyPanels, ValuePanels)>,
    pub(super) lease: Option<SlotLease>,
    kind: CacheType,
    capacity: usize,
    length: usize,
}

impl RowCache {
    /// Empties the cache and makes room for `positions`; memory is kept where it suffices.
    pub fn reset(&mut self, config: &LlamaConfig, kind: CacheType, positions: usize) {
        self.length = 0;
        let fits = self.capacity >= positions && self.kind == kind;
        if !fits || self.layers.len() != config.layers {
            self.layers.resize_with(config.layers, Default::default);
            for (keys, values) in &mut self.layers {
                keys.allocate(kind, config.head_layout(), positions);
                values.allocate(kind, config.head_layout(), positions);
            }
            self.capacity = positions;
            self.kind = kind;
        }
    }

    /// Empties the cache into a slot for `positions`.
    pub(super) fn rent(&mut self, lease: SlotLease, positions: usize) {
        self.lease = Some(lease);
        self.capacity = positions;
        self.length = 0;
    }

    /// The row has ended: a slot goes back for others, panels are kept for the next row.
    pub fn retire(&mut self) {
        if self.lease.take().is_some() {
            self.capacity = 0;
        }
        self.length = 0;
    }

    /// Positions filled.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is cached.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Positions that fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn advance(&mut self, tokens: usize) {
        self.length += tokens;
    }
}
