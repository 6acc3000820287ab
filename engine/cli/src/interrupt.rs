//! Ctrl-C and SIGTERM: the first asks a long command to stop where it can go on later, the second ends it
//! at once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use paretoscope_engine::{Error, Result};
use signal_hook::SigId;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::unregister;

/// What a shell says of a program that Ctrl-C ended.
const ENDED: i32 = 130;

/// Listens as long as one of its clones lives. Before and after that, both signals end the program as
/// they do any other.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<Handlers>);

#[derive(Debug)]
struct Handlers {
    asked: Arc<AtomicBool>,
    registered: Vec<SigId>,
}

impl Interrupt {
    /// Begins to listen.
    pub(crate) fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let mut registered = Vec::new();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset and sets it.
            let handlers = [
                flag::register_conditional_shutdown(signal, ENDED, Arc::clone(&asked)),
                flag::register(signal, Arc::clone(&asked)),
            ];
            for handler in handlers {
                match handler {
                    Ok(id) => registered.push(id),
                    Err(error) => tracing::warn!(%error, signal, "not caught"),
                }
            }
        }
        Self(Arc::new(Handlers { asked, registered }))
    }

    /// Whether somebody asked to stop.
    pub(crate) fn asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// [`Error::Cancelled`] once somebody asked to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.asked() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Whether draws go on.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        if self.asked() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for id in &self.registered {
            unregister(*id);
        }
    }
}
