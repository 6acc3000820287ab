//! The coefficients that a row carries through every linear module.

use serde::{Deserialize, Serialize};

/// How much of each adapter a row mixes in.
///
/// Per token and module the gate of adapter `l` is
/// `g_l = adapters[l] + sum_r routers[r] * vote_r(x)_l`, or 0 where `l` is muted; `vote_r` is router
/// `r`'s output for that token (HoE Eqs. 10 to 12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowGates {
    /// One static coefficient per adapter of the bank: the bundle's LoRA experts, then its value vectors.
    pub adapters: Vec<f32>,
    /// One share per router expert.
    pub routers: Vec<f32>,
    /// Adapters whose gate is zero at every module, whatever routers vote (see [`Mutes`](super::Mutes)).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub muted: Vec<usize>,
}

impl RowGates {
    /// The base model: no adapter, no router.
    pub fn base(adapters: usize, routers: usize) -> Self {
        Self {
            adapters: vec![0.0; adapters],
            routers: vec![0.0; routers],
            muted: Vec::new(),
        }
    }

    /// Whether the gates are the same for every token.
    pub fn is_static(&self) -> bool {
        self.routers.iter().all(|&share| share == 0.0)
    }

    /// Sets the gates of muted adapters to zero, once routers have voted.
    pub fn silence(&self, gates: &mut [f32]) {
        for &adapter in &self.muted {
            if let Some(gate) = gates.get_mut(adapter) {
                *gate = 0.0;
            }
        }
    }
}
