//! Where what is shared stands in one arm, and what of the arm is complete there.

use std::collections::HashMap;

use super::Arm;
use super::frame::{Framed, Scale};

/// Each prompt of an arm with how often it stood there before: one that is listed twice counts twice.
pub(super) fn occurrences(arm: &Arm) -> Vec<(&str, usize)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    arm.prompts
        .iter()
        .map(|prompt| {
            let count = seen.entry(&prompt.uid).or_insert(0);
            *count += 1;
            (prompt.uid.as_str(), *count - 1)
        })
        .collect()
}

/// Where the frame's objectives and seeds stand in an arm.
pub(super) struct Columns {
    objectives: Vec<usize>,
    seeds: Vec<usize>,
}

impl Columns {
    pub(super) fn of(arm: &Arm, objectives: &[String], seeds: &[u64]) -> Self {
        let objective = |name| arm.objectives.iter().position(|o| o == name);
        let seed = |seed| arm.seeds.iter().position(|s| s == seed);
        Self {
            objectives: objectives.iter().filter_map(objective).collect(),
            seeds: if seeds.is_empty() {
                (0..arm.seeds.len()).collect()
            } else {
                seeds.iter().filter_map(seed).collect()
            },
        }
    }

    /// Whether a point has every score of a prompt.
    fn complete(&self, arm: &Arm, point: usize, prompt: usize) -> bool {
        let mut scores = self
            .seeds
            .iter()
            .flat_map(|&seed| self.objectives.iter().map(move |&k| (seed, k)));
        scores.all(|(seed, k)| arm.score(point, seed, prompt, k).is_finite())
    }

    /// The prompts that some point has every score of, by name.
    pub(super) fn scored_prompts<'a>(&self, arm: &'a Arm) -> HashMap<(&'a str, usize), usize> {
        let scored =
            |prompt: &usize| (0..arm.points.len()).any(|point| self.complete(arm, point, *prompt));
        let keys = occurrences(arm);
        (0..arm.prompts.len())
            .filter(scored)
            .map(|prompt| (keys[prompt], prompt))
            .collect()
    }

    /// The complete points over these prompts, standardised, and the names of the others.
    pub(super) fn take(
        &self,
        arm: &Arm,
        rows: &[usize],
        scale: Option<&[Scale]>,
    ) -> (Framed, Vec<String>) {
        let whole = |point: &usize| rows.iter().all(|&row| self.complete(arm, *point, row));
        let (kept, other): (Vec<usize>, Vec<usize>) = (0..arm.points.len()).partition(whole);
        let mut scores = Vec::new();
        for &point in &kept {
            for &seed in &self.seeds {
                for &row in rows {
                    scores.extend(self.objectives.iter().enumerate().map(|(k, &column)| {
                        let raw = arm.score(point, seed, row, column);
                        scale.map_or(raw, |s| (raw - s[k].mean) / s[k].deviation)
                    }));
                }
            }
        }
        let name = |at: usize| {
            let point = &arm.points[at];
            point.name.clone().unwrap_or_else(|| point.uid.clone())
        };
        let framed = Framed {
            name: arm.name.clone(),
            points: kept.iter().map(|&at| arm.points[at].clone()).collect(),
            axes: arm.axes.clone(),
            seeds: self.seeds.len(),
            scores,
        };
        (framed, other.into_iter().map(name).collect())
    }
}
