//! CPU kernels for inference where candle has no fast path: packed products, attention over a
//! preallocated cache, and the small element-wise steps between them.
//!
//! Every kernel computes each output element in one fixed order of additions, whatever the number
//! of rows beside it: a row alone gives bit for bit what it gives in company. None of them is
//! differentiable; training has its own forward pass.

mod attend;
mod elementwise;
mod packed;
mod parallel;
mod product;
mod rope;
mod tile;

pub use attend::{AttentionRow, HeadLayout, KeyPanels, ValuePanels, attend};
pub use elementwise::{add_in_place, rms_norm, swiglu};
pub(crate) use elementwise::{exp, softmax_in_place};
pub use packed::{PackedInput, PackedMatrix};
pub use product::{Product, products};
pub use rope::Rotation;
