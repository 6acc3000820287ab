//! The base model: a decoder of Llama's kind whose linear modules are mixtures. Families differ in fields ([`Variant`])
//! that every path of the forward reads; nothing is written twice for one of them.

mod beside;
mod cache;
mod config;
mod decoder;
mod family;
#[cfg(test)]
mod family_tests;
mod gguf;
mod layers;
mod left_out;
mod llama;
mod load;
mod rope;
mod tensor;
mod variant;

pub use beside::{RowSide, Shift, SideExperts};
pub use cache::RowCache;
pub use config::{LlamaConfig, causal_part, check_size};
pub use decoder::Decoder;
pub use family::reads;
pub use left_out::in_words;
pub use llama::{Llama, StepRow, Wanted};
pub use load::LoadProgress;
pub use rope::{Frequencies, RopeScaling};
pub use tensor::{TensorLlama, TensorSide};
pub use variant::{Activation, LayerKind, LayerRope, NormPlaces, Norms, QueryKeyNorm, Variant};
