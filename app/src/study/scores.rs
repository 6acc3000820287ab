//! Scores of the sweeps that were looked at last: reading those of a large sweep takes longer than a click should.

use std::rc::Rc;

use paretoscope_core::Result;
use paretoscope_core::study::{Study, SweepScores};

/// Sweeps whose scores are kept: two that are compared, and two more.
const KEPT: usize = 4;

/// What was read, as long as no other program writes. This program's own answers are no part of a sweep.
#[derive(Default)]
pub(super) struct ScoreCache {
    version: Option<i64>,
    known: Vec<Rc<SweepScores>>,
}

impl ScoreCache {
    /// The scores of a sweep by the newest scorers.
    pub(super) fn of(&mut self, study: &Study, sweep: i64) -> Result<Rc<SweepScores>> {
        let version = Some(study.version()?);
        if self.version != version {
            self.known.clear();
            self.version = version;
        }
        if let Some(known) = self.known.iter().find(|scores| scores.sweep == sweep) {
            return Ok(Rc::clone(known));
        }
        let read = Rc::new(study.sweep_scores(sweep, None)?);
        self.known.truncate(KEPT - 1);
        self.known.insert(0, Rc::clone(&read));
        Ok(read)
    }
}
