//! The engine's thread: the only owner of a model, and the only holder of channel ends.
//!
//! [`spawn`] starts it and hands back an [`EngineHandle`](crate::protocol::EngineHandle). It works in
//! steps: take the commands that wait, move rows by one token, report. Interactive rows go before a
//! sweep's, so a drag during a sweep answers at once. What has no steps (loading, planning a sweep, looking up stored
//! rows, reading files) runs on
//! threads of its own.

mod aside;
mod compare;
mod heard;
mod held;
mod learning;
mod loading;
mod options;
mod owner;
mod planning;
mod recalls;
mod report;
mod retraces;
mod runs;
mod spawn;
mod sweeps;
mod thread;
mod training;
mod worker;

pub use options::EngineOptions;
pub use runs::{read_job, run_noted, training_run, training_runs, training_steps};
pub use spawn::spawn;
pub use training::bundle_with;
