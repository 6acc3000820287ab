//! Files that would make a row wait: each on a thread of its own, its answer as an event.

use std::path::PathBuf;
use std::sync::Arc;

use super::report::Reporter;
use super::runs::training_runs;
use super::thread::{self, guarded};
use super::training::bundle_with;
use crate::Result;
use crate::bundle::read_prompts;
use crate::protocol::{EngineEvent, Trouble};
use crate::types::TrainJob;

/// Reads a file of prompts.
pub(super) fn prompts(path: PathBuf, reporter: Reporter) -> Result<()> {
    aside("read-prompts", reporter, move || {
        let read = guarded("reading these prompts", || read_prompts(&path));
        let read = told(read);
        EngineEvent::PromptsRead { path, read }
    })
}

/// Looks up the training runs of a folder.
pub(super) fn runs(folder: PathBuf, reporter: Reporter) -> Result<()> {
    aside("find-runs", reporter, move || {
        let found = guarded("looking for training runs", || Ok(training_runs(&folder)));
        let (runs, refused) = found.unwrap_or_else(|error| (Vec::new(), vec![error]));
        EngineEvent::RunsFound {
            runs,
            refused: refused.iter().map(Trouble::from).collect(),
        }
    })
}

/// Makes a bundle that has a run's result as well.
pub(super) fn bundle(plan: Arc<TrainJob>, onto: PathBuf, reporter: Reporter) -> Result<()> {
    aside("bundle-with", reporter, move || {
        let made = guarded("making this bundle", || bundle_with(&plan, &onto));
        EngineEvent::BundleMade {
            plan,
            made: told(made),
        }
    })
}

fn told<T>(made: Result<T>) -> Result<T, Trouble> {
    made.map_err(|error| Trouble::from(&error))
}

fn aside(
    name: &'static str,
    mut reporter: Reporter,
    work: impl FnOnce() -> EngineEvent + Send + 'static,
) -> Result<()> {
    let run = move || {
        if reporter.result(work()).is_err() {
            tracing::debug!("nobody waits for a file any more");
        }
    };
    thread::start(name, run).map(drop)
}
