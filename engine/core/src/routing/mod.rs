//! From a point to the gates of a row.
//!
//! [`Complex`] cuts the simplex of preferences into cells whose corners are experts and mixes the
//! corners of the cell that encloses a preference; [`nearest`] is the paper's literal rule, kept
//! beside it for comparison. [`Plan`] turns either kind of [`Point`](crate::types::Point) into
//! [`RowGates`](crate::types::RowGates).

mod complex;
mod nearest;
mod plan;
mod project;
mod solve;

pub use complex::{Complex, Enclosing, Routing};
pub use nearest::{Nearest, nearest};
pub use plan::{NO_EXPERTS, Plan};
