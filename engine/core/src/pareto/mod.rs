//! What counts as good: dominance, the archive of a sweep, the volume under a front, what else says how good it is.
//!
//! Larger is better in every objective. Points with equal scores do not dominate each other, so
//! duplicates are on the front together. A point with a score that is NaN, infinite or missing is
//! kept apart: it neither dominates nor is dominated.

mod archive;
mod dominance;
mod halves;
mod hypervolume;
mod indicators;
mod membership;
mod stairs;
mod subset;
mod summary;

pub use archive::{Archive, Change};
pub use dominance::{dominates, front};
pub use hypervolume::{Volume, hypervolume, measure};
pub use indicators::{
    Anchors, coverage, epsilon_additive, epsilon_ratio, igd_plus, mean_inner_product,
    normalised_hypervolume, r2, reference_point, sparsity, spearman,
};
pub use membership::{EstimateArchive, uncertain_membership};
pub use subset::by_gain;
pub use summary::{front_flags, point_line, summarise};
