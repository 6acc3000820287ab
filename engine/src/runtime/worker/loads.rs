//! Bundles: loaded beside everything else, then taken into use.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Worker, generator};
use crate::bundle::LoadOptions;
use crate::protocol::{EngineEvent, JobId, Trouble};
use crate::reward::ScoreQueue;
use crate::runtime::loading::{LoadEnd, Loading};
use crate::{Error, Result};

impl Worker {
    /// Loads a bundle beside everything else; the one in use stays until it is ready. A load under way is given up for it.
    pub(super) fn load(&mut self, job: JobId, path: PathBuf) -> Result<()> {
        if let Some(given_up) = self.loading.take() {
            self.load_failed(given_up.job, given_up.path.clone(), &Error::Cancelled)?;
        }
        let options = LoadOptions {
            backend: self.backend.clone(),
            fallback: self.fallback.clone(),
            fetch: self.options.fetch.clone(),
            ..LoadOptions::default()
        };
        let (reporter, end) = (self.reporter.fork(), self.load_ends.0.clone());
        match Loading::start(job, path.clone(), options, reporter, end) {
            Ok(loading) => {
                self.loading = Some(loading);
                Ok(())
            }
            Err(error) => self.load_failed(job, path, &error),
        }
    }

    pub(super) fn load_failed(&mut self, job: JobId, path: PathBuf, error: &Error) -> Result<()> {
        self.reporter.result(EngineEvent::LoadFailed {
            job,
            path,
            trouble: Trouble::from(error),
        })
    }

    /// Takes a bundle that is loaded into use, then obeys what waited for it.
    pub(super) fn loaded(&mut self, end: LoadEnd) -> Result<()> {
        if self
            .loading
            .take_if(|loading| loading.job == end.job)
            .is_none()
        {
            return Ok(()); // given up, and said so
        }
        match end.bundle {
            Ok(bundle) => {
                self.end_sweep()?;
                self.end_rows()?;
                self.unscored = ScoreQueue::default();
                // On the bundle before: what they find is no longer asked for.
                for job in self
                    .retraces
                    .drain()
                    .into_iter()
                    .chain(self.recalls.drain())
                {
                    self.reporter.failed(job, &Error::Cancelled)?;
                }
                let info = Arc::new(bundle.info.clone());
                self.bundle = Some(bundle);
                self.generator = generator(self.options.slots);
                self.reporter.result(EngineEvent::Loaded {
                    job: end.job,
                    bundle: info,
                })?;
            }
            Err(Error::EngineGone) => return Err(Error::EngineGone),
            Err(error) => self.load_failed(end.job, end.path, &error)?,
        }
        for command in std::mem::take(&mut self.later) {
            self.obey(command)?;
        }
        Ok(())
    }
}
