//! What makes a bundle the one that it is.

/// Identifies a bundle by what its answers and scores depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleIdentity {
    /// Digest of the base model's weights, and of its configuration, tokenizer, template and end tokens.
    pub model: String,
    /// Digests of adapters and routers, in the bank's order.
    pub adapters: Vec<String>,
    /// Where the experts stand, in the bundle's order: a preference reaches other experts when one moves.
    pub places: Vec<Vec<f64>>,
    /// Which adapter of the bank each value vector is: what a free weight is a coefficient of.
    pub values: Vec<usize>,
    /// Digests of the reward models with their tokenizers and readings, in order of objectives.
    pub rewards: Vec<String>,
}
