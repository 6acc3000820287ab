//! Counting what a study holds of a sweep, on a thread of its own.

use std::sync::Arc;

use super::report::Reporter;
use super::thread::{self, guarded};
use crate::Result;
use crate::bundle::Bundle;
use crate::protocol::{EngineEvent, JobId, SweepPlan};
use crate::sweep::held;

/// Starts counting; the answer comes through `reporter`.
pub(super) fn count(
    bundle: Arc<Bundle>,
    job: JobId,
    plan: Arc<SweepPlan>,
    mut reporter: Reporter,
) -> Result<()> {
    let run = move || {
        let told = match guarded("counting what this study holds", || held(&bundle, &plan)) {
            Ok(held) => reporter.result(EngineEvent::Held { job, held }),
            Err(error) => reporter.failed(job, &error),
        };
        if told.is_err() {
            tracing::debug!("nobody asks what a study holds any more");
        }
    };
    thread::start("held", run)?;
    Ok(())
}
