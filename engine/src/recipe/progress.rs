//! How far a build is, over all its steps, and when it will be over.

use std::time::Instant;

use crate::forge::Progress;
use crate::train::TrainReporter;
use crate::types::TrainStep;
use crate::{Error, Result};

/// What a build tells.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildProgress {
    /// The step, e.g. `experts/helpful`.
    pub step: String,
    /// From one.
    pub number: usize,
    /// Of how many.
    pub steps: usize,
    /// How much of the step is done, 0 to 1.
    pub fraction: f64,
    /// What it is doing, in words.
    pub what: String,
    /// Until all steps are done; unknown until something took a while.
    pub eta_seconds: Option<f64>,
}

/// Whom a build tells, and who may stop it.
pub trait BuildReporter: Send {
    /// Called often.
    fn progress(&mut self, progress: &BuildProgress);

    /// Nothing has changed since this step was made.
    fn skipped(&mut self, _step: &str) {}

    /// Asked often; `true` ends the build with [`Error::Cancelled`], to be gone on with later.
    fn cancelled(&self) -> bool {
        false
    }
}

/// What a step does, for its speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Train,
    Compress,
    Merge,
    Measure,
    Route,
}

const WORKS: usize = 5;

/// Seconds of a step before its speed is believed.
const BELIEVED: f64 = 0.5;

#[derive(Debug)]
struct Step {
    name: String,
    work: Work,
    /// A guess in seconds; only its size beside the others' matters once something was measured.
    guess: f64,
    left: f64,
}

/// All steps of a build, with what they took.
pub(super) struct ProgressTracker<'a> {
    reporter: &'a mut dyn BuildReporter,
    steps: Vec<Step>,
    current: usize,
    begun: Instant,
    /// Of the current step when it was begun or went on.
    first: Option<f64>,
    fraction: f64,
    what: String,
    /// Per kind of work: seconds, and the guess of what they did.
    measured: [(f64, f64); WORKS],
}

impl<'a> ProgressTracker<'a> {
    pub(super) fn new(reporter: &'a mut dyn BuildReporter) -> Self {
        Self {
            reporter,
            steps: Vec::new(),
            current: 0,
            begun: Instant::now(),
            first: None,
            fraction: 0.0,
            what: String::new(),
            measured: [(0.0, 0.0); WORKS],
        }
    }

    /// Announces a step.
    pub(super) fn plan(&mut self, name: String, work: Work, guess: f64) {
        self.steps.push(Step {
            name,
            work,
            guess,
            left: 1.0,
        });
    }

    pub(super) fn begin(&mut self, name: &str) -> Result<()> {
        if let Some(index) = self.steps.iter().position(|step| step.name == name) {
            self.current = index;
        }
        self.begun = Instant::now();
        self.first = None;
        self.fraction = 0.0;
        self.what.clear();
        self.check()
    }

    /// Ends the current step; `ran` says that it was made rather than skipped.
    pub(super) fn end(&mut self, ran: bool) {
        let (seconds, share) = self.current_pace();
        let Some(step) = self.steps.get_mut(self.current) else {
            return;
        };
        step.left = 0.0;
        if ran {
            let of_work = &mut self.measured[step.work as usize];
            of_work.0 += seconds;
            // What is left of the fraction was done, too.
            of_work.1 += step.guess * (share + 1.0 - self.fraction).clamp(0.0, 1.0);
            self.advance_to(1.0);
        } else {
            self.reporter.skipped(&step.name);
        }
    }

    /// Tells how far the current step is.
    pub(super) fn advance(&mut self, fraction: f64, what: &str) -> Result<()> {
        what.clone_into(&mut self.what);
        self.advance_to(fraction);
        self.check()
    }

    /// [`ProgressTracker::advance`] for a step of the forge, whose passes come one after the other.
    pub(super) fn forge(&mut self, progress: Progress) -> Result<()> {
        let share = progress.done as f64 / progress.total.max(1) as f64;
        let (from, to) = match progress.stage {
            "magnitudes" => (0.0, 0.15),
            "scores" => (0.15, 0.4),
            "threshold" => (0.4, 0.5),
            _ => (0.5, 1.0),
        };
        self.advance(from + share * (to - from), progress.stage)
    }

    fn advance_to(&mut self, fraction: f64) {
        // A second pass does not take back what the first has shown.
        self.fraction = fraction.clamp(self.fraction, 1.0);
        self.first.get_or_insert(self.fraction);
        if let Some(step) = self.steps.get_mut(self.current) {
            step.left = 1.0 - self.fraction;
            let progress = BuildProgress {
                step: step.name.clone(),
                number: self.current + 1,
                steps: self.steps.len(),
                fraction: self.fraction,
                what: self.what.clone(),
                eta_seconds: self.eta(),
            };
            self.reporter.progress(&progress);
        }
    }

