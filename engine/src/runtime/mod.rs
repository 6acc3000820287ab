//! The engine's thread: the only owner of a model, and the only holder of channel ends.
//!
//! [`spawn`] starts it and hands back an [`EngineHandle`](crate::protocol::EngineHandle). It works in
//! steps: take the commands that wait, move rows by one token, report. Interactive rows go before a
//! sweep's, so a drag during a sweep answers at once.

mod compare;
mod report;
mod spawn;
mod sweeps;
mod worker;

pub use spawn::{EngineOptions, spawn};
