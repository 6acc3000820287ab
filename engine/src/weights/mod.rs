//! Files on disk → numbers: checkpoints in safetensors, PEFT adapters, router experts.

mod adapter;
mod checkpoint;
mod experts_folder;
#[cfg(test)]
mod foreign_tests;
mod from_gguf;
mod fused;
pub mod gguf;
mod json;
mod lora_fields;
mod lora_folder;
mod names;
mod parm_folder;
mod patterns;
mod pickle;
mod router;
mod settings;

pub use adapter::{Adapter, LoraFactor};
pub use checkpoint::{Checkpoint, Digest, UPCAST_FROM, file_digest};
pub use experts_folder::{ExpertPart, ExpertsFolder};
pub use json::{fields_of, from_value, parse_json, parse_toml, read_json};
pub use lora_folder::{Dora, LoraFolder, LoraModule};
pub use parm_folder::{ParmFolder, ParmPart};
pub use router::{RouterExpert, RouterSite};
pub use settings::{SETTINGS, settings_digest};
