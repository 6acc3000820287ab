//! What one method, or one sweep, scored.

use super::{Result, StatsError};
use crate::pareto::front;

/// A point of an arm.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmPoint {
    /// Names it in files, and across the splits of one sweep.
    pub uid: String,
    /// What a person calls it.
    pub name: Option<String>,
    /// Its numbers, one per axis of the arm; others where the point is of another kind.
    pub place: Vec<f64>,
}

/// A prompt of an arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmPrompt {
    /// Names it across arms. A prompt that stands there twice counts twice.
    pub uid: String,
    /// What it belongs to (a topic, a dialogue): prompts of one group are drawn together.
    pub group: Option<String>,
}

/// The scores of points x seeds x prompts x objectives, larger is better.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// The method's or the sweep's name.
    pub name: String,
    /// The points.
    pub points: Vec<ArmPoint>,
    /// What the numbers of a point stand for: names of objectives (of a preference's shares) or of value vectors.
    pub axes: Vec<String>,
    /// The scorers' names.
    pub objectives: Vec<String>,
    /// The prompts.
    pub prompts: Vec<ArmPrompt>,
    /// The seeds; at least one.
    pub seeds: Vec<u64>,
    /// Flat: points, in them seeds, in them prompts, in them objectives. NaN is missing.
    pub scores: Vec<f64>,
}

impl Arm {
    /// Refuses scores that are more or fewer than points, seeds, prompts and objectives say, and no seed at all.
    pub fn check(&self) -> Result<()> {
        if self.seeds.is_empty() {
            return Err(StatsError::Count {
                name: self.name.clone(),
                of: "seeds",
                got: 0,
                needed: 1,
            });
        }
        let sizes = [
            self.points.len(),
            self.seeds.len(),
            self.prompts.len(),
            self.objectives.len(),
        ];
        let needed = sizes.iter().product();
        if self.scores.len() != needed {
            return Err(StatsError::Count {
                name: self.name.clone(),
                of: "scores (points x seeds x prompts x objectives)",
                got: self.scores.len(),
                needed,
            });
        }
        Ok(())
    }

    /// One score.
    pub fn score(&self, point: usize, seed: usize, prompt: usize, objective: usize) -> f64 {
        let row = (point * self.seeds.len() + seed) * self.prompts.len() + prompt;
        self.scores[row * self.objectives.len() + objective]
    }

    /// Mean scores per point and objective over seeds and prompts; NaN where one is missing.
    pub fn means(&self) -> Vec<Vec<f64>> {
        let count = (self.seeds.len() * self.prompts.len()) as f64;
        let mean = |point: usize, k: usize| {
            let seeds = 0..self.seeds.len();
            let rows = seeds.flat_map(|s| (0..self.prompts.len()).map(move |p| (s, p)));
            rows.map(|(s, p)| self.score(point, s, p, k)).sum::<f64>() / count
        };
        (0..self.points.len())
            .map(|point| (0..self.objectives.len()).map(|k| mean(point, k)).collect())
            .collect()
    }

    /// The arm with these of its points alone, in this order; places beyond the last are left out.
    pub fn only(&self, points: &[usize]) -> Self {
        let size = self.seeds.len() * self.prompts.len() * self.objectives.len();
        let kept = points.iter().filter(|&&at| at < self.points.len());
        let scores = kept
            .clone()
            .flat_map(|at| &self.scores[at * size..(at + 1) * size]);
        Self {
            points: kept.clone().map(|&at| self.points[at].clone()).collect(),
            scores: scores.copied().collect(),
            ..self.clone()
        }
    }
}

/// The points of a validation arm that are on its front, by place.
pub fn choose(validation: &Arm) -> Vec<usize> {
    front(&validation.means())
}

