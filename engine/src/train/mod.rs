//! Making models: supervised fine-tuning, preference optimisation, reward models.
//!
//! | step | in → out | module |
//! |---|---|---|
//! | job | files and settings → a whole run | [`job`] |
//! | data | JSON Lines → texts → tokenised examples | [`data`] |
//! | batch | examples → flat ragged batches, by seed and epoch | [`batch`] |
//! | forward | batch → log-probabilities or scores, differentiable | [`forward`], [`ops`] |
//! | loss | log-probabilities → loss | [`mod@sft`], [`mod@dpo`], [`mod@reward`] |
//! | step | one thread per share, gradients added, AdamW | `runner`, `parallel`, [`optimiser`] |
//! | files | checkpoints, metrics, Hugging Face and PEFT folders | `checkpoint`, [`metrics`], `files` |

mod base;
pub mod batch;
pub mod bench;
mod checkpoint;
pub mod config;
pub mod data;
pub mod dpo;
mod files;
pub mod forward;
pub mod grad_check;
pub mod job;
pub mod metrics;
pub mod ops;
pub mod optimiser;
mod parallel;
pub mod params;
pub mod progress;
pub mod reward;
mod runner;
pub mod sft;
pub mod shape;
#[cfg(test)]
mod tests;

pub use batch::Example;
pub use config::{
    DpoConfig, LoraConfig, Method, OptimiserConfig, RewardConfig, SftConfig, Start, TrainConfig,
};
pub use dpo::{Pair, dpo};
pub use files::copy_tokenizer;
pub use job::{DpoJob, RewardJob, SftJob, TrainJob};
pub use metrics::StepReport;
pub use progress::{Silent, TrainReporter};
pub use reward::reward;
pub use runner::TrainReport;
pub use sft::{log_likelihood, sft};
pub use shape::LlamaShape;
