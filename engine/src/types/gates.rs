//! The coefficients that a row carries through every linear module.

use serde::{Deserialize, Serialize};

/// How much of each adapter a row mixes in.
///
/// Per token and module the gate of adapter `l` is
/// `g_l = adapters[l] + sum_r routers[r] * vote_r(x)_l`, where `vote_r` is router `r`'s output
/// for that token (HoE Eqs. 10 to 12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowGates {
    /// One static coefficient per adapter of the bank: the bundle's LoRA experts, then its value vectors.
    pub adapters: Vec<f32>,
    /// One share per router expert.
    pub routers: Vec<f32>,
}

impl RowGates {
    /// The base model: no adapter, no router.
    pub fn base(adapters: usize, routers: usize) -> Self {
        Self {
            adapters: vec![0.0; adapters],
            routers: vec![0.0; routers],
        }
    }

    /// Whether the gates are the same for every token.
    pub fn is_static(&self) -> bool {
        self.routers.iter().all(|&share| share == 0.0)
    }
}
