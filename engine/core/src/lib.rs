//! What the window and the engine say to each other, and the exact arithmetic that both do: no tensors, no window.
//!
//! | step | in → out | module |
//! |---|---|---|
//! | point | a place on the simplex or in the box | [`types`] |
//! | points | a grid, a list, a named set → the points of a sweep | [`points`] |
//! | routing | point → enclosing experts → gates | [`routing`] |
//! | study | everything that lasts, in one file | [`study`] |
//! | front | points + scores → front, hypervolume, uncertainty | [`pareto`] |
//! | statistics | scores and votes → differences, agreement, strengths, with their intervals | [`stats`] |
//! | evidence | a protocol, scores of many trained models → choices on validation, contrasts on test, in words | [`evidence`] |
//! | annotation | answers → items, queues, blind views, ballots | [`annotate`] |
//! | messages | commands in, events out | [`protocol`] |
//! | output | bytes → files and folders that appear whole or not at all | [`output`] |
#![warn(missing_docs)]

pub mod annotate;
mod error;
pub mod evidence;
mod lines;
mod numbers;
pub mod output;
pub mod pareto;
pub mod points;
mod problem;
pub mod protocol;
pub mod routing;
pub mod stats;
pub mod study;
pub mod types;

pub use error::{Error, Result};
pub use lines::LineProblem;
pub use problem::{Bounds, Problem, nearest};
