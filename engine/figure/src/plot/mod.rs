//! The plots: plain data in, a [`Figure`](crate::Figure) out.
//!
//! | plot | drawn from |
//! |---|---|
//! | scores against scores, one or several methods | [`Front`] |
//! | best, median and worst of several seeds | [`Attainment`] |
//! | one objective over the preferences | [`Field`] |
//! | an answer coloured by its experts, and its matrix of gates | [`Gates`] |
//! | adapters against adapters | [`Interference`] |
//! | a training run | [`Curves`] |

mod attainment;
mod axes;
mod common;
mod curves;
mod field;
mod front;
mod gates;
mod interference;
mod pairs;
mod sheet;
mod stairs;
mod surface;

pub use attainment::{Attainment, Attempts, Over};
pub use common::{Objective, Prompts};
pub use curves::{Curve, Curves, Panel};
pub use field::{Field, Sample};
pub use front::{Dot, Front, Landmark, LandmarkKind, Seed, Series, Standing};
pub use gates::{Expert, Gates, Token};
pub use interference::Interference;
