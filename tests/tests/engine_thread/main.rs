//! The engine's thread through its two channels, as the window uses it: what fails leaves the rest as it was.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

mod asked;
mod beside;
mod routing;
mod rows;
mod sweeps;
