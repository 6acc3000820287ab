//! What makes a bundle and an answer the ones that they are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Identifies a bundle by what its answers and scores depend on; where experts stand is in the gates of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleIdentity {
    /// How it computes: backend, precision, revision of the kernels.
    pub numerics: String,
    /// Digest of the base model's weights, and of its configuration, tokenizer, template and end tokens.
    pub model: String,
    /// Digests of adapters and routers, in the bank's order.
    pub adapters: Vec<String>,
    /// Digests of the reward models with their tokenizers and readings, in order of objectives; `None` where none is
    /// loaded.
    pub rewards: Vec<Option<String>>,
}

/// The name of an answer: a hash over what the forward pass received ([`crate::study::Received`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(pub [u8; 32]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}
