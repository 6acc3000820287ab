//! Loading a bundle on a thread of its own, so that rows of the one in use go on meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::report::Reporter;
use super::thread::{self, guarded};
use crate::bundle::{Bundle, LoadOptions};
use crate::protocol::{EngineEvent, JobId};
use crate::{Error, Result};

/// What a load ended in.
pub(super) struct LoadEnd {
    pub(super) job: JobId,
    pub(super) path: PathBuf,
    pub(super) bundle: Result<Arc<Bundle>>,
}

/// A load under way; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) job: JobId,
    pub(super) path: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Loading {
    /// Starts one; its progress comes through `reporter`, its end through `end`.
    pub(super) fn start(
        job: JobId,
        path: PathBuf,
        options: LoadOptions,
        mut reporter: Reporter,
        end: Sender<LoadEnd>,
    ) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, folder) = (Arc::clone(&stop), path.clone());
        let run = move || {
            let mut progress = |stage, fraction| {
                if stopped.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                reporter.progress(
                    job,
                    EngineEvent::Loading {
                        job,
                        stage,
                        fraction,
                    },
                )
            };
            let bundle = guarded("loading this bundle", || {
                Bundle::load(&folder, &options, &mut progress)
            });
            let ended = LoadEnd {
                job,
                path: folder,
                bundle: bundle.map(Arc::new),
            };
            if end.send(ended).is_err() {
                tracing::debug!("nobody waits for a bundle any more");
            }
        };
        thread::start("load", run)?;
        Ok(Self { job, path, stop })
    }
}
