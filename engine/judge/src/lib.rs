//! A model behind an OpenAI-compatible endpoint as an annotator of a study's tasks.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | where | an address → what is called, or why it cannot be | `endpoint` |
//! | preview | what would be sent where, before anything is | `preview` |
//! | ask | a prompt, two answers, an objective → a request's body | `ask` |
//! | call | a body → a reply; what passes is told from what does not | `client` |
//! | hear | what came back → its text, or what is wrong | `reply` |
//! | read | a reply's text → the better side | `verdict` |
//! | run | items without a verdict → votes, with retries, pauses, costs | `run`, `pace`, `cost` |
//!
//! Nothing is sent anywhere but by [`judge`]; whoever calls it has shown a person the [`Preview`] first. Without threads and
//! without async: one request at a time.
#![warn(missing_docs)]

mod ask;
mod client;
mod cost;
mod endpoint;
mod error;
mod pace;
mod preview;
mod reply;
mod run;
mod verdict;

pub use ask::INSTRUCTIONS;
pub use client::Key;
pub use cost::{Prices, Spent};
pub use endpoint::Endpoint;
pub use error::{Error, Result};
pub use pace::Limits;
pub use preview::{Preview, preview};
pub use run::{JudgePlan, JudgeProgress, Listener, judge};
