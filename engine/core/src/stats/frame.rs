//! What several arms are compared in, settled before any of them is looked at: the objectives and prompts that all have,
//! the scale, the reference.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::columns::{Columns, occurrences};
use super::draws::grouped;
use super::{Arm, ArmPoint, Result, StatsError};
use crate::pareto::reference_point;

/// Names that a mismatch shows before it only counts.
const SHOWN: usize = 3;

/// What scores are standardised by: mean and deviation of the base model's scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub deviation: f64,
}

impl Scale {
    /// Of an objective's scores; `None` where fewer than two are finite, or all are equal.
    pub fn of(scores: &[f64]) -> Option<Self> {
        let finite: Vec<f64> = scores.iter().copied().filter(|s| s.is_finite()).collect();
        let n = finite.len() as f64;
        let mean = finite.iter().sum::<f64>() / n;
        let squares: f64 = finite.iter().map(|s| (s - mean).powi(2)).sum();
        let deviation = (squares / (n - 1.0)).sqrt();
        (deviation > 0.0).then_some(Self { mean, deviation })
    }
}

/// What several seeds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeedKind {
    /// Answers drawn anew from one model: their scores are averaged first.
    #[default]
    Sampling,
    /// Models trained anew: each has a front of its own, and volumes are averaged.
    Training,
}

/// What a person settles.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrameOptions {
    /// The scale of each objective, by name; raw scores where empty.
    pub scale: Vec<(String, Scale)>,
    /// The reference, one number per shared objective in the frame's units; else the worst of all less a tenth of the range.
    pub reference: Option<Vec<f64>>,
    /// What several seeds are.
    pub seeds: SeedKind,
}

/// What some arms have and others lack, and what is therefore left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Objectives that not all are scored by.
    Objectives,
    /// Prompts that not all have answers to, with scores.
    Prompts,
    /// Seeds that not all have.
    Seeds,
    /// Points without a score for every prompt: a mean over fewer is another measurement.
    Points,
}

/// What is left out of an arm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The arm.
    pub arm: String,
    /// What of it.
    pub what: Lacking,
    /// Which.
    pub names: Vec<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self.what {
            Lacking::Objectives => ("objectives", "not all arms are scored by them"),
            Lacking::Prompts => ("prompts", "not all arms have scored answers to them"),
            Lacking::Seeds => ("seeds", "not all arms have them"),
            Lacking::Points => ("points", "scores of some prompts are missing"),
        };
        let count = self.names.len();
        let shown = self.names[..count.min(SHOWN)].join(", ");
        let more = if count > SHOWN { ", ..." } else { "" };
        write!(
            f,
            "{}: {count} {what} left out ({shown}{more}), since {why}",
            self.arm
        )
    }
}

/// An arm as it stands in a frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Framed {
    pub(super) name: String,
    pub(super) points: Vec<ArmPoint>,
    pub(super) axes: Vec<String>,
    pub(super) seeds: usize,
    /// Flat: points, seeds, prompts, objectives; all finite.
    pub(super) scores: Vec<f64>,
}

/// Mean scores of one run, points x objectives, and how often it counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Replicate {
    pub(super) count: f64,
    pub(super) points: Vec<Vec<f64>>,
}

/// The frame, with the arms in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The objectives that all arms are scored by.
    pub objectives: Vec<String>,
    /// The prompts that all arms have scored answers to, by uid.
    pub prompts: Vec<String>,
    /// The seeds that all arms have; empty where they have none in common, and each keeps its own.
    pub seeds: Vec<u64>,
    /// What several seeds are.
    pub seed_kind: SeedKind,
    /// The scale of each objective, where scores are standardised.
    pub scale: Option<Vec<Scale>>,
    /// Where volumes are measured from.
    pub reference: Vec<f64>,
    /// The worst and best mean of any point, per objective.
    pub range: Vec<[f64; 2]>,
    /// What was left out.
    pub mismatches: Vec<Mismatch>,
    /// SHA-256 of everything above but the range and the mismatches.
    pub digest: String,
    /// Prompts that are drawn together.
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) arms: Vec<Framed>,
}