/// What was chosen on one split, as another measured it: the points of `test` with the uids of the `chosen` of
/// `validation`.
///
/// # Errors
/// [`StatsError::Missing`] names a point that `test` lacks.
pub fn read(test: &Arm, validation: &Arm, chosen: &[usize]) -> Result<Arm> {
    let place = |&at: &usize| {
        let uid = &validation.points[at].uid;
        let found = test.points.iter().position(|point| point.uid == *uid);
        found.ok_or_else(|| StatsError::Missing {
            name: test.name.clone(),
            of: "point",
            missing: uid.clone(),
        })
    };
    let known = chosen.iter().filter(|&&at| at < validation.points.len());
    let places: Vec<usize> = known.map(place).collect::<Result<_>>()?;
    Ok(test.only(&places))
}

/// An arm of what was chosen on one split, as another measured it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The chosen points with their scores on the split that measures.
    pub arm: Arm,
    /// Of how many points they were chosen.
    pub of: usize,
}

/// Keeps the points of `measured` that are on the front of `choosing`, the same arm on another split.
///
/// # Errors
/// [`StatsError::TooFew`] where `choosing` has no prompt, or no point with a score for every one of them;
/// [`StatsError::Missing`] names a point that `measured` lacks.
pub fn hold(measured: &Arm, choosing: &Arm) -> Result<Held> {
    let chosen = if choosing.prompts.is_empty() {
        Vec::new()
    } else {
        choose(choosing)
    };
    if chosen.is_empty() {
        return Err(StatsError::TooFew {
            of: "points with scores for every prompt that points are chosen on",
            got: 0,
            needed: 1,
        });
    }
    Ok(Held {
        arm: read(measured, choosing, &chosen)?,
        of: choosing.points.len(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An arm with one seed, from the scores of points x prompts.
    pub(in crate::stats) fn arm(name: &str, scores: &[Vec<Vec<f64>>]) -> Arm {
        let objectives = scores[0][0].len();
        let names = |letter: &str, count: usize| -> Vec<String> {
            (0..count).map(|i| format!("{letter}{i}")).collect()
        };
        Arm {
            name: name.to_owned(),
            points: names("p", scores.len())
                .into_iter()
                .enumerate()
                .map(|(at, uid)| ArmPoint {
                    uid,
                    name: None,
                    place: vec![at as f64; objectives],
                })
                .collect(),
            axes: names("o", objectives),
            objectives: names("o", objectives),
            prompts: names("q", scores[0].len())
                .into_iter()
                .map(|uid| ArmPrompt { uid, group: None })
                .collect(),
            seeds: vec![0],
            scores: scores.iter().flatten().flatten().copied().collect(),
        }
    }

    #[test]
    fn what_validation_chooses_test_reads() {
        let points = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.4], [f64::NAN, 9.0]];
        let scores: Vec<Vec<Vec<f64>>> = points.iter().map(|p| vec![p.to_vec(); 3]).collect();
        let validation = arm("validation", &scores);
        let chosen = choose(&validation);
        assert_eq!(chosen, [0, 1, 2]);
        let mut test = validation.only(&[2, 1, 0]);
        test.name = "test".to_owned();
        let held = read(&test, &validation, &chosen[..2]).unwrap();
        assert_eq!(held.points, validation.points[..2]);
        assert_eq!(held.means(), [[1.0, 0.0], [0.0, 1.0]]);
        let whole = hold(&test, &validation).unwrap();
        assert_eq!((whole.arm.points.len(), whole.of), (3, 4));
        let nobody = validation.only(&[3]);
        let words = hold(&test, &nobody).unwrap_err().to_string();
        assert!(
            words.starts_with("0 points with scores for every prompt"),
            "{words}"
        );
        let words = read(&test, &validation, &[3]).unwrap_err().to_string();
        assert_eq!(words, "test: no point is called `p3`");
        let none = Arm {
            seeds: Vec::new(),
            scores: Vec::new(),
            ..test.clone()
        };
        assert!(none.check().unwrap_err().to_string().contains("0 seeds"));
        test.scores.pop();
        let words = test.check().unwrap_err().to_string();
        assert!(
            words.contains("17 scores") && words.contains("18 needed"),
            "{words}"
        );
    }
}
