//! Whom a trainer tells about its progress, and who may stop it. The trainer itself never prints.

use std::path::Path;

use crate::types::TrainStep;

/// A listener of a training run: a progress bar, a channel, a test.
pub trait TrainReporter {
    /// Called after every step.
    fn step(&mut self, report: &TrainStep);

    /// Called after a checkpoint was written whole.
    fn saved(&mut self, _step: usize, _checkpoint: &Path) {}

    /// Called while something longer than a step goes on, e.g. the reference's log-probabilities.
    fn preparing(&mut self, _what: &'static str, _done: usize, _total: usize) {}

    /// Asked before every step; `true` writes a checkpoint and ends the run with [`crate::Error::Cancelled`].
    fn cancelled(&self) -> bool {
        false
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl TrainReporter for Silent {
    fn step(&mut self, _report: &TrainStep) {}
}
