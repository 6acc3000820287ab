//! Recipes: Algorithm 1 of HoE and of MVA as one file, from a base and fine-tunes, adapters or preference
//! data to a bundle that the window opens.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | read | TOML → what is asked for | [`mod@file`], [`settings`] |
//! | plan | defaults of the paper, places, names → all steps, or what is wrong with which field | `plan` |
//! | make | step by step, each skipped where nothing changed | `build`, `steps` |
//! | place | the bundle so far, swept → where the next expert is needed most | [`place`], `measure` |
//! | assemble | adapters and routers → the bundle's folder | `assemble` |
//!
//! A build is killed at any moment and goes on: steps that are finished are kept in its working folder
//! ([`crate::stage`]), the others resume from what they keep themselves.

mod assemble;
mod build;
pub mod file;
mod measure;
pub mod place;
mod plan;
mod progress;
pub mod settings;
mod steps;

pub use build::{BuildOptions, build};
pub use file::Recipe;
pub use progress::{BuildProgress, BuildReporter};