impl Frame {
    /// Settles a frame for these arms.
    ///
    /// # Errors
    /// Where arms have no objective or no scored prompt in common, a scale or the reference does not fit, or scores are more
    /// or fewer than an arm's sizes say.
    pub fn new(arms: &[Arm], options: &FrameOptions) -> Result<Self> {
        arms.iter().try_for_each(Arm::check)?;
        let Some(first) = arms.first() else {
            return Err(StatsError::TooFew {
                of: "arms",
                got: 0,
                needed: 1,
            });
        };
        let mut mismatches = Vec::new();
        let nothing = |of: &'static str| StatsError::NothingShared {
            of,
            arms: arms.iter().map(|arm| arm.name.clone()).collect(),
        };
        let shared = |name: &&String| arms.iter().all(|arm| arm.objectives.contains(name));
        let objectives: Vec<String> = first.objectives.iter().filter(shared).cloned().collect();
        for arm in arms {
            let other = arm.objectives.iter().filter(|o| !objectives.contains(o));
            note(
                &mut mismatches,
                arm,
                Lacking::Objectives,
                other.cloned().collect(),
            );
        }
        if objectives.is_empty() {
            return Err(nothing("objective"));
        }
        let scale = options.scale_of(&objectives)?;
        let seeds = shared_seeds(arms, &mut mismatches);

