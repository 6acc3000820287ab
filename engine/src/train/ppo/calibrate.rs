//! The scale of rewards, measured before anything is learnt, and the ideal point in it.

use serde::{Deserialize, Serialize};

use super::actor::{Actor, Answer};
use crate::train::progress::TrainReporter;
use crate::types::Point;
use crate::{Error, Result};

/// What an empty answer scores: so many deviations below the base model's mean.
const EMPTY: f64 = -3.0;
/// Below this a reward model tells no answers apart.
const FLAT: f64 = 1e-6;

/// Mean and deviation of every objective's reward over answers of the base model: reward models differ in
/// scale by an order of magnitude, so nothing else is done with raw scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scale {
    pub(super) mean: Vec<f64>,
    pub(super) deviation: Vec<f64>,
}

impl Scale {
    fn of(scores: &[Vec<f64>], names: &[String]) -> Result<Self> {
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        for (objective, name) in names.iter().enumerate() {
            let column = scores.iter().filter_map(|row| row.get(objective).copied());
            let finite: Vec<f64> = column.filter(|score| score.is_finite()).collect();
            let count = finite.len() as f64;
            let m = finite.iter().sum::<f64>() / count;
            let variance = finite.iter().map(|s| (s - m).powi(2)).sum::<f64>() / (count - 1.0);
            let d = variance.sqrt();
            if !(d.is_finite() && d > FLAT) {
                let problem = format!(
                    "{name} gives {} answers of the base model scores with a deviation of {d:.1e}: it tells \
                     them not apart, so nothing can be learnt from it",
                    finite.len()
                );
                return Err(Error::option("rewards", problem));
            }
            mean.push(m);
            deviation.push(d);
        }
        Ok(Self { mean, deviation })
    }

    /// Scores in deviations from the base model's mean.
    pub(super) fn normalise(&self, scores: &[f64]) -> Vec<f64> {
        let scale = self.mean.iter().zip(&self.deviation);
        let normal = scores.iter().zip(scale).map(|(s, (m, d))| (s - m) / d);
        normal
            .map(|s| if s.is_finite() { s } else { EMPTY })
            .collect()
    }

    /// Means of normalised scores per objective.
    pub(super) fn means(&self, scores: &[Vec<f64>]) -> Vec<f64> {
        let mut means = vec![0.0; self.mean.len()];
        for row in scores {
            for (mean, score) in means.iter_mut().zip(self.normalise(row)) {
                *mean += score / scores.len() as f64;
            }
        }
        means
    }
}

/// Answers at one point to the first prompts, scored.
pub(super) fn sample(
    actor: &Actor,
    point: &Point,
    count: usize,
    what: &'static str,
    reporter: &mut dyn TrainReporter,
) -> Result<Vec<Vec<f64>>> {
    let asked: Vec<usize> = (0..count).map(|i| i % actor.prompts()).collect();
    let answers: Vec<Answer> = actor.answer(point, &asked, 0, &mut |done| {
        reporter.preparing(what, done, count);
        if reporter.cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    })?;
    actor.score(&answers)
}

/// The scale, from the base model's answers.
pub(super) fn scale(
    actor: &Actor,
    base: &Point,
    count: usize,
    reporter: &mut dyn TrainReporter,
) -> Result<Scale> {
    let scores = sample(actor, base, count, "scale of the rewards", reporter)?;
    Scale::of(&scores, &actor.objectives())
}

/// The best mean reward that any of `points` reaches, per objective, plus `margin`: above everything the
/// policy can be expected to do.
pub(super) fn ideal(
    actor: &Actor,
    scale: &Scale,
    points: &[Point],
    (count, margin): (usize, f64),
    reporter: &mut dyn TrainReporter,
) -> Result<Vec<f64>> {
    let mut best = vec![f64::NEG_INFINITY; scale.mean.len()];
    for point in points {
        let scores = sample(actor, point, count, "ideal point of the experts", reporter)?;
        for (best, mean) in best.iter_mut().zip(scale.means(&scores)) {
            *best = best.max(mean);
        }
    }
    Ok(best.into_iter().map(|best| best + margin).collect())
}
