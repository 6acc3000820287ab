//! Where the next expert is needed most: where the front falls most short of the line between its
//! neighbours.
//!
//! Scores are z-scored per objective over all rows that were measured (all points, all prompts), so that
//! `z(p)` is the mean over the prompts at `p`. Routing writes `p = Σₑ wₑ pₑ` with the experts `e` around
//! it; were the front straight there, `p` would score `Σₑ wₑ z(pₑ)`. The shortfall is how much less it
//! scores, as `p` itself weighs the objectives:
//!
//! `s(p) = Σᵢ pᵢ (Σₑ wₑ zᵢ(pₑ) - zᵢ(p))`
//!
//! (Both sides carry the weights of `p`: with each expert's own weights a straight front would already
//! fall short between any two experts.) Of equal shortfalls the first point counts.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::routing::Complex;
use crate::types::{Expert, Preference};

/// Distance below which a point stands on an expert.
const AT: f64 = 1e-6;

/// A point with the scores of its rows, one per objective each; NaN where a row has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredPoint {
    /// Where.
    pub preference: Preference,
    /// Row by row, objective by objective.
    pub rows: Vec<Vec<Option<f64>>>,
}

/// How much a point falls short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Where.
    pub preference: Preference,
    /// Its weighted z-score.
    pub score: f64,
    /// What it would be on the line between its neighbours.
    pub line: f64,
}

impl Shortfall {
    /// Above 0 where the front is hollow.
    pub fn value(&self) -> f64 {
        self.line - self.score
    }
}

/// The shortfall of every measured point that is no expert's; every expert must be measured. Points where
/// a score is missing are left out.
pub fn shortfalls(experts: &[Expert], measured: &[MeasuredPoint]) -> Result<Vec<Shortfall>> {
    let objectives = experts.first().map_or(0, |e| e.preference.as_slice().len());
    let complex = Complex::new(experts, objectives)?;
    let z = z_scores(measured, objectives);
    let at = |preference: &Preference| {
        measured
            .iter()
            .position(|m| near(&m.preference, preference))
    };
    let places: Vec<Option<usize>> = experts.iter().map(|e| at(&e.preference)).collect();
    let mut found = Vec::new();
    for (index, point) in measured.iter().enumerate() {
        if places.contains(&Some(index)) {
            continue;
        }
        let weigh = |scores: &[f64]| -> f64 {
            let shares = point.preference.as_slice();
            // An objective without a share takes no part, measured or not.
            let terms = shares.iter().zip(scores).filter(|(share, _)| **share > 0.0);
            terms.map(|(share, score)| share * score).sum()
        };
        let neighbours = complex.route(&point.preference).experts;
        let mut line = 0.0;
        for near in &neighbours {
            let place = places.get(near.index).copied().flatten();
            line += near.weight * place.map_or(f64::NAN, |place| weigh(&z[place]));
        }
        let score = weigh(&z[index]);
        if line.is_finite() && score.is_finite() {
            found.push(Shortfall {
                preference: point.preference.clone(),
                score,
                line,
            });
        }
    }
    Ok(found)
}

/// The largest shortfall; the first of equal ones.
pub fn largest(found: &[Shortfall]) -> Option<&Shortfall> {
    found.iter().reduce(|best, next| {
        if next.value() > best.value() {
            next
        } else {
            best
        }
    })
}

/// Whether two preferences are one place.
pub fn near(a: &Preference, b: &Preference) -> bool {
    let pairs = a.as_slice().iter().zip(b.as_slice());
    a.as_slice().len() == b.as_slice().len() && pairs.into_iter().all(|(a, b)| (a - b).abs() < AT)
}

/// Mean z-score per point and objective; NaN where a point has no score. An objective whose scores are all
/// the same has 0.
fn z_scores(measured: &[MeasuredPoint], objectives: usize) -> Vec<Vec<f64>> {
    let scores = |point: &MeasuredPoint, objective: usize| -> Vec<f64> {
        let rows = point.rows.iter();
        rows.filter_map(|row| row.get(objective).copied().flatten())
            .filter(|score| score.is_finite())
            .collect()
    };
    let mut z = vec![vec![f64::NAN; objectives]; measured.len()];
    for objective in 0..objectives {
        let all: Vec<Vec<f64>> = measured.iter().map(|p| scores(p, objective)).collect();
        let pooled: Vec<f64> = all.iter().flatten().copied().collect();
        let (mean, deviation) = moments(&pooled);
        for (z, of_point) in z.iter_mut().zip(&all) {
            let own = moments(of_point).0;
            z[objective] = if deviation > 0.0 {
                (own - mean) / deviation
            } else {
                0.0 * own
            };
        }
    }
    z
}

