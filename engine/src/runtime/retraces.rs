//! Runs whose routing is found again, a few tokens per turn and behind a person's rows.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::Result;
use crate::bundle::Bundle;
use crate::generate::Retrace;
use crate::protocol::JobId;
use crate::types::{GateRecord, Run};

/// One that waits or is under way.
#[derive(Debug)]
struct Asked {
    job: JobId,
    run: Arc<Run>,
    /// What it has so far; only of the first one, as each holds keys and values.
    under_way: Option<Retrace>,
}

/// Those that were asked for, in that order.
#[derive(Debug, Default)]
pub(super) struct Retraces(VecDeque<Asked>);

impl Retraces {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, job: JobId, run: Arc<Run>) {
        self.0.push_back(Asked {
            job,
            run,
            under_way: None,
        });
    }

    /// Drops all; their jobs.
    pub(super) fn drain(&mut self) -> Vec<JobId> {
        self.0.drain(..).map(|asked| asked.job).collect()
    }

    /// Whether `job` was one of them; it is dropped.
    pub(super) fn cancel(&mut self, job: JobId) -> bool {
        let before = self.0.len();
        self.0.retain(|asked| asked.job != job);
        self.0.len() < before
    }

    /// One forward pass for the first of them; what it ended in, if it did.
    pub(super) fn step(&mut self, bundle: &Bundle) -> Option<(JobId, Result<GateRecord>)> {
        let first = self.0.front_mut()?;
        let ended = first.step(bundle).transpose()?;
        self.0.pop_front().map(|asked| (asked.job, ended))
    }
}

impl Asked {
    fn step(&mut self, bundle: &Bundle) -> Result<Option<GateRecord>> {
        match &mut self.under_way {
            Some(under_way) => under_way.step(bundle),
            None => {
                let begun = Retrace::new(bundle, &self.run)?;
                self.under_way.insert(begun).step(bundle)
            }
        }
    }
}
