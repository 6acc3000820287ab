//! How the stored answers of two dots differ, prompt by prompt.

use std::collections::HashMap;
use std::rc::Rc;

use paretoscope_core::stats::{Answer, By, Example, Scale, prompts_by_difference};
use paretoscope_core::study::{Study, SweepScores, Uid};
use paretoscope_core::types::{Prompt, Split};
use paretoscope_core::{Error, Result};

use super::scores::ScoreCache;

/// What is to be compared, and how prompts are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The first dot, by its name in the fronts.
    pub a: String,
    /// The second.
    pub b: String,
    /// By what prompts are sorted.
    pub by: By,
    /// The prompts that count; all of them where `None`.
    pub split: Option<Split>,
}

/// An answer to a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// Its text.
    pub text: String,
    /// Its raw scores, in the order of the objectives.
    pub scores: Vec<Option<f64>>,
}

/// A prompt with both answers, in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Differing {
    /// What was asked.
    pub prompt: Prompt,
    /// The first dot's answer.
    pub a: Side,
    /// The second's.
    pub b: Side,
    /// Where it stands, and by what.
    pub example: Example,
}

/// All prompts that both dots answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences {
    /// Names of the objectives that both are scored on.
    pub objectives: Vec<String>,
    /// What scores are standardised by, in words.
    pub unit: &'static str,
    /// In order of rank.
    pub rows: Vec<Differing>,
    /// Prompts that both answered and that have no place for lack of a score.
    pub left_out: usize,
}

/// A dot with its sweep's scores.
struct Stored {
    scores: Rc<SweepScores>,
    point: usize,
}

impl Stored {
    fn of(study: &Study, scores: &mut ScoreCache, dot: &str) -> Result<Self> {
        let unknown = || Error::option("dot", format!("`{dot}` is none of this study's"));
        let (sweep, name) = dot.split_once('-').ok_or_else(unknown)?;
        let sweep: i64 = sweep.parse().map_err(|_not_a_number| unknown())?;
        let scores = scores.of(study, sweep)?;
        let mut uids = scores.point_uids.iter();
        let point = uids.position(|uid| uid.to_string() == name);
        let point = point.ok_or_else(unknown)?;
        Ok(Self { scores, point })
    }

    fn answer(&self, prompt: usize) -> Option<i64> {
        self.scores.answers[self.point * self.scores.prompts.len() + prompt]
    }

    /// The base model's scores of an objective.
    fn base(&self, objective: usize) -> Vec<f64> {
        let points = self.scores.points.iter();
        let Some(base) = points.map(|(_, p)| p).position(|point| point.is_base()) else {
            return Vec::new();
        };
        let prompts = 0..self.scores.prompts.len();
        prompts
            .filter_map(|prompt| self.scores.row(base, prompt)[objective])
            .collect()
    }
}

/// Sorts the prompts that both dots answered.
pub(super) fn differences(
    study: &Study,
    scores: &mut ScoreCache,
    pair: &Pair,
) -> Result<Differences> {
    let a = Stored::of(study, scores, &pair.a)?;
    let b = Stored::of(study, scores, &pair.b)?;
    let scored = |stored: &Stored, name: &String| {
        let at = stored.scores.objectives.iter().position(|o| o == name)?;
        stored.scores.scorers[at].map(|_| at)
    };
    // Scorers beside the reward models score some prompts alone, and the others would have no place.
    let shared: Vec<(String, usize, usize)> = (a.scores.objectives[..a.scores.own].iter())
        .filter_map(|name| Some((name.clone(), scored(&a, name)?, scored(&b, name)?)))
        .collect();
    let places: HashMap<&Uid, usize> = (b.scores.prompts.iter().enumerate())
        .map(|(at, prompt)| (&prompt.uid, at))
        .collect();
    let counts = |split: Option<Split>| pair.split.is_none() || split == pair.split;
    let mut found: Vec<(Prompt, Side, Side)> = Vec::new();
    for (at, prompt) in a.scores.prompts.iter().enumerate() {
        let Some(&place) = places.get(&prompt.uid).filter(|_| counts(prompt.split)) else {
            continue;
        };
        let (Some(one), Some(other)) = (a.answer(at), b.answer(place)) else {
            continue;
        };
        let (Some(one), Some(other)) = (study.answer(one)?, study.answer(other)?) else {
            continue;
        };
        let (row_a, row_b) = (a.scores.row(a.point, at), b.scores.row(b.point, place));
        let one = Side {
            text: one.text,
            scores: shared.iter().map(|(_, k, _)| row_a[*k]).collect(),
        };
        let other = Side {
            text: other.text,
            scores: shared.iter().map(|(.., k)| row_b[*k]).collect(),
        };
        found.push((prompt.prompt.clone(), one, other));
    }
    let (scales, unit) = scales(&a, &b, &shared, &found);
    let standardised = |side: &Side| -> Vec<f64> {
        let scores = side.scores.iter().zip(&scales);
        scores
            .map(|(score, scale)| match (score, scale) {
                (Some(score), Some(scale)) => (score - scale.mean) / scale.deviation,
                (Some(score), None) => *score,
                (None, _) => f64::NAN,
            })
            .collect()
    };
    let z: Vec<(Vec<f64>, Vec<f64>)> = found
        .iter()
        .map(|(_, one, other)| (standardised(one), standardised(other)))
        .collect();
    let both = || found.iter().zip(&z);
    let one: Vec<Answer<'_>> = both()
        .map(|((_, s, _), (z, _))| (&z[..], &*s.text))
        .collect();
    let other: Vec<Answer<'_>> = both().map(|((.., s), (_, z))| (&z[..], &*s.text)).collect();
    let examples = prompts_by_difference(&one, &other, pair.by);
    let left_out = found.len() - examples.len();
    let rows = examples.into_iter().map(|example| {
        let (prompt, a, b) = found[example.prompt].clone();
        Differing {
            prompt,
            a,
            b,
            example,
        }
    });
    Ok(Differences {
        rows: rows.collect(),
        objectives: shared.iter().map(|(name, ..)| name.clone()).collect(),
        unit,
        left_out,
    })
}

/// What scores are standardised by: the base model's answers where both or one of the sweeps has them, else those compared.
fn scales(
    a: &Stored,
    b: &Stored,
    shared: &[(String, usize, usize)],
    found: &[(Prompt, Side, Side)],
) -> (Vec<Option<Scale>>, &'static str) {
    let of_base = |(_, one, other): &(String, usize, usize)| {
        Scale::of(&a.base(*one)).or_else(|| Scale::of(&b.base(*other)))
    };
    let base: Option<Vec<Scale>> = shared.iter().map(of_base).collect();
    if let Some(base) = base.filter(|base| !base.is_empty()) {
        let unit = "standard deviations of the base model's answers";
        return (base.into_iter().map(Some).collect(), unit);
    }
    let of_both = |k: usize| {
        let scores = found
            .iter()
            .flat_map(|(_, a, b)| [a.scores[k], b.scores[k]]);
        Scale::of(&scores.flatten().collect::<Vec<f64>>())
    };
    let unit =
        "standard deviations of both dots' answers, for the base model's are not in their sweeps";
    ((0..shared.len()).map(of_both).collect(), unit)
}
