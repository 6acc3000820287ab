//! Counting what a store holds of a sweep, on a thread of its own.

use std::sync::Arc;

use super::report::Reporter;
use super::thread::{self, guarded};
use crate::Result;
use crate::bundle::Bundle;
use crate::protocol::{EngineEvent, JobId, SweepPlan};
use crate::sweep::held;

/// Starts counting; the answer comes through `reporter`.
pub(super) fn count(
    bundle: &Bundle,
    job: JobId,
    plan: Arc<SweepPlan>,
    mut reporter: Reporter,
) -> Result<()> {
    let (objectives, values) = (bundle.info.objectives.len(), bundle.info.values.len());
    let identity = bundle.identity.clone();
    let run = move || {
        let told = match guarded("counting what this store holds", || {
            held(&identity, objectives, values, &plan)
        }) {
            Ok(held) => reporter.result(EngineEvent::Held { job, held }),
            Err(error) => reporter.failed(job, &error),
        };
        if told.is_err() {
            tracing::debug!("nobody asks what a store holds any more");
        }
    };
    thread::start("held", run)?;
    Ok(())
}
