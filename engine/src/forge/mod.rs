//! Experts made without training (HoE 3.1): task vectors, pruning, task-SVD, merging, interference.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | task vector | fine-tune and base, or adapter → differences, one at a time | `source` |
//! | pruning | differences → one exact threshold over the model | `select`, `prune` |
//! | task-SVD | difference → factors of a small rank | `svd`, `compress`, `extract` |
//! | merging | several differences → one | `merge` |
//! | experts | a fine-tune or adapter, or a merge of several → one adapter | [`expert`] |
//! | export | a bundle's point → one adapter | `export` |
//! | interference | two adapters → how much they depend on each other | `dependence` |
//!
//! Every step streams the model tensor by tensor, can be stopped, leaves its output whole or not at all
//! with a record of how it was made, and gives the same result on any number of threads.

mod compress;
pub mod dependence;
pub mod expert;
mod export;
mod extract;
mod left_out;
mod matrix;
pub mod merge;
mod partial;
mod peft;
mod progress;
mod provenance;
mod prune;
mod select;
mod source;
mod svd;
mod votes;

pub use compress::{CompressSettings, Deltas, Figures, ModuleFigures, Rescale, compress};
pub use export::{Exported, export};
pub use extract::{Projections, extract};
pub use left_out::LeftOut;
pub use matrix::Matrix;
pub use peft::{Module, Precision, write_adapter};
use progress::Stage;
pub use progress::{Progress, Tell};
pub use provenance::{PROVENANCE, Provenance};
pub use prune::{check_share, prune, threshold};
pub use source::{Aligned, Delta, DeltaSource, PROJECTIONS, align};
pub use svd::{RangeFinder, Truncated, exact, of_factors, randomised, truncated};
pub use votes::{ConstantVotes, write_constant_router};
