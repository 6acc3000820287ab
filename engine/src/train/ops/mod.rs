//! Operations of the differentiable forward, each with hand-written CPU kernels for both directions, applied by
//! [`Tape`](super::tape::Tape), and a plain twin in candle's own operations that tests hold it against.
//!
//! candle's fused softmax, norm and rope end the gradient silently, so none of them is used here. The
//! kernels run on one thread: training is parallel over the batch.

mod attention;
mod attention_plain;
mod bias;
mod elementwise;
mod geglu;
mod linear;
mod log_prob;
mod norm;
mod product;
mod rope;
mod rows;
mod soft_cap;
mod storage;
mod swiglu;
#[cfg(test)]
mod tests;
mod votes;

pub use attention::{Attention, AttentionShape};
pub use attention_plain::attention_plain;
pub use bias::Bias;
pub use elementwise::{AddInPlace, Scale, Sum, Times};
pub use geglu::{GeGlu, geglu_plain};
pub use linear::{Linear, linear_plain};
pub use log_prob::{LogProb, log_prob_plain};
pub use norm::{RmsNorm, rms_norm_plain};
pub(super) use product::product;
pub use rope::{Rope, Rotation, rope_plain};
pub use rows::Rows;
pub use soft_cap::{SoftCap, soft_cap_plain};
pub(super) use storage::{square_sum, with_floats};
pub use swiglu::{SwiGlu, swiglu_plain};
pub use votes::{Votes, votes_plain};
