//! A number of methods whose models were trained several times: what another training run, on other prompts, would show.
//!
//! Its variance is that of the runs' numbers over the seeds and that of their mean over draws of prompts, added; Student's t
//! with degrees of freedom by Satterthwaite's rule. Where runs vary more than prompts do, intervals from drawing both are
//! too narrow; these are not.

use serde::{Deserialize, Serialize};

use super::draws::counts;
use super::student::{quantile, two_sided};
use super::{Draws, Frame, Progress, Result, SeedKind, StatsError};

/// A number over training seeds and prompts, with what its intervals follow from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// The mean over seeds.
    pub value: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom behind the interval; `None` where nothing varies.
    pub freedom: Option<f64>,
    /// Training seeds. One says nothing of other training runs: the interval is over prompts alone.
    pub seeds: usize,
    /// Groups of prompts, which are drawn whole.
    pub groups: usize,
}

/// Where a number's variance comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sources {
    /// Of the mean over seeds: the runs' variance over their number; 0 for one run.
    pub(super) of_seeds: f64,
    /// Of the mean over seeds, by which prompts were asked.
    pub(super) of_prompts: f64,
    pub(super) seeds: usize,
    pub(super) groups: usize,
}

impl Trained {
    /// From the number in each run, on all prompts, and the mean over runs in each draw of prompts.
    pub fn of(per_seed: &[f64], drawn: &[f64], groups: usize) -> Self {
        let seeds = per_seed.len();
        let of_seeds = if seeds > 1 {
            variance(per_seed) / seeds as f64
        } else {
            0.0
        };
        let sources = Sources {
            of_seeds,
            of_prompts: variance(drawn),
            seeds,
            groups,
        };
        Self::with(mean(per_seed), sources)
    }

    /// A value with its sources of variance.
    pub(super) fn with(value: f64, from: Sources) -> Self {
        let variance = from.of_seeds + from.of_prompts;
        let part = |variance: f64, count: usize| {
            // A source that does not vary, of one run for example, has no degrees of freedom to count.
            if variance > 0.0 {
                variance * variance / (count as f64 - 1.0)
            } else {
                0.0
            }
        };
        let share = part(from.of_seeds, from.seeds) + part(from.of_prompts, from.groups);
        let mut found = Self {
            value,
            low: f64::NAN,
            high: f64::NAN,
            error: variance.sqrt(),
            freedom: (share > 0.0).then(|| variance * variance / share),
            seeds: from.seeds,
            groups: from.groups,
        };
        [found.low, found.high] = found.interval(0.95);
        found
    }

    /// The interval that holds the middle `level` of Student's distribution, e.g. 0.95; the value alone where nothing
    /// varies.
    pub fn interval(&self, level: f64) -> [f64; 2] {
        let half = match self.freedom {
            Some(freedom) => quantile(f64::midpoint(1.0, level), freedom) * self.error,
            None => 0.0,
        };
        [self.value - half, self.value + half]
    }

    /// How likely a value so far from 0, either way, would be if it were 0.
    pub fn p(&self) -> f64 {
        match self.freedom {
            Some(freedom) => two_sided(self.value / self.error, freedom),
            None if self.value == 0.0 => 1.0,
            None => 0.0,
        }
    }

    /// Whether it is as good as 0, by what was fixed beforehand as no difference: the 90 % interval lies within `-delta` to
    /// `delta` (two one-sided tests at 5 %; Schuirmann 1987). That an interval holds 0 does not say so.
    pub fn is_within(&self, delta: f64) -> bool {
        let [low, high] = self.interval(0.9);
        low > -delta && high < delta
    }

    /// Whether an interval of this level leaves out 0.
    pub fn is_off_zero(&self, level: f64) -> bool {
        let [low, high] = self.interval(level);
        low > 0.0 || high < 0.0
    }
}

