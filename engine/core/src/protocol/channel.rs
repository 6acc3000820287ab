//! The two channels and the waker.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::{EngineCommand, EngineEvent};

/// Commands that may wait; a person cannot type faster than the engine drains them.
pub const COMMAND_CAPACITY: usize = 256;
/// Events that may wait. When a window is slow, tokens and progress are coalesced on the
/// engine's side; results block it rather than be lost.
pub const EVENT_CAPACITY: usize = 1024;

/// Called by the engine after it sent events, so that a sleeping window looks.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A front's end of the two channels.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    /// To the engine.
    pub commands: Sender<EngineCommand>,
    /// From the engine.
    pub events: Receiver<EngineEvent>,
}
