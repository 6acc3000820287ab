//! Sweeps: the points to visit, the name of each row, the summary per point.

mod held;
mod key;
mod list;
mod runner;
mod summary;

pub use held::held;
pub use key::{row_key, row_seed};
pub use list::Listed;
pub use paretoscope_core::points::{MAX_ROWS, named_points, parse_grid, points};
pub use runner::{SweepScheduler, stored_rows};
pub use summary::{front_flags, point_line, summarise};
