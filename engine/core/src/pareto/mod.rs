//! What counts as good: dominance, the archive of a sweep, the volume under a front.
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
mod summary;

pub use archive::{Archive, Change};
pub use dominance::{dominates, front};
pub use hypervolume::{Volume, hypervolume, measure};
pub use indicators::{coverage, mean_inner_product, reference_point, spearman};
pub use membership::{EstimateArchive, uncertain_membership};
pub use summary::{front_flags, point_line, summarise};
