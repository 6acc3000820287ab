//! The sweep that the engine's thread has under way, if any.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::owner::RowOwner;
use super::report::Reporter;
use super::thread;
use crate::Result;
use crate::bundle::Bundle;
use crate::generate::Generator;
use crate::protocol::{EngineEvent, JobId, SweepPhase, SweepProgress};
use crate::reward::Patience;
use crate::sweep::SweepScheduler;
use crate::types::{PointResult, Run};

/// Between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// Rows that may wait for their scores before no more are begun.
const MOST_UNSCORED: usize = 64;
/// Tokens of one forward pass of a reward model: with GPT-2 large, a layer of so many takes 30 ms on two cores, and between
/// layers a person is heard.
pub(super) const SCORE_TOKENS: usize = 256;

pub(super) struct ActiveSweep {
    pub(super) job: JobId,
    run: SweepScheduler,
    paused: bool,
    reported: Instant,
}

impl ActiveSweep {
    /// Takes up a sweep that is planned and reports what its store holds already.
    pub(super) fn start(
        run: SweepScheduler,
        job: JobId,
        paused: bool,
        reporter: &mut Reporter,
    ) -> Result<Self> {
        let sweep = Self {
            job,
            run,
            paused,
            reported: Instant::now(),
        };
        sweep.points(sweep.run.found(), reporter)?;
        sweep.report(sweep.standing(), reporter)?;
        Ok(sweep)
    }

    fn standing(&self) -> SweepPhase {
        if self.paused {
            SweepPhase::Paused
        } else {
            SweepPhase::Running
        }
    }

    /// Sees to what other programs do at its study, then fills free slots, unless it is paused or too many rows wait for
    /// their scores.
    pub(super) fn refill(
        &mut self,
        bundle: &Bundle,
        generator: &mut Generator<RowOwner>,
        reporter: &mut Reporter,
    ) -> Result<()> {
        if self.paused {
            return self.run.rest();
        }
        let complete = self.run.tend()?;
        self.points(complete, reporter)?;
        while self.run.unscored() < MOST_UNSCORED
            && generator.free() > 0
            && let Some((row, request)) = self.run.next_row()
        {
            generator.add(bundle, RowOwner::Sweep(row), request, Instant::now())?;
        }
        Ok(())
    }

    pub(super) fn finished(
        &mut self,
        bundle: &Bundle,
        finished: Vec<(u64, Run)>,
        reporter: &mut Reporter,
    ) -> Result<()> {
        let complete = self.run.finished(bundle, finished)?;
        self.points(complete, reporter)
    }

    /// One forward pass of a reward model, where one is due.
    pub(super) fn score(
        &mut self,
        bundle: &Bundle,
        patience: &Patience<'_>,
        reporter: &mut Reporter,
    ) -> Result<()> {
        let due = self.run.should_score() || self.paused && self.run.running() == 0;
        if due && self.run.unscored() > 0 {
            let complete = self.run.score(bundle, SCORE_TOKENS, patience)?;
            self.points(complete, reporter)?;
        }
        Ok(())
    }

    /// Reports now and then; at the end says so and returns true.
    pub(super) fn tick(&mut self, yielding: bool, reporter: &mut Reporter) -> Result<bool> {
        if self.is_idle() {
            self.run.pause_clock();
        }
        if self.run.is_finished() {
            self.report(SweepPhase::Finished, reporter)?;
            return Ok(true);
        }
        if self.reported.elapsed() >= REPORT_EVERY {
            self.reported = Instant::now();
            let phase = match (self.paused, yielding) {
                (true, _) => SweepPhase::Paused,
                (false, true) => SweepPhase::Yielding,
                (false, false) => SweepPhase::Running,
            };
            self.report(phase, reporter)?;
        }
        Ok(false)
    }

    /// Finishes the rows under way, then waits; or goes on.
    pub(super) fn pause(&mut self, paused: bool, reporter: &mut Reporter) -> Result<()> {
        self.paused = paused;
        self.report(self.standing(), reporter)
    }

    /// Whether it waits with nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.paused && self.run.running() == 0 && self.run.unscored() == 0 && self.run.rests()
    }

    /// Whether it has nothing to do for a moment.
    pub(super) fn waits(&self) -> bool {
        self.run.waits()
    }

    /// Drops what is under way. What is finished is stored, and what of it is not scored is scored when the sweep goes
    /// on.
    pub(super) fn cancel(self, reporter: &mut Reporter) -> Result<()> {
        self.report(SweepPhase::Cancelled, reporter)?;
        self.end()
    }

    /// Gives back what is claimed and closes the study, which are writes, where no row waits for them.
    pub(super) fn end(self) -> Result<()> {
        let run = self.run;
        thread::start("end-sweep", move || drop(run)).map(drop)
    }

    fn points(&self, complete: Vec<PointResult>, reporter: &mut Reporter) -> Result<()> {
        for result in complete {
            reporter.result(EngineEvent::SweepPoint {
                job: self.job,
                result: Arc::new(result),
            })?;
        }
        Ok(())
    }

    fn report(&self, phase: SweepPhase, reporter: &mut Reporter) -> Result<()> {
        report(self.job, self.run.progress(phase), reporter)
    }
}

/// Says how far a sweep is: where it only goes on, news of it take the place of older ones.
pub(super) fn report(job: JobId, progress: SweepProgress, reporter: &mut Reporter) -> Result<()> {
    let phase = progress.phase;
    let event = EngineEvent::Sweep { job, progress };
    match phase {
        SweepPhase::Running | SweepPhase::Yielding => reporter.progress(job, event),
        SweepPhase::Paused | SweepPhase::Finished | SweepPhase::Cancelled => reporter.result(event),
    }
}
