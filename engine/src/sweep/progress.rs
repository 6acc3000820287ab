//! How far a sweep is.

use super::rows::{each_once, visited};
use super::runner::SweepScheduler;
use crate::Result;
use crate::bundle::Bundle;
use crate::protocol::{SweepPhase, SweepPlan, SweepProgress};

/// Rows before a rate is shown.
const RATE_AFTER: usize = 5;

impl SweepScheduler {
    /// Stops the clock that rate and ETA are taken from.
    pub fn pause_clock(&mut self) {
        if let Some(since) = self.resumed.take() {
            self.active_seconds += since.elapsed().as_secs_f64();
        }
    }

    /// How far it is.
    pub fn progress(&self, phase: SweepPhase) -> SweepProgress {
        let counts = &self.counts;
        let rows = self.points.len() * self.asked.prompts.len() - self.left_out;
        let fresh = counts.done - counts.found;
        let running = self.resumed.map_or(0.0, |at| at.elapsed().as_secs_f64());
        let seconds = self.active_seconds + running;
        let rate = (fresh >= RATE_AFTER && seconds > 0.0).then(|| fresh as f64 / seconds);
        SweepProgress {
            points_done: counts.points,
            points: self.points.len(),
            rows_done: counts.done,
            rows,
            rows_found: counts.there,
            rows_made: counts.made,
            rows_from_others: counts.from_others,
            rows_at_others: self.shares.theirs(),
            rows_per_second: rate,
            eta_seconds: rate.map(|rate| (rows - counts.done) as f64 / rate),
            phase,
        }
    }
}

/// How far a sweep is before anything of it is looked up: its points and rows are counted.
pub fn unplanned(bundle: &Bundle, plan: &SweepPlan) -> Result<SweepProgress> {
    let (prompts, _) = each_once(&plan.prompts);
    let points = visited(bundle, plan, prompts.len())?.len();
    Ok(SweepProgress {
        points_done: 0,
        points,
        rows_done: 0,
        rows: points * prompts.len(),
        rows_found: 0,
        rows_made: 0,
        rows_from_others: 0,
        rows_at_others: 0,
        rows_per_second: None,
        eta_seconds: None,
        phase: SweepPhase::Running,
    })
}
