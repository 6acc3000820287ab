//! What trains beside the rows: one thing at a time.

use std::sync::Arc;

use super::Worker;
use crate::bundle::LoadOptions;
use crate::protocol::JobId;
use crate::runtime::learning::Learning;
use crate::runtime::training::Training;
use crate::types::{LearnPlan, TrainJob};
use crate::{Error, Result};

impl Worker {
    /// Trains beside everything else; a run that is under way is not given up for another.
    pub(super) fn train(&mut self, job: JobId, plan: &TrainJob) -> Result<()> {
        self.forget_over();
        if self.training.is_some() || self.learning.is_some() {
            let error = Error::option("train", "another run is under way; cancel it first");
            return self.reporter.failed(job, &error);
        }
        let (device, reporter) = (self.options.device, self.reporter.fork());
        match Training::start(plan.clone(), job, device, reporter) {
            Ok(training) => {
                self.training = Some(training);
                Ok(())
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Learns from votes beside everything else; what is under way is not given up for it.
    pub(super) fn learn(&mut self, job: JobId, plan: Arc<LearnPlan>) -> Result<()> {
        self.forget_over();
        if self.training.is_some() || self.learning.is_some() {
            let error = Error::option("learn", "another run is under way; cancel it first");
            return self.reporter.failed(job, &error);
        }
        let options = LoadOptions {
            backend: self.backend.clone(),
            fallback: self.fallback.clone(),
            ..LoadOptions::default()
        };
        let reporter = self.reporter.fork();
        match Learning::start(plan, job, self.options.device, options, reporter) {
            Ok(learning) => {
                self.learning = Some(learning);
                Ok(())
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Lets go of what trains no more.
    fn forget_over(&mut self) {
        self.training.take_if(|training| training.is_over());
        self.learning.take_if(|learning| learning.is_over());
    }
}
