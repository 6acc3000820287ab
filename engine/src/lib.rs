//! Paretoscope's engine: a mixture of LoRA experts in which every row carries its own gates.
//!
//! The way of the data, one module per step; what needs no tensors ([`types`], [`protocol`], [`routing`], [`pareto`], [`study`])
//! stands in `paretoscope-core`:
//!
//! | step | in → out | module |
//! |---|---|---|
//! | point | a place on the simplex or in the box | [`types`] |
//! | messages | commands in, events out | [`protocol`] |
//! | hub | `org/name` → the model's files in the local cache, or what brings them | [`hub`] |
//! | bundle | a folder → model, experts, routers, reward models | [`bundle`] |
//! | text | strings ↔ token ids | [`text`] |
//! | routing | preference → enclosing experts → gates | [`routing`] |
//! | method | prompt + point → the streams of a row, and how their logits are mixed | [`method`] |
//! | rows | prompt + gates → tokens, text, the gates really applied | [`generate`] |
//! | forward | rows of different gates → logits, in one batch | [`model`], [`mixture`], on [`kernels`] |
//! | rewards | prompt + answer → scores | [`reward`] |
//! | sweep | points × prompts → rows, scored and summed up | [`sweep`] |
//! | study | every finished row, durable; scores beside it | [`study`] |
//! | front | scores of points → front, hypervolume, how sure each member is | [`pareto`] |
//! | thread | owns a model; moves rows by one token, answers commands | [`runtime`] |
//!
//! How bundles are made:
//!
//! | step | in → out | module |
//! |---|---|---|
//! | weights | checkpoints and adapters on disk ↔ tensors | [`weights`] |
//! | training | data → fine-tunes, value vectors, routers, reward models | [`train`] |
//! | experts without training | task vectors → adapters, merges | [`forge`] |
//! | learning | votes → pairs → a value vector, measured before and after | [`learn`] |
//! | search | settings of a merge or an expert → tries measured on validation prompts → the best | [`search`] |
//! | evidence | bundles → every method as an arm, chosen on validation, read once on test | [`evidence`] |
//! | recipes | fine-tunes, adapters or preference data → a whole bundle | [`recipe`] |
//!
//! Beneath them: one exponential and one inner loop of products ([`kernels`]); where it computes, and what happens where a GPU is not to be had ([`device`]); files and folders that
//! appear whole or not at all ([`files`], [`output`], [`stage`]).
#![warn(missing_docs)]

pub mod bundle;
pub mod device;
pub mod digest;
mod error;
pub mod evidence;
pub mod files;
pub mod forge;
pub mod generate;
pub mod hub;
pub mod kernels;
pub mod learn;
mod lock;
pub mod memory;
pub mod method;
pub mod mixture;
pub mod model;
pub mod output;
pub mod recipe;
pub mod reward;
pub mod runtime;
pub mod search;
pub mod stage;
pub mod sweep;
pub mod text;
pub mod train;
pub mod weights;

pub use paretoscope_core::search as proposals;
pub use paretoscope_core::{annotate, pareto, protocol, routing, rules, stats, study, types};

pub use error::{Divergence, Error, Result};
pub use paretoscope_core::{Bounds, Problem};
