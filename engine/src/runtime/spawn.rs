//! Starting the thread, and what becomes of a panic in it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::bounded;

use super::report::Reporter;
use super::worker::Worker;
use crate::device::{DeviceChoice, Precision};
use crate::protocol::{COMMAND_CAPACITY, EVENT_CAPACITY, EngineEvent, EngineHandle, Waker};
use crate::{Error, Result};

/// How the engine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Where to compute; the CPU where that is not to be had.
    pub device: DeviceChoice,
    /// Type of the weights in memory.
    pub dtype: Precision,
    /// Rows of a sweep that run together.
    pub slots: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            dtype: Precision::Auto,
            slots: 32,
        }
    }
}

/// What a panic said.
pub(super) fn panic_words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned())
}

/// Starts the engine's thread. Its first event is [`EngineEvent::Ready`]; a panic inside becomes
/// [`EngineEvent::Stopped`], so the window stays.
pub fn spawn(options: EngineOptions, waker: Waker) -> Result<EngineHandle> {
    let (command_sender, commands) = bounded(COMMAND_CAPACITY);
    let (event_sender, events) = bounded(EVENT_CAPACITY);
    let run = move || {
        let last_words = (event_sender.clone(), waker.clone());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut worker = Worker::new(&options, commands, Reporter::new(event_sender, waker));
            // An error here means that nobody listens any more: the thread ends in silence.
            worker.run().is_ok()
        }));
        let panic = outcome.err().map(|payload| panic_words(payload.as_ref()));
        if last_words.0.send(EngineEvent::Stopped { panic }).is_ok() {
            (last_words.1)();
        }
    };
    std::thread::Builder::new()
        .name("engine".to_owned())
        .spawn(run)
        .map_err(|source| Error::Io {
            action: "start the engine's thread in",
            path: std::path::PathBuf::from("this process"),
            source,
        })?;
    Ok(EngineHandle {
        commands: command_sender,
        events,
    })
}
