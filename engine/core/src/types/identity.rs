//! What every row of a bundle has in common.

/// What the rows of a sweep have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct RowIdentity {
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