        let columns: Vec<Columns> = arms
            .iter()
            .map(|a| Columns::of(a, &objectives, &seeds))
            .collect();
        let keys: Vec<HashMap<(&str, usize), usize>> = arms
            .iter()
            .zip(&columns)
            .map(|(arm, columns)| columns.scored_prompts(arm))
            .collect();
        let in_all = |key: &(&str, usize)| keys.iter().all(|keys| keys.contains_key(key));
        let prompts: Vec<(&str, usize)> = occurrences(first).into_iter().filter(in_all).collect();
        for arm in arms {
            let kept: HashSet<&(&str, usize)> = prompts.iter().collect();
            let other = occurrences(arm)
                .into_iter()
                .filter(|key| !kept.contains(key));
            let other = other.map(|(uid, _)| uid.to_owned()).collect();
            note(&mut mismatches, arm, Lacking::Prompts, other);
        }
        if prompts.is_empty() {
            return Err(nothing("scored prompt"));
        }
        let mut framed = Vec::new();
        for ((arm, columns), keys) in arms.iter().zip(&columns).zip(&keys) {
            let rows: Vec<usize> = prompts.iter().map(|key| keys[key]).collect();
            let (one, incomplete) = columns.take(arm, &rows, scale.as_deref());
            note(&mut mismatches, arm, Lacking::Points, incomplete);
            if one.points.is_empty() {
                return Err(StatsError::TooFew {
                    of: "points with a score for every prompt in an arm",
                    got: 0,
                    needed: 1,
                });
            }
            framed.push(one);
        }
        let place_in_first = |key: &(&str, usize)| &first.prompts[keys[0][key]];
        let groups = grouped(prompts.iter().map(|key| {
            let prompt = place_in_first(key);
            prompt
                .group
                .as_ref()
                .map_or((false, &prompt.uid), |group| (true, group))
        }));
        let mut frame = Self {
            prompts: prompts.iter().map(|(uid, _)| (*uid).to_owned()).collect(),
            objectives,
            seeds,
            seed_kind: options.seeds,
            scale,
            reference: Vec::new(),
            range: Vec::new(),
            mismatches,
            digest: String::new(),
            groups,
            arms: framed,
        };
        frame.settle(options)?;
        Ok(frame)
    }

    /// The names of the arms, in order.
    pub fn arms(&self) -> impl Iterator<Item = &str> {
        self.arms.iter().map(|arm| arm.name.as_str())
    }

    /// The points of an arm that are compared: all that have a score for every prompt.
    pub fn points(&self, arm: usize) -> &[ArmPoint] {
        &self.arms[arm].points
    }

    /// Mean scores of an arm, in the frame's units: per run (a training seed; else one for all), point and objective.
    pub fn means(&self, arm: usize) -> Vec<Vec<Vec<f64>>> {
        let seeds = vec![1.0; self.arms[arm].seeds];
        let prompts = vec![1.0; self.prompts.len()];
        let runs = self.weighted_means(arm, &seeds, &prompts);
        runs.into_iter().map(|run| run.points).collect()
    }

    /// What the numbers of an arm's points stand for.
    pub fn axes(&self, arm: usize) -> &[String] {
        &self.arms[arm].axes
    }

    /// Groups of prompts, which are drawn whole.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Whether two points, each of an arm, have the same scores for every prompt and seed: answers that nothing told apart.
    pub fn scores_alike(&self, one: (usize, usize), other: (usize, usize)) -> bool {
        let of = |(arm, point): (usize, usize)| {
            let framed = &self.arms[arm];
            let size = framed.seeds * self.prompts.len() * self.objectives.len();
            &framed.scores[point * size..(point + 1) * size]
        };
        of(one) == of(other)
    }

    /// Means under how often each seed and each prompt counts: one run for all, or one per training seed.
    pub(super) fn weighted_means(
        &self,
        arm: usize,
        seeds: &[f64],
        prompts: &[f64],
    ) -> Vec<Replicate> {
        let framed = &self.arms[arm];
        let width = self.objectives.len();
        let size = prompts.len() * width;
        let total: f64 = prompts.iter().sum();
        let of_seed = |point: usize, seed: usize, sums: &mut [f64], times: f64| {
            let at = (point * framed.seeds + seed) * size;
            let rows = framed.scores[at..at + size].chunks_exact(width);
            for (row, &count) in rows.zip(prompts) {
                for (sum, score) in sums.iter_mut().zip(row) {
                    *sum += times * count * score;
                }
            }
        };
        let drawn = || seeds.iter().enumerate().filter(|(_, count)| **count > 0.0);
        let mean = |point: usize, over: &[(usize, f64)]| -> Vec<f64> {
            let mut sums = vec![0.0; width];
            let mut counted = 0.0;
            for &(seed, count) in over {
                of_seed(point, seed, &mut sums, count);
                counted += count;
            }
            sums.iter().map(|sum| sum / (counted * total)).collect()
        };
        let run = |count: f64, over: &[(usize, f64)]| Replicate {
            count,
            points: (0..framed.points.len()).map(|p| mean(p, over)).collect(),
        };
        match self.seed_kind {
            SeedKind::Sampling => {
                let over: Vec<(usize, f64)> = drawn().map(|(seed, count)| (seed, *count)).collect();
                vec![run(1.0, &over)]
            }
            SeedKind::Training => drawn()
                .map(|(seed, count)| run(*count, &[(seed, 1.0)]))
                .collect(),
        }
    }

    /// Range, reference and digest, from the means of all arms.
    fn settle(&mut self, options: &FrameOptions) -> Result<()> {
        let arms = 0..self.arms.len();
        let union: Vec<Vec<f64>> = arms.flat_map(|arm| self.means(arm)).flatten().collect();
        self.range = (0..self.objectives.len())
            .map(|k| {
                let values = union.iter().map(|point| point[k]);
                let ends = [f64::INFINITY, f64::NEG_INFINITY];
                values.fold(ends, |[low, high], v| [low.min(v), high.max(v)])
            })
            .collect();
        self.reference = match &options.reference {
            None => reference_point(&union).unwrap_or_default(),
            Some(given) => {
                if given.len() != self.objectives.len() {
                    return Err(StatsError::Count {
                        name: "the reference".to_owned(),
                        of: "numbers",
                        got: given.len(),
                        needed: self.objectives.len(),
                    });
                }
                given.clone()
            }
        };
        if let Some((index, &value)) = self
            .reference
            .iter()
            .enumerate()
            .find(|(_, v)| !v.is_finite())
        {
            return Err(StatsError::NotFinite {
                name: "the reference".to_owned(),
                index,
                value,
            });
        }
        self.digest = self.hashed();
        Ok(())
    }

    fn hashed(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(b"paretoscope frame 1");
        for names in [&self.objectives, &self.prompts] {
            field(&(names.len() as u64).to_le_bytes());
            for name in names {
                field(name.as_bytes());
            }
        }
        let groups = self.groups.iter().enumerate();
        for (group, prompt) in groups.flat_map(|(at, group)| group.iter().map(move |p| (at, *p))) {
            field(&(group as u64).to_le_bytes());
            field(&(prompt as u64).to_le_bytes());
        }
        field(&(self.seeds.len() as u64).to_le_bytes());
        for seed in &self.seeds {
            field(&seed.to_le_bytes());
        }
        field(&[u8::from(self.seed_kind == SeedKind::Training)]);
        let scale = self.scale.iter().flatten();
        let scale = scale.flat_map(|scale| [scale.mean, scale.deviation]);
        for number in scale.chain(self.reference.iter().copied()) {
            field(&(number + 0.0).to_bits().to_le_bytes());
        }
        let mut words = String::new();
        for byte in hash.finalize() {
            words.push_str(&format!("{byte:02x}"));
        }
        words
    }
}