/// Numbers of every training run of a frame's arms: on all prompts, and on average over runs in every draw of prompts. One
/// draw holds for all arms, points and seeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs {
    /// Numbers, in them seeds.
    per_seed: Vec<Vec<f64>>,
    /// Numbers, in them draws.
    drawn: Vec<Vec<f64>>,
    groups: usize,
}

impl Runs {
    /// Reads numbers off every run. `read` is given the mean scores of one training seed, in the frame's units: arms, in
    /// them points, in them objectives; it gives equally many numbers each time.
    ///
    /// # Errors
    /// [`StatsError::TooFew`] where the arms share no training seed, or there are fewer than two groups of prompts or two
    /// draws; [`StatsError::Cancelled`] where `progress` breaks.
    pub fn read(
        frame: &Frame,
        draws: Draws,
        progress: Progress<'_>,
        mut read: impl FnMut(&[&[Vec<f64>]]) -> Vec<f64>,
    ) -> Result<Self> {
        let shared = match frame.seed_kind {
            SeedKind::Training => frame.seeds.len(),
            SeedKind::Sampling => 0,
        };
        let sizes = [
            ("training seeds that all arms have", shared, 1),
            ("groups of prompts", frame.groups.len(), 2),
            ("draws", draws.draws, 2),
        ];
        for (of, got, needed) in sizes {
            if got < needed {
                return Err(StatsError::TooFew { of, got, needed });
            }
        }
        let every = vec![1.0; shared];
        let mut of_runs = |prompts: &[f64]| -> Vec<Vec<f64>> {
            let arms: Vec<_> = (0..frame.arms.len())
                .map(|arm| frame.weighted_means(arm, &every, prompts))
                .collect();
            let run = |seed: usize| -> Vec<&[Vec<f64>]> {
                arms.iter()
                    .map(|runs| runs[seed].points.as_slice())
                    .collect()
            };
            (0..shared).map(|seed| read(&run(seed))).collect()
        };
        let whole = of_runs(&vec![1.0; frame.prompts.len()]);
        let numbers = whole.first().map_or(0, Vec::len);
        let per_number =
            |runs: &[Vec<f64>], at: usize| -> Vec<f64> { runs.iter().map(|run| run[at]).collect() };
        let mut drawn = vec![Vec::with_capacity(draws.draws); numbers];
        draws.each(progress, |random| {
            let prompts = counts(random, &frame.groups, frame.prompts.len());
            let runs = of_runs(&prompts);
            for (at, drawn) in drawn.iter_mut().enumerate() {
                drawn.push(mean(&per_number(&runs, at)));
            }
        })?;
        Ok(Self {
            per_seed: (0..numbers).map(|at| per_number(&whole, at)).collect(),
            drawn,
            groups: frame.groups.len(),
        })
    }

    /// One of the numbers; `None` where it is not finite in some run or draw, and for a number that was not read.
    pub fn number(&self, at: usize) -> Option<Trained> {
        self.known(self.per_seed.get(at)?.clone(), self.drawn.get(at)?.clone())
    }

    /// One number less another, paired by seed and by draw; `None` as in [`Runs::number`].
    pub fn difference(&self, one: usize, other: usize) -> Option<Trained> {
        let less = |all: &[Vec<f64>]| -> Option<Vec<f64>> {
            let pairs = all.get(one)?.iter().zip(all.get(other)?);
            Some(pairs.map(|(x, y)| x - y).collect())
        };
        self.known(less(&self.per_seed)?, less(&self.drawn)?)
    }

    /// A number in each run, on all prompts.
    pub fn per_seed(&self, at: usize) -> &[f64] {
        self.per_seed.get(at).map_or(&[], Vec::as_slice)
    }

    fn known(&self, per_seed: Vec<f64>, drawn: Vec<f64>) -> Option<Trained> {
        let finite = per_seed.iter().chain(&drawn).all(|value| value.is_finite());
        finite.then(|| Trained::of(&per_seed, &drawn, self.groups))
    }
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

#[cfg(test)]
#[path = "trained_tests.rs"]
mod tests;
