//! The base model: a Llama-family decoder whose linear modules are mixtures.

mod cache;
mod config;
pub mod kernels;
mod llama;
mod load;
mod rope;

pub use cache::RowCache;
pub use config::LlamaConfig;
pub use llama::{Llama, StepRow, Wanted};
pub use load::LoadProgress;
pub use rope::RopeScaling;
