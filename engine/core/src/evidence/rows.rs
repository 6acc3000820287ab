//! Scores as they come, answer by answer, put together arm by arm.

use std::collections::{BTreeMap, HashMap};

use super::{EvidenceError, Result};
use crate::stats::{Arm, ArmPoint, ArmPrompt, StatsError};
use crate::study::Fields;
use crate::types::Split;

/// The scores of one answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRow<'a> {
    /// Of which arm.
    pub arm: &'a str,
    /// Under which setting.
    pub setting: &'a str,
    /// At which point, by its uid.
    pub point: &'a str,
    /// Of the model trained with this seed.
    pub seed: u64,
    /// Drawn with this seed; answers that differ in it alone are averaged.
    pub sample: u64,
    /// To which prompt, by its uid.
    pub prompt: &'a str,
    /// By objective, larger is better; NaN for a score that could not be had.
    pub scores: &'a [f64],
}

/// An arm under one setting, measured on one part of the prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The arm's name in the protocol.
    pub arm: String,
    /// The setting's.
    pub setting: String,
    /// The part of the prompts.
    pub split: Split,
    /// Its scores; its seeds are training seeds.
    pub scores: Arm,
}

/// Rows of one part of the prompts, as they are gathered.
#[derive(Debug, Clone)]
pub struct Sheet {
    split: Split,
    objectives: Vec<String>,
    points: HashMap<String, ArmPoint>,
    prompts: Vec<ArmPrompt>,
    places: HashMap<String, usize>,
    arms: Vec<Gathered>,
    at: HashMap<(String, String), usize>,
}

/// A sampling seed, and the scores of the answer that was drawn with it.
type Sample = (u64, Vec<f64>);

/// The rows of an arm under a setting.
#[derive(Debug, Clone)]
struct Gathered {
    arm: String,
    setting: String,
    points: Vec<String>,
    seeds: Vec<u64>,
    /// By point, seed and prompt: samples with their scores.
    cells: BTreeMap<(usize, usize, usize), Vec<Sample>>,
}

impl Sheet {
    /// An empty one, for answers to these prompts at these points. The numbers of a point stand for the objectives.
    ///
    /// # Errors
    /// [`StatsError::Twice`] where two points or two prompts have one uid.
    pub fn new(
        split: Split,
        objectives: &[String],
        points: &[ArmPoint],
        prompts: &[ArmPrompt],
    ) -> Result<Self> {
        let twice = |what: String| StatsError::Twice {
            name: split.name().to_owned(),
            what,
        };
        let mut known = HashMap::new();
        for point in points {
            if known.insert(point.uid.clone(), point.clone()).is_some() {
                return Err(twice(format!("point `{}`", point.uid)).into());
            }
        }
        let mut places = HashMap::new();
        for (at, prompt) in prompts.iter().enumerate() {
            if places.insert(prompt.uid.clone(), at).is_some() {
                return Err(twice(format!("prompt `{}`", prompt.uid)).into());
            }
        }
        Ok(Self {
            split,
            objectives: objectives.to_vec(),
            points: known,
            prompts: prompts.to_vec(),
            places,
            arms: Vec::new(),
            at: HashMap::new(),
        })
    }

