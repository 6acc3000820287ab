//! A model behind an OpenAI-compatible endpoint as an annotator of a study's tasks.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | preview | what would be sent where, before anything is | `preview` |
//! | ask | a prompt, two answers, an objective → a request's body | `ask` |
//! | call | a body → a reply; what passes is told from what does not | `client` |
//! | hear | what came back → its text, or what is wrong | `reply` |
//! | read | a reply's text → the better side | `verdict` |
//! | run | items without a verdict → votes, with retries, pauses, costs | `run`, `pace`, `cost` |
//! | thread | a window's commands → previews and runs; what comes of them, as news | `thread` |
//!
//! Nothing is sent anywhere but by [`judge`]; whoever calls it has shown a person the [`JudgePreview`] first, and the thread
//! holds it to that. Without async: one request at a time.
#![warn(missing_docs)]

mod ask;
mod client;
mod cost;
mod error;
mod pace;
mod preview;
mod reply;
mod run;
mod thread;
mod verdict;

pub use error::{Error, Result};
pub use paretoscope_core::types::{
    Endpoint, JUDGE_INSTRUCTIONS, JudgeLimits, JudgePlan, JudgePreview, JudgeProgress, Prices,
};
pub use preview::preview;
pub use run::{Listener, judge};
pub use thread::spawn;
