//! What crosses the thread between a window (or any other front) and the engine.
//!
//! Commands go in, events come out, both plain data over bounded channels. A [`JobId`] stands on
//! all that belongs to one job, so that late news of a stopped job can be told from a new one's.

mod channel;
mod command;
mod event;
mod job;
mod judge;

pub use channel::{COMMAND_CAPACITY, EVENT_CAPACITY, EngineHandle, Waker};
pub use command::{EngineCommand, SweepGrid, SweepPlan};
pub use event::{EngineEvent, Held, LoadStage, SweepPhase, SweepProgress, TokenNews};
pub use job::{JobId, JobIds};
pub use judge::{JudgeCommand, JudgeEnd, JudgeHandle, JudgeNews};

pub use crate::types::{Trouble, TroubleKind};
