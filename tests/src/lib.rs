//! What whole-path tests share: a tiny bundle written by code, and the engine's program.
#![warn(missing_docs)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up should stop at once"
)]

mod alike;
mod bundle;
mod front;
mod gguf;
mod program;
mod tokenizer;
pub mod uses;
mod weights;

pub use alike::assert_alike;
pub use bundle::{Fixture, OBJECTIVES};
pub use front::Front;
pub use gguf::{Field, GgufTensor, by_pairs, gguf, write_gguf};
pub use program::{Outcome, engine, program};
pub use tokenizer::{CONTROL, byte_level, id_of};
pub use weights::{Tensors, read_tensors, write_tensors};
