//! The base model: a Llama-family decoder whose linear modules are mixtures.

mod beside;
mod cache;
mod config;
mod decoder;
mod left_out;
mod llama;
mod load;
mod rope;
mod tensor;

pub use beside::{RowSide, Shift, SideExperts};
pub use cache::RowCache;
pub use config::{LlamaConfig, check_size};
pub use decoder::Decoder;
pub use left_out::in_words;
pub use llama::{Llama, StepRow, Wanted};
pub use load::LoadProgress;
pub use rope::RopeScaling;
pub use tensor::{TensorLlama, TensorSide};
