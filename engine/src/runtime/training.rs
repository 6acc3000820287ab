//! Training on a thread of its own, so that rows go on meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::report::Reporter;
use super::runs::{ended_as, run_noted};
use super::thread::{self};
use crate::bundle::{Addition, Manifest, extend, extended};
use crate::device::DeviceChoice;
use crate::protocol::{EngineEvent, JobId};
use crate::train::TrainReporter;
use crate::types::{TrainJob, TrainNews, TrainStep};
use crate::{Error, Result};

/// A run under way. Dropped, it writes a checkpoint and ends.
#[derive(Debug)]
pub(super) struct Training {
    pub(super) job: JobId,
    stop: Arc<AtomicBool>,
    /// Set before the end is told, so that whoever hears of it may start the next run at once.
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Training {
    /// Starts a run, or goes on with what its folder holds; its news come through `reporter`.
    pub(super) fn start(
        mut plan: TrainJob,
        job: JobId,
        device: DeviceChoice,
        reporter: Reporter,
    ) -> Result<Self> {
        plan.task.run_mut().device = device;
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let mut listener = Listener {
            job,
            reporter,
            stop: Arc::clone(&stop),
        };
        let run = move || {
            let end = ended_as(&run_noted(&plan, &mut listener));
            ended.store(true, Ordering::Release);
            listener.tell(TrainNews::Ended(end));
        };
        let thread = thread::start("train", run)?;
        Ok(Self {
            job,
            stop,
            over,
            thread: Some(thread),
        })
    }

    /// Asks it to write a checkpoint and end; it says when it has.
    pub(super) fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it ended.
    pub(super) fn is_over(&self) -> bool {
        let finished = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        finished || self.over.load(Ordering::Acquire)
    }

    /// Cancels it and waits for its checkpoint.
    pub(super) fn end(mut self) {
        self.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("training ended in a panic");
        }
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Passes on what a trainer says.
struct Listener {
    job: JobId,
    reporter: Reporter,
    stop: Arc<AtomicBool>,
}

impl Listener {
    fn tell(&mut self, news: TrainNews) {
        let event = EngineEvent::Training {
            job: self.job,
            news,
        };
        if self.reporter.result(event).is_err() {
            // Nobody listens any more: a checkpoint is what remains to be done.
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl TrainReporter for Listener {
    fn step(&mut self, report: &TrainStep) {
        self.tell(TrainNews::Step(report.clone()));
    }

    fn saved(&mut self, step: usize, _checkpoint: &Path) {
        self.tell(TrainNews::Saved { step });
    }

    fn preparing(&mut self, what: &'static str, done: usize, total: usize) {
        self.tell(TrainNews::Preparing {
            what: what.to_owned(),
            done,
            total,
        });
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Makes a bundle that has a run's result as well, in `bundle/` of the run's folder, and says where it is.
/// It is the bundle `onto` with one part more where that has the run's base model, else the run's own.
pub fn bundle_with(job: &TrainJob, onto: &Path) -> Result<PathBuf> {
    let Some(joins) = &job.joins else {
        let problem = format!(
            "of {} does not say what it is to a bundle",
            job.out.display()
        );
        return Err(Error::option("joins", problem));
    };
    let base = |bundle: &Path| -> Option<PathBuf> {
        let manifest = Manifest::open(bundle).ok()?;
        manifest.base_at(bundle).ok()?.canonicalize().ok()
    };
    let out = job.out.join("bundle");
    let fits = base(onto).is_some_and(|found| base(&joins.bundle) == Some(found));
    // The bundle made before does not come upon itself.
    let from = if fits && onto != out {
        onto
    } else {
        &joins.bundle
    };
    let addition = Addition {
        part: joins.part.clone(),
        name: joins.name.clone(),
        path: job.out.clone(),
    };
    // Refused before the one made earlier goes.
    extended(from, &addition)?;
    if out.exists() {
        std::fs::remove_dir_all(&out).map_err(Error::io("replace", &out))?;
    }
    extend(from, &addition, &out)?;
    Ok(out)
}
