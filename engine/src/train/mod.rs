//! Making models: supervised fine-tuning, preference optimisation, reward models.
//!
//! | step | in → out | module |
//! |---|---|---|
//! | job | a [`TrainJob`](crate::types::TrainJob) → a whole run | [`job`] |
//! | data | JSON Lines → texts → tokenised examples | [`data`] |
//! | batch | examples → flat ragged batches, by seed and epoch | [`batch`] |
//! | forward | batch → log-probabilities or scores, and the way back to the variables | [`forward`], `trace`, `tape`, [`ops`] |
//! | loss | log-probabilities → loss | [`mod@sft`], [`mod@reward`], `pair_loss` |
//! | method | examples → a loss, a model, what it leaves | [`mod@dpo`], [`mod@modpo`], [`mod@arm`], [`mod@parm`], [`mod@loramoe`] |
//! | earlier runs | a run that another goes on with, finished or made again | `staged`, of `correct` and [`mod@ric`] |
//! | penalty | adapter and earlier ones → what is added to the loss, with its gradient | [`penalty`] |
//! | step | one thread per share, gradients added, AdamW | `runner`, `descent`, `parallel`, [`optimiser`] |
//! | files | checkpoints, metrics, Hugging Face and PEFT folders | `checkpoint`, [`metrics`], `files` |

pub mod arm;
mod base;
pub mod batch;
pub mod bench;
mod checkpoint;
pub mod config;
mod correct;
pub mod data;
mod descent;
mod diverged;
pub mod dpo;
mod ensemble;
mod files;
mod filter;
pub mod forward;
pub mod grad_check;
pub mod job;
mod layer;
pub mod line_errors;
pub mod loramoe;
pub mod metrics;
mod mixture;
pub mod modpo;
pub mod ops;
pub mod optimiser;
mod out_folder;
mod pair_loss;
mod pair_run;
mod parallel;
pub mod params;
pub mod parm;
pub mod penalty;
pub mod ppo;
pub mod progress;
pub mod reward;
pub mod ric;
mod runner;
pub mod sft;
mod stacked;
mod staged;
mod steered;
mod steering;
mod tape;
#[cfg(test)]
mod tests;
mod trace;

pub use arm::arm;
pub use batch::Example;
pub use config::Start;
pub use dpo::{Pair, PairSet, dpo, dpo_mixed};
pub use files::copy_tokenizer;
pub use job::run_job;
pub use loramoe::loramoe;
pub use modpo::modpo;
pub(crate) use parallel::thread_pool;
pub use parm::{ObjectivePairs, parm};
pub use progress::{Silent, TrainReporter};
pub use reward::reward;
pub use ric::ric;
pub use runner::TrainReport;
pub use sft::{log_likelihood, sft};
pub use steering::{SteeringSettings, SteeringVector, steering_vectors, write_steering};
