//! Numbers that say how good a front is, and whether answers follow their points. Larger is better in every score.
//!
//! | question | indicator | file |
//! |---|---|---|
//! | on which scale, from where? | [`Anchors`], [`reference_point`] | `anchors`, `reference` |
//! | how much does it cover? | [`Anchors::hypervolume`] | `anchors` |
//! | what must be added to one front to cover another? | [`epsilon_additive`], [`epsilon_ratio`] | `epsilon` |
//! | how much of another does it dominate? | [`coverage`] | `coverage` |
//! | how far is it from a front that is known? | [`igd_plus`] | `distance` |
//! | how evenly is it filled? | [`sparsity`] | `distance` |
//! | what does a person with a preference get? | [`r2`], [`mean_inner_product`] | `utility` |
//! | do scores rise with the shares asked for? | [`spearman`] | `rank` |
//!
//! [`mean_inner_product`] and [`spearman`] alone see whether answers follow the preference; the others see a set of points.

mod anchors;
mod coverage;
mod distance;
mod epsilon;
mod rank;
mod reference;
mod utility;

pub use anchors::{Anchors, normalised_hypervolume};
pub use coverage::coverage;
pub use distance::{igd_plus, sparsity};
pub use epsilon::{epsilon_additive, epsilon_ratio};
pub use rank::spearman;
pub use reference::reference_point;
pub use utility::{mean_inner_product, r2};

#[cfg(test)]
mod golden_tests;
