//! Runs that others begin with: kept apart in the run's folder, finished or resumed as a whole.

use std::path::Path;

use super::out_folder::taken;
use super::progress::TrainReporter;
use crate::stage::Stages;
use crate::types::{RunConfig, TrainStep};
use crate::{Error, Result};

/// The folder of earlier runs in a run's own.
const STAGES: &str = "stages";

/// The earlier runs of the run in `out`: those that are there where it is resumed, none where it begins anew.
pub(super) fn open(out: &Path, again: &RunConfig) -> Result<Stages> {
    let folder = out.join(STAGES);
    if folder.exists() && !again.resume {
        if !again.overwrite {
            return Err(taken(out, "holds an unfinished run (stages)"));
        }
        // Refused while another run is at work there.
        drop(Stages::new(&folder)?);
        std::fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
    }
    Stages::new(&folder)
}

/// Tells an earlier run's steps as what goes on before the first step.
pub(super) struct Before<'a> {
    /// What it is.
    pub(super) what: &'static str,
    pub(super) reporter: &'a mut dyn TrainReporter,
}

impl TrainReporter for Before<'_> {
    fn step(&mut self, report: &TrainStep) {
        self.reporter
            .preparing(self.what, report.step, report.steps);
    }

    fn preparing(&mut self, what: &'static str, done: usize, total: usize) {
        self.reporter.preparing(what, done, total);
    }

    fn cancelled(&self) -> bool {
        self.reporter.cancelled()
    }

    fn saved(&mut self, _step: usize, _checkpoint: &Path) {}
}
