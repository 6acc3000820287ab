//! Operations of the differentiable forward, each with hand-written CPU kernels for both directions, applied by
//! [`Tape`](super::tape::Tape), and a plain twin in candle's own operations that tests hold it against.
//!
//! candle's fused softmax, norm and rope end the gradient silently, so none of them is used here. The
//! kernels run on one thread: training is parallel over the batch.

mod attention;
mod elementwise;
mod linear;
mod log_prob;
mod norm;
mod product;
mod rope;
mod rows;
mod storage;
mod swiglu;
#[cfg(test)]
mod tests;
mod votes;

pub use attention::{Attention, AttentionShape, attention_plain};
pub use elementwise::{AddInPlace, Scale, Sum, Times};
pub use linear::{Linear, linear_plain};
pub use log_prob::{LogProb, log_prob_plain};
pub use norm::{RmsNorm, rms_norm_plain};
pub(super) use product::product;
pub use rope::{Rope, Rotation, rope_plain};
pub use rows::Rows;
pub(super) use storage::{square_sum, with_floats};
pub use swiglu::{SwiGlu, swiglu_plain};
pub use votes::{Votes, votes_plain};
