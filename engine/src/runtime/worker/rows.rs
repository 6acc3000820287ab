//! A person's rows: begun, steered, ended; what the model would be given.

use std::sync::Arc;
use std::time::Instant;

use super::Worker;
use crate::Result;
use crate::protocol::{EngineEvent, JobId};
use crate::reward::RewardInput;
use crate::runtime::owner::RowOwner;
use crate::runtime::thread::guarded;
use crate::types::{Mutes, Point, Prompt, RowRequest, Run};

impl Worker {
    pub(super) fn generate(&mut self, job: JobId, row: RowRequest, score: bool) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        let now = Instant::now();
        match self.generator.add(bundle, RowOwner::Person(job), row, now) {
            Ok(()) => {
                self.interactive.insert(job, score);
                self.reading(job, 0)
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Says how much of a row's prompt is read.
    pub(super) fn reading(&mut self, job: JobId, read: usize) -> Result<()> {
        let Some(tokens) = self.generator.prompt_tokens(RowOwner::Person(job)) else {
            return Ok(());
        };
        let event = EngineEvent::Reading { job, read, tokens };
        self.reporter.progress(job, event)
    }

    pub(super) fn steer(&mut self, job: JobId, point: &Point, mutes: &Mutes) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        match self
            .generator
            .steer(bundle, RowOwner::Person(job), point, mutes)
        {
            Ok(Some(at_token)) => self.reporter.result(EngineEvent::Steered {
                job,
                at_token,
                point: point.clone(),
                mutes: mutes.clone(),
            }),
            // It ended in the meantime; its end is on its way or was reported.
            Ok(None) => Ok(()),
            Err(error) => self.reporter.failed(job, &error),
        }
    }

    /// Ends a person's rows; what they have is reported.
    pub(super) fn end_rows(&mut self) -> Result<()> {
        for owner in self.generator.tags() {
            let bundle = self.bundle.as_ref();
            let run = bundle.and_then(|bundle| self.generator.cancel(bundle, owner));
            if let (RowOwner::Person(job), Some(run)) = (owner, run) {
                self.finish(job, run)?;
            }
        }
        Ok(())
    }

    /// Reports an interactive row's end, then its scores.
    pub(super) fn finish(&mut self, job: JobId, run: Run) -> Result<()> {
        let score = self.interactive.remove(&job).unwrap_or(false);
        let text = RewardInput::of(&run.prompt, &run.text);
        self.reporter.result(EngineEvent::Finished {
            job,
            run: Arc::new(run),
        })?;
        if let Some(bundle) = &self.bundle
            && score
            && bundle.rewards.iter().any(Option::is_some)
        {
            self.unscored.push(job, text, bundle.rewards.len());
        }
        Ok(())
    }

    /// Says what the model would be given for a prompt.
    pub(super) fn show(&mut self, job: JobId, prompt: &Prompt) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return self.no_bundle(job);
        };
        match guarded("putting this prompt through template and tokenizer", || {
            bundle.tokenizer.given(prompt)
        }) {
            Ok(given) => {
                let context = bundle.model.config().context;
                self.reporter.result(EngineEvent::Previewed {
                    job,
                    given: Arc::new(given),
                    context,
                })
            }
            Err(error) => self.reporter.failed(job, &error),
        }
    }
}
