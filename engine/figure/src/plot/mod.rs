//! The plots: plain data in, a [`Figure`](crate::Figure) out.

mod axes;
mod common;
mod field;
mod front;
mod sheet;
mod stairs;

pub use common::{Objective, Prompts};
pub use field::{Field, Sample};
pub use front::{Dot, Front, Landmark, LandmarkKind, Seed, Series, Standing};
