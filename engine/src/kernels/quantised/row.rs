//! Activations as products take them.

/// Inputs that share a scale.
pub(super) const BLOCK: usize = 32;
/// Words of four activations in a block.
pub(super) const WORDS: usize = BLOCK / 4;

/// One row of activations, block by block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// Four i8 each, the first in the lowest byte.
    pub(super) words: &'a [[i32; WORDS]],
    pub(super) scales: &'a [f32],
    /// What the i8 of each half of a block add up to.
    pub(super) sums: &'a [[i32; 2]],
}