/// Mean (NaN of nothing) and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / count).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::ExpertKind;

    fn experts(places: &[&[f64]]) -> Vec<Expert> {
        let expert = |place: &&[f64]| Expert {
            kind: ExpertKind::Lora,
            name: String::new(),
            preference: Preference::new(place.to_vec()).unwrap(),
        };
        places.iter().map(expert).collect()
    }

    fn point(place: &[f64], scores: &[f64]) -> MeasuredPoint {
        MeasuredPoint {
            preference: Preference::new(place.to_vec()).unwrap(),
            rows: vec![scores.iter().copied().map(Some).collect()],
        }
    }

    #[test]
    fn a_straight_front_falls_short_nowhere() {
        let experts = experts(&[&[1.0, 0.0], &[0.0, 1.0]]);
        let line: Vec<MeasuredPoint> = (0..=4)
            .map(|i| {
                let share = f64::from(i) / 4.0;
                let scores = [3.0 * share - 1.0, 10.0 - 7.0 * share];
                point(&[share, 1.0 - share], &scores)
            })
            .collect();
        let found = shortfalls(&experts, &line).unwrap();
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|s| s.value().abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn the_hollow_is_found_with_two_and_with_three_objectives() {
        let two = experts(&[&[1.0, 0.0], &[0.0, 1.0]]);
        let front = [
            point(&[1.0, 0.0], &[1.0, 0.0]),
            point(&[0.75, 0.25], &[0.8, 0.3]),
            point(&[0.5, 0.5], &[0.55, 0.5]),
            point(&[0.25, 0.75], &[0.0, 0.4]),
            point(&[0.0, 1.0], &[0.0, 1.0]),
        ];
        let found = shortfalls(&two, &front).unwrap();
        let worst = largest(&found).unwrap();
        assert_eq!(worst.preference.as_slice(), [0.25, 0.75]);
        assert!(worst.value() > 0.0);

        let centre = [1.0 / 3.0; 3];
        let three = experts(&[
            &[1.0, 0.0, 0.0],
            &[0.0, 1.0, 0.0],
            &[0.0, 0.0, 1.0],
            &centre,
        ]);
        let mut grid = vec![
            point(&[1.0, 0.0, 0.0], &[1.0, 0.0, 0.0]),
            point(&[0.0, 1.0, 0.0], &[0.0, 1.0, 0.0]),
            point(&[0.0, 0.0, 1.0], &[0.0, 0.0, 1.0]),
            point(&[0.25, 0.25, 0.5], &[0.1, 0.1, 0.1]),
            point(&[0.5, 0.25, 0.25], &[0.6, 0.4, 0.4]),
            point(&centre, &[0.5, 0.5, 0.5]),
        ];
        let found = shortfalls(&three, &grid).unwrap();
        let worst = largest(&found).unwrap();
        assert_eq!(worst.preference.as_slice(), [0.25, 0.25, 0.5]);
        // A point that was not scored is no candidate, and an expert that was not takes its cells along.
        grid[3].rows[0][0] = None;
        let found = shortfalls(&three, &grid).unwrap();
        assert_eq!(found.len(), 1);
        grid[5].rows[0][0] = None;
        assert!(shortfalls(&three, &grid).unwrap().is_empty());
    }

    #[test]
    fn of_equal_ones_the_first_is_taken() {
        let experts = experts(&[&[1.0, 0.0], &[0.0, 1.0]]);
        let flat = |place: &[f64]| point(place, &[0.0, 0.0]);
        let places: [&[f64]; 4] = [&[1.0, 0.0], &[0.5, 0.5], &[0.0, 1.0], &[0.25, 0.75]];
        let found = shortfalls(&experts, &places.map(flat)).unwrap();
        assert_eq!(largest(&found).unwrap().preference.as_slice(), [0.5, 0.5]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn scale_and_offset_of_a_reward_model_do_not_matter(
            scores in prop::collection::vec((-3.0f64..3.0, -3.0f64..3.0), 6),
            scale in 0.1f64..50.0,
            offset in -20.0f64..20.0,
        ) {
            let experts = experts(&[&[1.0, 0.0], &[0.0, 1.0]]);
            let build = |scale: f64, offset: f64| -> Vec<MeasuredPoint> {
                scores.iter().enumerate().map(|(i, (a, b))| {
                    let share = i as f64 / 5.0;
                    point(&[share, 1.0 - share], &[*a, b * scale + offset])
                }).collect()
            };
            let (plain, moved) = (
                shortfalls(&experts, &build(1.0, 0.0)).unwrap(),
                shortfalls(&experts, &build(scale, offset)).unwrap(),
            );
            for (a, b) in plain.iter().zip(&moved) {
                prop_assert!((a.value() - b.value()).abs() < 1e-9);
            }
        }
    }
}
