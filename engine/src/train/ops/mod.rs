//! Operations of the differentiable forward, each with hand-written CPU kernels for both directions
//! and a plain twin in candle's own operations that tests hold it against.
//!
//! candle's fused softmax, norm and rope end the gradient silently, so none of them is used here. The
//! kernels run on one thread: training is parallel over the batch.

mod attention;
mod linear;
mod log_prob;
mod norm;
mod product;
mod rope;
mod storage;
mod swiglu;
#[cfg(test)]
mod tests;

pub use attention::{AttentionShape, attention, attention_plain};
pub use linear::{linear, linear_plain};
pub use log_prob::{log_prob, log_prob_plain};
pub use norm::{rms_norm, rms_norm_plain};
pub(super) use product::product;
pub use rope::{Rotation, rope, rope_plain};
pub(super) use storage::{square_sum, with_floats};
pub use swiglu::{swiglu, swiglu_plain};
