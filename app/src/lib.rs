//! The window of Paretoscope: drag a point, watch the answer change, sweep, compare.
//!
//! One way through, one module per step:
//!
//! | step | what | module |
//! |---|---|---|
//! | intent | everything a person can do is one [`command::AppCommand`] | [`command`] |
//! | change | the one writer of state: commands and engine events in, effects out | [`apply`] |
//! | state | small plain structs | [`state`] |
//! | engine | the only file that talks to the engine | [`bridge`] |
//! | judge | the only file that talks to what asks models for votes; no other part of the program reaches a network | [`judge`] |
//! | export | figures, tables, the report: made and written on a thread of their own | [`export`] |
//! | study | what lasts: the file on a thread of its own | [`study`] |
//! | look | one file per panel; they read state and queue commands | [`view`] |
//! | plots | what the Pareto plot computes and draws, without its panel | [`plot`] |
//! | shaders | the heatmap's shader, its uniforms and its plain reference | [`gpu`] |
//! | colour | the only literal colours | [`theme`] |

pub mod app;
pub mod apply;
pub mod bridge;
pub mod command;
pub mod export;
pub mod gpu;
pub mod judge;
pub mod keeper;
pub mod keys;
pub mod locate;
pub mod plot;
pub mod registry;
pub mod start_clock;
pub mod state;
pub mod study;
pub mod tasks;
pub mod theme;
pub mod view;
pub mod widgets;
pub mod window;