    /// Takes a row.
    ///
    /// # Errors
    /// [`EvidenceError::Scores`] where its point or prompt is not known, it has too many or too few scores, or it stands
    /// there already.
    pub fn add(&mut self, row: ScoreRow<'_>) -> Result<()> {
        let wrong = |problem: String| EvidenceError::scores(row.arm, row.setting, problem);
        if !self.points.contains_key(row.point) {
            return Err(wrong(format!("no point is called `{}`", row.point)));
        }
        let Some(&prompt) = self.places.get(row.prompt) else {
            return Err(wrong(format!(
                "no {} prompt is called `{}`",
                self.split.name(),
                row.prompt
            )));
        };
        let needed = self.objectives.len();
        if row.scores.len() != needed {
            let problem = format!("a row has {} scores, {needed} needed", row.scores.len());
            return Err(wrong(problem));
        }
        let key = (row.arm.to_owned(), row.setting.to_owned());
        let place = *self.at.entry(key).or_insert(self.arms.len());
        if place == self.arms.len() {
            self.arms.push(Gathered {
                arm: row.arm.to_owned(),
                setting: row.setting.to_owned(),
                points: Vec::new(),
                seeds: Vec::new(),
                cells: BTreeMap::new(),
            });
        }
        let arm = &mut self.arms[place];
        let point = index_of(
            &mut arm.points,
            |known| known == row.point,
            || row.point.to_owned(),
        );
        let seed = index_of(&mut arm.seeds, |known| *known == row.seed, || row.seed);
        let samples = arm.cells.entry((point, seed, prompt)).or_default();
        if samples.iter().any(|(sample, _)| *sample == row.sample) {
            return Err(wrong(format!(
                "two rows are of point `{}`, training seed {}, sample {} and prompt `{}`",
                row.point, row.seed, row.sample, row.prompt
            )));
        }
        samples.push((row.sample, row.scores.to_vec()));
        Ok(())
    }

    /// The arms, in order of appearance.
    ///
    /// # Errors
    /// [`EvidenceError::Scores`] where an arm has rows for some prompts, seeds or points and lacks others: a score that
    /// could not be had is a row of NaN, and not a row that is not there.
    pub fn measured(&self) -> Result<Vec<Measured>> {
        self.arms.iter().map(|arm| self.arm(arm)).collect()
    }

    fn arm(&self, gathered: &Gathered) -> Result<Measured> {
        let width = self.objectives.len();
        let mut scores = Vec::new();
        let mut missing = Vec::new();
        for point in 0..gathered.points.len() {
            for seed in 0..gathered.seeds.len() {
                for prompt in 0..self.prompts.len() {
                    let Some(samples) = gathered.cells.get(&(point, seed, prompt)) else {
                        missing.push((point, seed, prompt));
                        continue;
                    };
                    scores.extend((0..width).map(|k| {
                        let sum: f64 = samples.iter().map(|(_, scores)| scores[k]).sum();
                        sum / samples.len() as f64
                    }));
                }
            }
        }
        if let Some(&(point, seed, prompt)) = missing.first() {
            let problem = format!(
                "{} rows are missing, the first at point `{}`, training seed {}, prompt `{}`",
                missing.len(),
                gathered.points[point],
                gathered.seeds[seed],
                self.prompts[prompt].uid
            );
            return Err(EvidenceError::scores(
                &gathered.arm,
                &gathered.setting,
                problem,
            ));
        }
        let points = gathered.points.iter();
        Ok(Measured {
            arm: gathered.arm.clone(),
            setting: gathered.setting.clone(),
            split: self.split,
            scores: Arm {
                name: gathered.arm.clone(),
                points: points
                    .filter_map(|uid| self.points.get(uid).cloned())
                    .collect(),
                axes: self.objectives.clone(),
                objectives: self.objectives.clone(),
                prompts: self.prompts.clone(),
                seeds: gathered.seeds.clone(),
                scores,
            },
        })
    }
}

