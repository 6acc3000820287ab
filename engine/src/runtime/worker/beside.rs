//! What goes on beside the rows, on threads of its own.

use std::sync::Arc;

use super::Worker;
use crate::Result;
use crate::protocol::{EngineEvent, JobId, SweepPlan, Trouble};
use crate::runtime::compare::Comparison;
use crate::runtime::held;
use crate::runtime::recalls::RecallEnd;
use crate::types::{Compared, Measure};

impl Worker {
    /// Looks stored rows up on a thread of its own.
    pub(super) fn recall(&mut self, job: JobId, plan: Arc<SweepPlan>, index: usize) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        match self.recalls.start(Arc::clone(bundle), job, plan, index) {
            Ok(()) => Ok(()),
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Counts the rows of a plan that are stored, on a thread of its own.
    pub(super) fn count_held(&mut self, job: JobId, plan: Arc<SweepPlan>) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        match held::count(Arc::clone(bundle), job, plan, self.reporter.fork()) {
            Ok(()) => Ok(()),
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Tells what was looked up, unless it was given up.
    pub(super) fn recalled(&mut self, end: RecallEnd) -> Result<()> {
        let RecallEnd { job, index, runs } = end;
        if !self.recalls.take(job) {
            return Ok(());
        }
        match runs {
            Ok(runs) => {
                let event = EngineEvent::Recalled { job, index, runs };
                self.reporter.result(event)
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Tells what a thread would have told, had it started.
    pub(super) fn unstarted(
        &mut self,
        started: Result<()>,
        instead: impl FnOnce(Trouble) -> EngineEvent,
    ) -> Result<()> {
        match started {
            Ok(()) => Ok(()),
            Err(error) => self.reporter.result(instead(Trouble::from(&error))),
        }
    }

    /// Compares adapters beside everything else; one comparison at a time.
    pub(super) fn compare(
        &mut self,
        job: JobId,
        compared: Compared,
        measure: Measure,
    ) -> Result<()> {
        self.comparison = None;
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        let reporter = self.reporter.fork();
        match Comparison::start(&bundle.info, job, compared, measure, reporter) {
            Ok(comparison) => {
                self.comparison = Some(comparison);
                Ok(())
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }
}
