//! Stored rows that are asked for: each lookup on a thread of its own, as it encodes prompts and reads a disk.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::thread::{self, guarded};
use crate::bundle::Bundle;
use crate::protocol::{JobId, SweepPlan};
use crate::sweep::stored_rows;
use crate::types::Run;
use crate::{Error, Result};

/// What a lookup ended in.
pub(super) struct RecallEnd {
    pub(super) job: JobId,
    /// The place of the point in its sweep.
    pub(super) index: usize,
    pub(super) runs: Result<Vec<Arc<Run>>>,
}

/// Lookups under way, all on the bundle in use.
pub(super) struct Recalls {
    under_way: Vec<JobId>,
    end: Sender<RecallEnd>,
    /// Where lookups end.
    pub(super) ends: Receiver<RecallEnd>,
}

impl Default for Recalls {
    fn default() -> Self {
        let (end, ends) = bounded(1);
        Self {
            under_way: Vec::new(),
            end,
            ends,
        }
    }
}

impl Recalls {
    /// Starts a lookup.
    pub(super) fn start(
        &mut self,
        bundle: Arc<Bundle>,
        job: JobId,
        plan: Arc<SweepPlan>,
        index: usize,
    ) -> Result<()> {
        let end = self.end.clone();
        let run = move || {
            let runs = guarded("looking up stored rows", || recall(&bundle, &plan, index));
            // Before its end is told: a bundle that is replaced meanwhile does not stay in memory.
            drop(bundle);
            if end.send(RecallEnd { job, index, runs }).is_err() {
                tracing::debug!("nobody waits for stored rows any more");
            }
        };
        thread::start("recall", run)?;
        self.under_way.push(job);
        Ok(())
    }

    /// Whether a lookup was under way, which it is no more; one that was given up is not.
    pub(super) fn take(&mut self, job: JobId) -> bool {
        let before = self.under_way.len();
        self.under_way.retain(|other| *other != job);
        self.under_way.len() < before
    }

    /// Gives all up; their jobs.
    pub(super) fn drain(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.under_way)
    }
}

/// The stored rows of one point of a sweep, as runs.
fn recall(bundle: &Bundle, plan: &SweepPlan, index: usize) -> Result<Vec<Arc<Run>>> {
    let rows = stored_rows(bundle, plan, index)?;
    if rows.is_empty() {
        return Err(Error::option(
            "index",
            format!("no row of point {index} is in the store yet"),
        ));
    }
    Ok(rows.into_iter().map(Arc::new).collect())
}
