//! Paretoscope's engine: a mixture of LoRA experts in which every row carries its own gates.
//!
//! The way of the data, one module per step:
//!
//! | step | in → out | module |
//! |---|---|---|
//! | point | a place on the simplex or in the box | [`types`] |
//! | text | strings ↔ token ids | [`text`] |
//! | routing | preference → enclosing experts → gates | [`routing`] |
//! | rewards | prompt + answer → scores | [`reward`] |
//! | rewards' archive | scores → front, hypervolume | [`pareto`] |
//! | store | every finished row, durable | [`store`] |
//! | experts without training | task vectors → adapters, merges | [`forge`] |
//! | recipes | fine-tunes, adapters or preference data → a whole bundle | [`recipe`] |
//! | messages | commands in, events out | [`protocol`] |
//!
//! Where it computes, and what happens where a GPU is not to be had: [`device`].
#![warn(missing_docs)]

pub mod bundle;
pub mod device;
mod digest;
mod error;
pub mod files;
pub mod forge;
pub mod generate;
mod lock;
pub mod mixture;
pub mod model;
pub mod output;
pub mod recipe;
pub mod reward;
pub mod runtime;
pub mod stage;
pub mod store;
pub mod sweep;
pub mod text;
pub mod train;
pub mod weights;

pub use paretoscope_core::{pareto, protocol, routing, types};

pub use error::{Divergence, Error, Result};
