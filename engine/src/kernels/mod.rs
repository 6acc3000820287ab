//! CPU kernels, where candle has no fast path: the floor under answering, mixtures, reward models and training.
//!
//! What all of them share is one arithmetic (one exponential, one order of adding up) and one inner loop of products,
//! the tile. On it stand, for answering: packed products, attention over a preallocated cache, and the small steps
//! between them. Each of these computes every output element in one fixed order of additions, whatever the number of
//! rows beside it: a row alone gives bit for bit what it gives in company. They are not differentiable; training has
//! operations of its own (`train::ops`) on the same arithmetic and tile.

mod aligned;
mod arithmetic;
mod attend;
mod blocks;
mod cached;
mod dispatch;
mod elementwise;
mod packed;
mod parallel;
mod product;
mod quantised;
mod rope;
mod stored;
mod tile;

/// Names what the kernels compute, to the bit, on a kind of processor: answers that stand in a study were computed so.
/// Changes whenever a kernel rounds in another way than before.
pub const NUMERICS: &str = "paretoscope kernels 2";
/// Added to [`NUMERICS`] where a weight is quantised: activations meet it in 8 bits, and keys and values are kept in f16.
pub const QUANTISED_NUMERICS: &str = "quantised by i8 1";

pub(crate) use arithmetic::{
    dot, exp, gelu, gelu_slope, inverse_rms, max, sigmoid, silu, softmax_in_place, sum, tanh,
};
pub use attend::{AttentionRow, HeadLayout, Scoring, attend};
pub use blocks::BlockKind;
pub use cached::{CacheType, KeyPanels, ValuePanels};
pub(crate) use dispatch::{kernel, vectorised};
pub use elementwise::{
    add_in_place, geglu, rms_norm, scale_in_place, soft_cap_in_place, softmax, swiglu,
};
pub use packed::{PackedInput, PackedMatrix};
pub use product::{Product, products};
pub use rope::Rotation;
pub(crate) use tile::{PANEL, accumulate};
