//! Learning from votes on a thread of its own, so that rows go on meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::report::Reporter;
use super::thread::{self, guarded};
use crate::bundle::LoadOptions;
use crate::device::DeviceChoice;
use crate::learn::{LearnListener, learn};
use crate::protocol::{EngineEvent, JobId, Trouble};
use crate::types::{LearnNews, LearnPlan};
use crate::{Error, Result};

/// A plan under way. Dropped, it ends where it can go on.
#[derive(Debug)]
pub(super) struct Learning {
    pub(super) job: JobId,
    stop: Arc<AtomicBool>,
    /// Set before the end is told, so that whoever hears of it may start the next one at once.
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Learning {
    /// Starts a plan, or goes on with what its folder holds; its news come through `reporter`.
    pub(super) fn start(
        plan: Arc<LearnPlan>,
        job: JobId,
        device: DeviceChoice,
        options: LoadOptions,
        reporter: Reporter,
    ) -> Result<Self> {
        let mut plan = plan.as_ref().clone();
        plan.config.train.run.device = device;
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let mut ear = Ear {
            job,
            reporter,
            stop: Arc::clone(&stop),
        };
        let run = move || {
            let outcome = guarded("learning from votes", || learn(&plan, &options, &mut ear));
            ended.store(true, Ordering::Release);
            ear.news(match outcome {
                Ok(effect) => LearnNews::Learnt(Box::new(effect)),
                Err(Error::Cancelled) => LearnNews::Cancelled,
                Err(error) => LearnNews::Failed(Trouble::from(&error)),
            });
        };
        let thread = thread::start("learn", run)?;
        Ok(Self {
            job,
            stop,
            over,
            thread: Some(thread),
        })
    }

    /// Asks it to end where it can go on; it says when it has.
    pub(super) fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it ended.
    pub(super) fn is_over(&self) -> bool {
        let finished = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        finished || self.over.load(Ordering::Acquire)
    }

    /// Cancels it and waits for what it keeps.
    pub(super) fn end(mut self) {
        self.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("learning from votes ended in a panic");
        }
    }
}

impl Drop for Learning {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Passes on what is new.
struct Ear {
    job: JobId,
    reporter: Reporter,
    stop: Arc<AtomicBool>,
}

impl LearnListener for Ear {
    fn news(&mut self, news: LearnNews) {
        let event = EngineEvent::Learning {
            job: self.job,
            news,
        };
        if self.reporter.result(event).is_err() {
            // Nobody listens any more: what is kept so far is what remains.
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
