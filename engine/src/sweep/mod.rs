//! Sweeps: the points to visit, the name of each row, the summary per point.

mod best;
mod held;
mod list;
mod progress;
mod rows;
mod runner;
mod scoring;
mod seed;
mod shares;
mod whole;

pub use best::{Chosen, best_of_n};
pub use held::{held, runnable};
pub use list::Listed;
pub use paretoscope_core::pareto::{front_flags, point_line, summarise};
pub use paretoscope_core::points::{MAX_ROWS, named_points, parse_grid, points};
pub use progress::unplanned;
pub use rows::stored_rows;
pub use runner::SweepScheduler;
pub use seed::row_seed;
pub use whole::sweep_whole;
