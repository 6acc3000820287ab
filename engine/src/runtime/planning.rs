//! Planning a sweep on a thread of its own: its prompts are encoded, its rows' keys made and looked up in the store,
//! which for thousands of rows takes seconds in which rows go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::report::Reporter;
use super::thread::{self, guarded};
use crate::bundle::Bundle;
use crate::protocol::{JobId, SweepPhase, SweepPlan, SweepProgress};
use crate::sweep::{SweepScheduler, unplanned};
use crate::{Error, Result};

/// What planning ended in.
pub(super) struct PlanEnd {
    pub(super) job: JobId,
    pub(super) sweep: Result<Box<SweepScheduler>>,
}

/// A sweep that is being planned; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Planning {
    pub(super) job: JobId,
    /// Whether it is to wait once it is planned.
    pub(super) paused: bool,
    progress: SweepProgress,
    stop: Arc<AtomicBool>,
}

impl Drop for Planning {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Planning {
    /// Starts planning and says how many points there are; the end comes through `end`.
    pub(super) fn start(
        bundle: Arc<Bundle>,
        job: JobId,
        plan: SweepPlan,
        reporter: &mut Reporter,
        end: Sender<PlanEnd>,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let planning = Self {
            job,
            paused: false,
            progress: unplanned(&bundle, &plan)?,
            stop: Arc::clone(&stop),
        };
        let run = move || {
            let go_on = || {
                if stop.load(Ordering::Relaxed) {
                    Err(Error::Cancelled)
                } else {
                    Ok(())
                }
            };
            let sweep = guarded("planning this sweep", || {
                SweepScheduler::planned(&bundle, plan, &go_on).map(Box::new)
            });
            // Before its end is told: a bundle that is replaced meanwhile does not stay in memory.
            drop(bundle);
            if end.send(PlanEnd { job, sweep }).is_err() {
                tracing::debug!("nobody waits for a sweep's plan any more");
            }
        };
        thread::start("plan", run)?;
        planning.report(SweepPhase::Running, reporter)?;
        Ok(planning)
    }

    /// To wait once it is planned, or not to.
    pub(super) fn pause(&mut self, paused: bool, reporter: &mut Reporter) -> Result<()> {
        self.paused = paused;
        let phase = if paused {
            SweepPhase::Paused
        } else {
            SweepPhase::Running
        };
        self.report(phase, reporter)
    }

    /// Gives it up.
    pub(super) fn cancel(self, reporter: &mut Reporter) -> Result<()> {
        self.report(SweepPhase::Cancelled, reporter)
    }

    fn report(&self, phase: SweepPhase, reporter: &mut Reporter) -> Result<()> {
        let progress = SweepProgress {
            phase,
            ..self.progress.clone()
        };
        super::sweeps::report(self.job, progress, reporter)
    }
}
