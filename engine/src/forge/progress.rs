//! Whom a long step tells how far it is, and who may stop it.

use crate::Result;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done, e.g. `threshold`.
    pub stage: &'static str,
    /// Numbers (or modules) done in this stage.
    pub done: u64,
    /// Of how many.
    pub total: u64,
}

/// A listener; its error, e.g. [`crate::Error::Cancelled`], stops the step.
pub type Tell<'a> = &'a mut dyn FnMut(Progress) -> Result<()>;

/// One stage of a step.
pub(super) struct Stage<'a> {
    progress: Progress,
    tell: Tell<'a>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(stage: &'static str, total: u64, tell: Tell<'a>) -> Result<Self> {
        let progress = Progress {
            stage,
            done: 0,
            total,
        };
        tell(progress)?;
        Ok(Self { progress, tell })
    }

    /// From the beginning: another pass.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.progress.done = 0;
        (self.tell)(self.progress)
    }

    pub(super) fn advance(&mut self, by: u64) -> Result<()> {
        self.progress.done += by;
        (self.tell)(self.progress)
    }
}
