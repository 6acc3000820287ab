//! The loop: votes → pairs → a value vector → the same points measured on test prompts, before and after.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | pairs | a task's votes on training prompts → lines that DPO trains on | `data` |
//! | train | the lines → an adapter, by a run of the one training vocabulary | `train` |
//! | measure | the bundle without and with it → two sweeps of the study | `measure` |
//! | compare | the sweeps → arrows with paired intervals | `run` |
//!
//! All is kept as it comes: killed at any moment, the same plan goes on. Nothing is trained on a prompt of the test part,
//! and nothing is measured on a prompt that was trained on.

mod data;
mod measure;
mod run;
mod train;

pub use run::{LearnListener, learn};
