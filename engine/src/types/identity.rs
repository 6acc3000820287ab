//! What every row of a bundle has in common.

/// What the rows of a sweep have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowIdentity {
    /// Digest of the base model's weights.
    pub model: String,
    /// Digests of adapters and routers, in the bank's order.
    pub adapters: Vec<String>,
    /// Digests of the reward models, in order of objectives.
    pub rewards: Vec<String>,
}