    /// [`Error::Cancelled`] once somebody asked to stop.
    pub(super) fn check(&self) -> Result<()> {
        if self.reporter.cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Seconds of the current step, and the share of it that they did.
    fn current_pace(&self) -> (f64, f64) {
        let done = self.fraction - self.first.unwrap_or(self.fraction);
        (self.begun.elapsed().as_secs_f64(), done)
    }

    /// Every step's guess, corrected by how long the same kind of work took, else by how long all did.
    fn eta(&self) -> Option<f64> {
        let mut measured = self.measured;
        if let Some(step) = self.steps.get(self.current).filter(|step| step.left > 0.0) {
            let (seconds, share) = self.current_pace();
            if share > 0.0 {
                let of_work = &mut measured[step.work as usize];
                of_work.0 += seconds;
                of_work.1 += share * step.guess;
            }
        }
        let slowness = |(seconds, guess): (f64, f64)| {
            (seconds >= BELIEVED && guess > 0.0).then_some(seconds / guess)
        };
        let sum = |pick: fn(&(f64, f64)) -> f64| measured.iter().map(pick).sum::<f64>();
        let overall = slowness((sum(|m| m.0), sum(|m| m.1)))?;
        let left = self.steps.iter().map(|step| {
            let pace = slowness(measured[step.work as usize]).unwrap_or(overall);
            step.left * step.guess * pace
        });
        Some(left.sum())
    }
}

impl TrainReporter for ProgressTracker<'_> {
    fn step(&mut self, report: &TrainStep) {
        let mut figures = format!("loss {:.4}", report.loss);
        for (name, value) in &report.figures {
            figures.push_str(&format!(", {name} {value:.3}"));
        }
        self.what = figures;
        self.advance_to(report.step as f64 / report.steps.max(1) as f64);
    }

    fn preparing(&mut self, what: &'static str, _done: usize, _total: usize) {
        what.clone_into(&mut self.what);
        self.advance_to(0.0);
    }

    fn cancelled(&self) -> bool {
        self.reporter.cancelled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Notes {
        told: Vec<BuildProgress>,
        skipped: Vec<String>,
        stop: bool,
    }

    impl BuildReporter for Notes {
        fn progress(&mut self, progress: &BuildProgress) {
            self.told.push(progress.clone());
        }
        fn skipped(&mut self, step: &str) {
            self.skipped.push(step.to_owned());
        }
        fn cancelled(&self) -> bool {
            self.stop
        }
    }

    #[test]
    fn guesses_are_corrected_by_what_was_measured() {
        let mut notes = Notes::default();
        let mut board = ProgressTracker::new(&mut notes);
        board.plan("a".to_owned(), Work::Train, 10.0);
        board.plan("b".to_owned(), Work::Train, 30.0);
        board.plan("c".to_owned(), Work::Merge, 20.0);
        board.plan("d".to_owned(), Work::Merge, 1000.0);
        board.begin("d").unwrap();
        board.end(false);
        assert_eq!(board.eta(), None, "nothing was measured");
        // Training took twice its guess, and nothing else is known of merging.
        board.measured[Work::Train as usize] = (20.0, 10.0);
        board.steps[0].left = 0.0;
        assert_eq!(board.eta(), Some(30.0 * 2.0 + 20.0 * 2.0));
        board.measured[Work::Merge as usize] = (5.0, 10.0);
        assert_eq!(board.eta(), Some(30.0 * 2.0 + 20.0 * 0.5));
        assert_eq!(notes.skipped, ["d"]);
    }

    #[test]
    fn a_step_only_moves_on_and_can_be_stopped() {
        let mut notes = Notes::default();
        let mut board = ProgressTracker::new(&mut notes);
        board.plan("a".to_owned(), Work::Compress, 1.0);
        board.begin("a").unwrap();
        for (stage, done) in [("threshold", 9), ("svd", 1), ("threshold", 1), ("svd", 10)] {
            let total = 10;
            board.forge(Progress { stage, done, total }).unwrap();
        }
        let fractions: Vec<f64> = notes.told.iter().map(|told| told.fraction).collect();
        assert!(
            fractions.is_sorted() && fractions.last() == Some(&1.0),
            "{fractions:?}"
        );
        let mut stopped = Notes {
            stop: true,
            ..Notes::default()
        };
        assert!(matches!(
            ProgressTracker::new(&mut stopped).check(),
            Err(Error::Cancelled)
        ));
    }
}
