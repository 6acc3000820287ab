//! One turn of the engine's thread: rows by one token, then what waits behind them.

use std::sync::Arc;

use super::Worker;
use crate::generate::RowNews;
use crate::protocol::EngineEvent;
use crate::reward::Patience;
use crate::runtime::owner::RowOwner;
use crate::runtime::sweeps::SCORE_TOKENS;
use crate::{Error, Result};

impl Worker {
    /// Moves rows by one token: the interactive ones if there are any, else the sweep's; then, where no person waits for
    /// a token, one forward pass for a run's routing and one of a reward model.
    pub(super) fn step(&mut self) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return Ok(());
        };
        let yielding = !self.interactive.is_empty();
        if !yielding
            && let Some(sweep) = &mut self.sweep
            && let Err(error) = sweep.refill(bundle, &mut self.generator, &mut self.reporter)
        {
            return self.fail_sweep(&error);
        }
        let mut rows = self.generator.tags();
        rows.retain(|owner| !yielding || matches!(owner, RowOwner::Person(_)));
        let news = match self.generator.step_some(bundle, &rows) {
            Ok(news) => news,
            Err(error) => return self.fail_rows(&rows, &error),
        };
        let mut of_sweep = Vec::new();
        for (owner, news) in news {
            match (owner, news) {
                (RowOwner::Sweep(row), RowNews::Finished(run)) => of_sweep.push((row, *run)),
                (RowOwner::Sweep(_), _) => {}
                (RowOwner::Person(job), RowNews::Finished(run)) => self.finish(job, *run)?,
                (RowOwner::Person(job), RowNews::Reading(read)) => self.reading(job, read)?,
                (RowOwner::Person(job), RowNews::Started(prompt_tokens)) => {
                    self.reporter
                        .result(EngineEvent::Started { job, prompt_tokens })?;
                }
                (RowOwner::Person(job), RowNews::Tokens(news)) => {
                    self.reporter.tokens(job, news)?
                }
            }
        }
        if let (Some(sweep), Some(bundle)) = (&mut self.sweep, &self.bundle)
            && !of_sweep.is_empty()
            && let Err(error) = sweep.finished(bundle, of_sweep, &mut self.reporter)
        {
            self.fail_sweep(&error)?;
        }
        if self.interactive.is_empty() {
            self.retrace()?;
            self.score()?;
        }
        let Some(sweep) = &mut self.sweep else {
            return Ok(());
        };
        match sweep.tick(yielding, &mut self.reporter) {
            Ok(true) => {
                if let Some(sweep) = self.sweep.take() {
                    sweep.end()?;
                }
            }
            Ok(false) => {}
            Err(error) => self.fail_sweep(&error)?,
        }
        Ok(())
    }

    /// A few tokens of a run whose routing is found again.
    fn retrace(&mut self) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return Ok(());
        };
        match self.retraces.step(bundle) {
            Some((job, Ok(record))) => self.reporter.result(EngineEvent::Retraced {
                job,
                record: Arc::new(record),
            }),
            Some((job, Err(error))) => self.reporter.failed(job, &error),
            None => Ok(()),
        }
    }

    /// One forward pass of a reward model: for a person's answers first. It gives way as soon as a command comes.
    fn score(&mut self) -> Result<()> {
        let Some(bundle) = &self.bundle else {
            return Ok(());
        };
        let commands = &self.commands;
        let waits = || !commands.is_empty();
        let patience = Patience::until(&waits);
        if self.unscored.is_empty() {
            if let Some(sweep) = &mut self.sweep
                && let Err(error) = sweep.score(bundle, &patience, &mut self.reporter)
            {
                return self.fail_sweep(&error);
            }
            return Ok(());
        }
        match self.unscored.step(&bundle.rewards, SCORE_TOKENS, &patience) {
            Ok(scored) => scored.into_iter().try_for_each(|(job, scores)| {
                self.reporter.result(EngineEvent::Scored { job, scores })
            }),
            Err(error) => match self.unscored.pop() {
                Some(job) => self.reporter.failed(job, &error),
                None => Ok(()),
            },
        }
    }

    /// Rows whose step failed (the device's memory is full, say) end; the bundle stays in use.
    fn fail_rows(&mut self, rows: &[RowOwner], error: &Error) -> Result<()> {
        for &owner in rows {
            if let RowOwner::Person(job) = owner {
                if let Some(bundle) = &self.bundle {
                    self.generator.cancel(bundle, owner);
                }
                self.interactive.remove(&job);
                self.reporter.failed(job, error)?;
            }
        }
        if rows.iter().any(|owner| matches!(owner, RowOwner::Sweep(_))) {
            self.fail_sweep(error)?;
        }
        Ok(())
    }

    /// A sweep that cannot go on (its disk is full, say) ends; what it stored is kept.
    fn fail_sweep(&mut self, error: &Error) -> Result<()> {
        if matches!(error, Error::EngineGone) {
            return Err(Error::EngineGone);
        }
        if let Some(job) = self.sweep.as_ref().map(|sweep| sweep.job) {
            self.reporter.failed(job, error)?;
        }
        self.end_sweep()
    }
}
