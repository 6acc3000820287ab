//! Rows: continuous batching over preallocated slots.
//!
//! A [`Generator`] holds a fixed number of slots. Every step takes the next tokens of all rows
//! through the model at once, whatever their prompts, positions and mixtures; a row that ends frees
//! its slot for the next. Nothing is padded, and a row's tokens do not depend on its company.

mod choice;
mod drive;
mod generator;
mod guided;
mod key;
mod retrace;
mod row;
mod sampler;
mod stream;

pub(crate) use choice::{chosen, deviations, drawn_seed};
pub use drive::{RowSource, generate, generate_all};
pub use generator::{Generator, PREFILL_CHUNK};
pub use key::key;
pub use retrace::{Retrace, retrace};
pub use row::{RowNews, RowTag};
pub use sampler::Sampler;
