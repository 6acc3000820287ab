//! A sweep from its plan to its end, for who has nothing else to do meanwhile.

use std::time::Duration;

use super::SweepScheduler;
use crate::Result;
use crate::bundle::Bundle;
use crate::generate::{Generator, RowSource, RowTag};
use crate::protocol::{SweepPhase, SweepPlan, SweepProgress};
use crate::types::{RowRequest, Run};

/// How long nothing is done where the sweep waits for its study.
const NAP: Duration = Duration::from_millis(5);

/// Makes every row of a plan that the study lacks, scores and stores it; the sweep's number in the study. `tell` hears of
/// progress after every step, and its error ends the sweep: what is finished is kept.
pub fn sweep_whole(
    bundle: &Bundle,
    plan: SweepPlan,
    slots: usize,
    tell: &mut dyn FnMut(&SweepProgress) -> Result<()>,
) -> Result<i64> {
    let sweep = SweepScheduler::new(bundle, plan)?;
    let mut driven = Driven {
        bundle,
        sweep,
        tell,
    };
    let mut generator = Generator::new(slots);
    loop {
        driven.tend()?;
        if driven.sweep.is_finished() {
            return Ok(driven.sweep.number());
        }
        if driven.sweep.waits() {
            std::thread::sleep(NAP);
        }
        // Ends where no row is claimed: there is none left, a claim is under way, or other programs make the rest.
        generator.drive(bundle, &mut driven)?;
    }
}

/// A sweep whose rows the slots take.
struct Driven<'a> {
    bundle: &'a Bundle,
    sweep: SweepScheduler,
    tell: &'a mut dyn FnMut(&SweepProgress) -> Result<()>,
}

impl Driven<'_> {
    fn tend(&mut self) -> Result<()> {
        self.sweep.tend()?;
        self.sweep.score_waiting(self.bundle)?;
        (self.tell)(&self.sweep.progress(SweepPhase::Running))
    }
}

impl RowSource<RowTag> for Driven<'_> {
    fn next_row(&mut self) -> Option<(RowTag, RowRequest)> {
        let (tag, request) = self.sweep.next_row()?;
        Some((RowTag(tag), request))
    }

    fn stepped(&mut self, ended: Vec<(RowTag, Run)>) -> Result<()> {
        if !ended.is_empty() {
            let ended = ended.into_iter().map(|(tag, run)| (tag.0, run)).collect();
            self.sweep.finished(self.bundle, ended)?;
        }
        self.tend()
    }
}
