//! Sweeps: the points to visit, the name of each row, the summary per point.

mod held;
mod key;
mod runner;

pub use held::held;
pub use key::{row_key, row_seed};
pub use paretoscope_core::points::{MAX_ROWS, parse_grid, points};
pub use runner::{SweepScheduler, stored_rows, unplanned};
pub use paretoscope_core::pareto::{front_flags, point_line, summarise};
