//! Hostile input for the readers of files that others may hand the engine: each is read, or refused in words; never a
//! panic, never a hang.
//!
//! A [`Target`] is a function of bytes with inputs to begin from. `tests/seconds.rs` changes those by a seeded
//! [`mutate::Mutator`] for a few seconds on a stable toolchain; the programs in `fuzz_targets/` give the same
//! functions to libFuzzer, for hours by hand:
//!
//! ```sh
//! cargo run -p paretoscope-fuzz --bin hostile -- seeds             # engine/fuzz/corpus/NAME/
//! cd engine && cargo fuzz run pickle --features libfuzzer          # cargo-fuzz and a nightly toolchain
//! cargo run -p paretoscope-fuzz --bin hostile -- run pickle FILE   # what one input does
//! cargo run --release -p paretoscope-fuzz --bin hostile -- spend pickle 1000000
//! ```
#![warn(missing_docs)]
#![allow(
    clippy::expect_used,
    reason = "a seed that cannot be made should stop at once"
)]

pub mod mutate;
mod seeds;
pub mod target;

/// A reader, and what it is given to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, as in `fuzz_targets/`.
    pub name: &'static str,
    /// Reads an input. Whatever the bytes are, it comes back; `true` where nothing of it was refused.
    pub read: fn(&[u8]) -> bool,
    /// Inputs of which it refuses nothing.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "adapter",
        read: target::adapter,
        seeds: seeds::adapter,
    },
    Target {
        name: "archive",
        read: target::archive,
        seeds: seeds::archive,
    },
    Target {
        name: "bundle",
        read: target::bundle,
        seeds: seeds::bundle,
    },
    Target {
        name: "config",
        read: target::config,
        seeds: seeds::config,
    },
    Target {
        name: "data",
        read: target::data,
        seeds: seeds::data,
    },
    Target {
        name: "gguf",
        read: target::gguf,
        seeds: seeds::gguf,
    },
    Target {
        name: "job",
        read: target::job,
        seeds: seeds::job,
    },
    Target {
        name: "pickle",
        read: target::pickle,
        seeds: seeds::pickle,
    },
    Target {
        name: "points",
        read: target::points,
        seeds: seeds::points,
    },
    Target {
        name: "prompts",
        read: target::prompts,
        seeds: seeds::prompts,
    },
    Target {
        name: "recipe",
        read: target::recipe,
        seeds: seeds::recipe,
    },
    Target {
        name: "router",
        read: target::router,
        seeds: seeds::router,
    },
    Target {
        name: "safetensors",
        read: target::safetensors,
        seeds: seeds::safetensors,
    },
    Target {
        name: "study",
        read: target::study,
        seeds: seeds::study,
    },
    Target {
        name: "template",
        read: target::template,
        seeds: seeds::template,
    },
    Target {
        name: "tokenizer",
        read: target::tokenizer,
        seeds: seeds::tokenizer,
    },
    Target {
        name: "votes",
        read: target::votes,
        seeds: seeds::votes,
    },
];

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
