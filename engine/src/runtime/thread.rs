//! Threads with names, and what becomes of a panic in one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use crate::{Error, Result};

/// What is read on a thread may be read by recursion: as deep as on the main thread.
const STACK: usize = 8 << 20;

/// Starts a thread; `name` is what debuggers and the log call it.
pub(super) fn start(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>> {
    Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|source| Error::Thread { name, source })
}

/// Does `work`; a panic inside (a library's, on somebody's file) becomes an error that says what was under way.
pub(super) fn guarded<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        Err(Error::Panicked {
            what: what.to_owned(),
            message: panic_words(payload.as_ref()),
        })
    })
}

/// What a panic said.
pub(super) fn panic_words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned())
}