/// Where something stands in a list; at its end if it was not there.
fn index_of<T>(all: &mut Vec<T>, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> usize {
    all.iter().position(is).unwrap_or_else(|| {
        all.push(make());
        all.len() - 1
    })
}

/// SHA-256 of what was measured, whatever the order of the arms: two results with one digest rest on the same scores.
pub fn rows_digest(measured: &[Measured]) -> String {
    let mut order: Vec<&Measured> = measured.iter().collect();
    order.sort_by(|a, b| (&a.arm, &a.setting).cmp(&(&b.arm, &b.setting)));
    let mut fields = Fields::new("paretoscope evidence rows 1");
    fields.count(order.len());
    for one in order {
        fields.text(&one.arm);
        fields.text(&one.setting);
        fields.text(one.split.name());
        fields.texts(&one.scores.objectives);
        let uids: Vec<String> = one.scores.points.iter().map(|p| p.uid.clone()).collect();
        fields.texts(&uids);
        fields.count(one.scores.seeds.len());
        for &seed in &one.scores.seeds {
            fields.whole(seed);
        }
        fields.count(one.scores.prompts.len());
        for prompt in &one.scores.prompts {
            fields.text(&prompt.uid);
            fields.text(prompt.group.as_deref().unwrap_or_default());
        }
        for &score in &one.scores.scores {
            fields.number(score);
        }
    }
    fields.uid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let point = |uid: &str| ArmPoint {
            uid: uid.to_owned(),
            name: None,
            place: vec![1.0],
        };
        let prompt = |uid: &str| ArmPrompt {
            uid: uid.to_owned(),
            group: None,
        };
        let points = ["x", "y"].map(point);
        let prompts = ["p", "q"].map(prompt);
        Sheet::new(Split::Test, &["o".to_owned()], &points, &prompts).unwrap()
    }

    fn row<'a>(point: &'a str, sample: u64, prompt: &'a str, scores: &'a [f64]) -> ScoreRow<'a> {
        ScoreRow {
            arm: "a",
            setting: "s",
            point,
            seed: 5,
            sample,
            prompt,
            scores,
        }
    }

    #[test]
    fn rows_become_arms_and_samples_are_averaged() {
        let mut one = sheet();
        for (point, sample, prompt, score) in [
            ("y", 0, "q", 1.0),
            ("y", 0, "p", 2.0),
            ("x", 0, "p", 3.0),
            ("x", 1, "p", 5.0),
            ("x", 0, "q", f64::NAN),
        ] {
            one.add(row(point, sample, prompt, &[score])).unwrap();
        }
        let found = one.measured().unwrap().remove(0);
        assert!(found.scores.check().is_ok());
        assert_eq!((found.arm.as_str(), found.setting.as_str()), ("a", "s"));
        assert_eq!(found.scores.points[0].uid, "y");
        assert_eq!(found.scores.seeds, [5]);
        assert_eq!(found.scores.scores[..3], [2.0, 1.0, 4.0]);
        assert!(found.scores.scores[3].is_nan());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let mut one = sheet();
        let words = |one: &mut Sheet, row: ScoreRow<'_>| one.add(row).unwrap_err().to_string();
        assert_eq!(
            words(&mut one, row("z", 0, "p", &[1.0])),
            "a, s: no point is called `z`"
        );
        assert_eq!(
            words(&mut one, row("x", 0, "r", &[1.0])),
            "a, s: no test prompt is called `r`"
        );
        assert_eq!(
            words(&mut one, row("x", 0, "p", &[1.0, 2.0])),
            "a, s: a row has 2 scores, 1 needed"
        );
        one.add(row("x", 0, "p", &[1.0])).unwrap();
        let again = words(&mut one, row("x", 0, "p", &[1.0]));
        assert!(
            again.contains("two rows are of point `x`, training seed 5"),
            "{again}"
        );
        let missing = one.measured().unwrap_err().to_string();
        assert_eq!(
            missing,
            "a, s: 1 rows are missing, the first at point `x`, training seed 5, prompt `q`"
        );
        let twice = [one.prompts[0].clone(), one.prompts[0].clone()];
        let words = Sheet::new(Split::Test, &[], &[], &twice).unwrap_err();
        assert_eq!(words.to_string(), "test: prompt `p` stands there twice");
    }

    #[test]
    fn the_digest_is_of_the_scores_and_not_of_the_order_of_arms() {
        let mut one = sheet();
        for prompt in ["p", "q"] {
            for arm in ["a", "b"] {
                one.add(ScoreRow {
                    arm,
                    ..row("x", 0, prompt, &[1.0])
                })
                .unwrap();
            }
        }
        let mut all = one.measured().unwrap();
        let digest = rows_digest(&all);
        all.reverse();
        assert_eq!(rows_digest(&all), digest);
        all[0].scores.scores[0] = 1.5;
        assert_ne!(rows_digest(&all), digest);
    }
}
