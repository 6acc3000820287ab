//! The contract between a window and an engine, held by both engines: the real one on the demonstration bundle, and the
//! scripted one that the window's tests play. The same commands go to both; what they say must be of the same kinds, in
//! the same order, with the same fields filled, and consistent in itself.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

#[path = "../../../app/tests/scripted/mod.rs"]
mod scripted;

mod answers;
mod check;
mod side;
mod sweeps;
mod training;
