//! Starting the engine's thread, and its last words.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::bounded;

use super::options::EngineOptions;
use super::report::Reporter;
use super::thread::{self, panic_words};
use super::worker::Worker;
use crate::Result;
use crate::protocol::{COMMAND_CAPACITY, EVENT_CAPACITY, EngineEvent, EngineHandle, Waker};

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
    thread::start("engine", run)?;
    Ok(EngineHandle {
        commands: command_sender,
        events,
    })
}