impl FrameOptions {
    fn scale_of(&self, objectives: &[String]) -> Result<Option<Vec<Scale>>> {
        if self.scale.is_empty() {
            return Ok(None);
        }
        let of = |name: &String| {
            let found = self.scale.iter().find(|(known, _)| known == name);
            found
                .map(|(_, scale)| *scale)
                .ok_or_else(|| StatsError::Missing {
                    name: "the base model's answers".to_owned(),
                    of: "scored objective",
                    missing: name.clone(),
                })
        };
        objectives.iter().map(of).collect::<Result<_>>().map(Some)
    }
}

fn note(mismatches: &mut Vec<Mismatch>, arm: &Arm, what: Lacking, names: Vec<String>) {
    if !names.is_empty() {
        mismatches.push(Mismatch {
            arm: arm.name.clone(),
            what,
            names,
        });
    }
}

/// The seeds that all arms have.
fn shared_seeds(arms: &[Arm], mismatches: &mut Vec<Mismatch>) -> Vec<u64> {
    let in_all = |seed: &&u64| arms.iter().all(|arm| arm.seeds.contains(seed));
    let first = arms.first().map_or(&[][..], |arm| &arm.seeds);
    let seeds: Vec<u64> = first.iter().filter(in_all).copied().collect();
    for arm in arms.iter().filter(|_| !seeds.is_empty()) {
        let other = arm.seeds.iter().filter(|seed| !seeds.contains(seed));
        note(
            mismatches,
            arm,
            Lacking::Seeds,
            other.map(u64::to_string).collect(),
        );
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::super::arm::tests::arm;
    use super::*;

    fn two() -> [Arm; 2] {
        let a = arm("A", &[vec![vec![1.0, 0.0]; 4], vec![vec![0.0, 1.0]; 4]]);
        let b = arm("B", &[vec![vec![0.5, 0.5]; 4]]);
        [a, b]
    }

    #[test]
    fn the_reference_is_the_worst_less_a_tenth_and_the_digest_follows_from_the_frame() {
        let arms = two();
        let frame = Frame::new(&arms, &FrameOptions::default()).unwrap();
        assert_eq!(frame.reference, [-0.1, -0.1]);
        assert_eq!(frame.range, [[0.0, 1.0]; 2]);
        assert!(frame.mismatches.is_empty() && frame.digest.len() == 64);
        let given = |reference: Vec<f64>| FrameOptions {
            reference: Some(reference),
            ..FrameOptions::default()
        };
        let same = Frame::new(&arms, &given(vec![-0.1, -0.1])).unwrap();
        assert_eq!(same.digest, frame.digest);
        let other = Frame::new(&arms, &given(vec![-0.1, 0.0])).unwrap();
        assert_ne!(other.digest, frame.digest);
        assert!(Frame::new(&arms, &given(vec![0.0])).is_err());
        assert!(Frame::new(&arms, &given(vec![0.0, f64::NAN])).is_err());
        assert!(Frame::new(&[], &FrameOptions::default()).is_err());
    }

    #[test]
    fn what_not_all_have_is_named_and_left_out() {
        let [mut a, mut b] = two();
        a.prompts[0].uid = "only in A".to_owned();
        a.seeds = vec![5];
        b.prompts[1].uid = "only in B".to_owned();
        b.objectives[1] = "other".to_owned();
        // Nobody's score: as if it were not there.
        a.scores[6] = f64::NAN;
        a.scores[8 + 6] = f64::NAN;
        let frame = Frame::new(&[a.clone(), b.clone()], &FrameOptions::default()).unwrap();
        assert_eq!(frame.objectives, ["o0"]);
        assert_eq!(frame.prompts, ["q2"]);
        let words: Vec<String> = frame.mismatches.iter().map(Mismatch::to_string).collect();
        for want in [
            "A: 1 objectives left out (o1)",
            "B: 1 objectives left out (other)",
            "A: 3 prompts left out (only in A, q1, q3)",
            "B: 3 prompts left out (q0, only in B, q3)",
        ] {
            assert!(
                words.iter().any(|w| w.starts_with(want)),
                "{want}: {words:?}"
            );
        }
        // One point lacks a score that the other has: it is no mean over all prompts.
        let [mut a, b] = two();
        a.scores[2] = f64::NAN;
        let frame = Frame::new(&[a, b], &FrameOptions::default()).unwrap();
        assert_eq!(frame.points(0).len(), 1);
        assert_eq!(frame.mismatches[0].names, ["p0"]);
        assert_eq!(frame.prompts.len(), 4);
    }

    #[test]
    fn arms_with_nothing_in_common_are_refused() {
        let [a, mut b] = two();
        b.objectives = vec!["x".to_owned(), "y".to_owned()];
        let words = Frame::new(&[a.clone(), b.clone()], &FrameOptions::default()).unwrap_err();
        assert_eq!(words.to_string(), "no objective is in all of A, B");
        b.objectives.clone_from(&a.objectives);
        b.prompts.iter_mut().for_each(|p| p.uid.push('x'));
        let words = Frame::new(&[a, b], &FrameOptions::default()).unwrap_err();
        assert_eq!(words.to_string(), "no scored prompt is in all of A, B");
    }

    #[test]
    fn scores_are_standardised_by_the_base() {
        let scale = Scale::of(&[1.0, 3.0, f64::NAN]).unwrap();
        assert_eq!((scale.mean, scale.deviation), (2.0, 2.0_f64.sqrt()));
        assert_eq!(Scale::of(&[1.0, 1.0]), None);
        assert_eq!(Scale::of(&[1.0]), None);
        let mut options = FrameOptions {
            scale: vec![("o0".to_owned(), scale)],
            ..FrameOptions::default()
        };
        let words = Frame::new(&two(), &options).unwrap_err().to_string();
        assert!(words.contains("`o1`"), "{words}");
        options.scale.push((
            "o1".to_owned(),
            Scale {
                mean: 1.0,
                deviation: 0.5,
            },
        ));
        let frame = Frame::new(&two(), &options).unwrap();
        assert_eq!(frame.means(1), [[[-1.5 / 2.0_f64.sqrt(), -1.0]]]);
    }

    #[test]
    fn equal_prompts_count_twice_and_are_drawn_together() {
        let [mut a, mut b] = two();
        for arm in [&mut a, &mut b] {
            arm.prompts[1].uid = "q0".to_owned();
            arm.prompts[2].group = Some("topic".to_owned());
            arm.prompts[3].group = Some("topic".to_owned());
        }
        let frame = Frame::new(&[a, b], &FrameOptions::default()).unwrap();
        assert_eq!(frame.groups, [vec![0, 1], vec![2, 3]]);
        assert_eq!(frame.prompts, ["q0", "q0", "q2", "q3"]);
    }

    #[test]
    fn seeds_are_averaged_or_stand_alone() {
        let [mut a, _] = two();
        a.seeds = vec![1, 2];
        a.scores = (0..2 * 2 * 4 * 2).map(f64::from).collect();
        let mut options = FrameOptions::default();
        let frame = Frame::new(std::slice::from_ref(&a), &options).unwrap();
        assert_eq!(frame.means(0), [[[7.0, 8.0], [23.0, 24.0]]]);
        options.seeds = SeedKind::Training;
        let frame = Frame::new(&[a], &options).unwrap();
        assert_eq!(
            frame.means(0),
            [[[3.0, 4.0], [19.0, 20.0]], [[11.0, 12.0], [27.0, 28.0]]]
        );
    }
}
