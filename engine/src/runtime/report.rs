//! Events on their way out: results are never lost, tokens and progress may be put together.

use std::collections::BTreeMap;

use crossbeam_channel::{Sender, TrySendError};

use crate::protocol::{EngineEvent, JobId, TokenNews, Trouble, Waker};
use crate::{Error, Result};

/// The engine's end of the event channel.
pub(super) struct Reporter {
    events: Sender<EngineEvent>,
    waker: Waker,
    /// Tokens that found no room, by job.
    tokens: BTreeMap<JobId, TokenNews>,
    /// The last progress that found no room, by job.
    progress: BTreeMap<JobId, EngineEvent>,
}

impl Reporter {
    pub(super) fn new(events: Sender<EngineEvent>, waker: Waker) -> Self {
        Self {
            events,
            waker,
            tokens: BTreeMap::new(),
            progress: BTreeMap::new(),
        }
    }

    /// Another one on the same channel, for another thread.
    pub(super) fn fork(&self) -> Self {
        Self::new(self.events.clone(), self.waker.clone())
    }

    /// Sends a result, after what of its job still waits. Blocks while the channel is full: a
    /// result is never dropped. Fails where nobody listens any more.
    pub(super) fn result(&mut self, event: EngineEvent) -> Result<()> {
        for (job, news) in std::mem::take(&mut self.tokens) {
            self.send(EngineEvent::Tokens { job, news })?;
        }
        for event in std::mem::take(&mut self.progress).into_values() {
            self.send(event)?;
        }
        self.send(event)
    }

    fn send(&self, event: EngineEvent) -> Result<()> {
        // Woken before as well: a full channel is emptied by a window that is awake.
        if self.events.is_full() {
            (self.waker)();
        }
        self.events.send(event).map_err(|_gone| Error::EngineGone)?;
        (self.waker)();
        Ok(())
    }

    /// Sends new tokens now, or with the next ones where the channel is full.
    pub(super) fn tokens(&mut self, job: JobId, news: TokenNews) -> Result<()> {
        let news = match self.tokens.remove(&job) {
            Some(mut waiting) => {
                waiting.tokens.extend(news.tokens);
                waiting.text.push_str(&news.text);
                waiting.gates.extend(news.gates);
                waiting
            }
            None => news,
        };
        match self.events.try_send(EngineEvent::Tokens { job, news }) {
            Ok(()) => {}
            Err(TrySendError::Full(EngineEvent::Tokens { job, news })) => {
                self.tokens.insert(job, news);
            }
            Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return Err(Error::EngineGone),
        }
        (self.waker)();
        Ok(())
    }

    /// Sends progress now, or the latest of it later.
    pub(super) fn progress(&mut self, job: JobId, event: EngineEvent) -> Result<()> {
        self.progress.remove(&job);
        match self.events.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(event)) => {
                self.progress.insert(job, event);
            }
            Err(TrySendError::Disconnected(_)) => return Err(Error::EngineGone),
        }
        (self.waker)();
        Ok(())
    }

    /// A job failed.
    pub(super) fn failed(&mut self, job: JobId, error: &Error) -> Result<()> {
        self.result(EngineEvent::Failed {
            job,
            trouble: Trouble::from(error),
        })
    }
}
