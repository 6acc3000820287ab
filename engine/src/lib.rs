//! Paretoscope's engine: a mixture of LoRA experts in which every row carries its own gates.
//!
//! The way of the data, one module per step:
//!
//! | step | in → out | module |
//! |---|---|---|
//! | point | a place on the simplex or in the box | [`types`] |
//! | routing | preference → enclosing experts → gates | [`routing`] |
//! | rewards' archive | scores → front, hypervolume | [`pareto`] |
//! | store | every finished row, durable | [`store`] |
//! | messages | commands in, events out | [`protocol`] |
#![warn(missing_docs)]

pub mod demo;
mod error;
pub mod protocol;
pub mod train;
pub mod types;

pub use error::{Error, Result};
