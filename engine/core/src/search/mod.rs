//! The best settings by a measurement that costs: few tries, no derivatives, noise.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | space | ranges of settings ↔ a unit cube | `space` |
//! | strategy | points and their values → the next points | `cma`, with `eigen` |
//! | search | a space, a budget, a measurement → every try, in order | `run` |
//!
//! A search is a function of its seed and of what it measures: run again with measurements that are known it asks for the
//! same points, so a log of tries is all that resuming needs.

mod cma;
mod eigen;
mod run;
mod space;

pub use cma::{Cma, CmaState};
pub use run::{Plan, Try, default_population, search};
pub use space::{Axis, Space, Spread};

#[cfg(test)]
mod golden_tests;
