//! The sweep: planned on a thread of its own, taken up, paused, given up.

use std::sync::Arc;

use super::Worker;
use crate::protocol::{JobId, SweepPlan};
use crate::runtime::owner::RowOwner;
use crate::runtime::planning::{PlanEnd, Planning};
use crate::runtime::sweeps::ActiveSweep;
use crate::{Error, Result};

impl Worker {
    /// Plans a sweep beside everything else; the one before it ends now.
    pub(super) fn plan_sweep(&mut self, job: JobId, plan: SweepPlan) -> Result<()> {
        self.end_sweep()?;
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        let (bundle, end) = (Arc::clone(bundle), self.plan_ends.0.clone());
        match Planning::start(bundle, job, plan, &mut self.reporter, end) {
            Ok(planning) => {
                self.planning = Some(planning);
                Ok(())
            }
            Err(Error::EngineGone) => Err(Error::EngineGone),
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Takes up a sweep that is planned.
    pub(super) fn planned(&mut self, end: PlanEnd) -> Result<()> {
        let Some(planning) = self.planning.take_if(|p| p.job == end.job) else {
            return Ok(()); // given up, and said so
        };
        match end.sweep {
            Ok(sweep) => {
                let (job, paused) = (end.job, planning.paused);
                let sweep = ActiveSweep::start(*sweep, job, paused, &mut self.reporter)?;
                self.sweep = Some(sweep);
                Ok(())
            }
            Err(error) => self.reporter.failed(end.job, &error),
        }
    }

    pub(super) fn pause(&mut self, job: JobId, paused: bool) -> Result<()> {
        match (&mut self.planning, &mut self.sweep) {
            (Some(planning), _) if planning.job == job => {
                planning.pause(paused, &mut self.reporter)
            }
            (_, Some(sweep)) if sweep.job == job => sweep.pause(paused, &mut self.reporter),
            _ => Ok(()),
        }
    }

    /// Stops the sweep, if there is one: rows under way are dropped, finished ones kept.
    pub(super) fn end_sweep(&mut self) -> Result<()> {
        if let Some(planning) = self.planning.take() {
            return planning.cancel(&mut self.reporter);
        }
        let (Some(sweep), Some(bundle)) = (self.sweep.take(), &self.bundle) else {
            return Ok(());
        };
        for owner in self.generator.tags() {
            if matches!(owner, RowOwner::Sweep(_)) {
                self.generator.cancel(bundle, owner);
            }
        }
        sweep.cancel(&mut self.reporter)
    }
}
