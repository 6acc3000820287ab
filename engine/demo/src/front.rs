//! The front of a bundle against the ground truth: with its routers and without them, by value vectors held
//! apart (MVA) and by plain ones.

use std::path::Path;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::evaluate::{Asked, answers};
use super::grader::Grader;
use super::levels::Objective;
use super::world::World;
use paretoscope_engine::Result;
use paretoscope_engine::bundle::{Bundle, LoadOptions, Manifest};
use paretoscope_engine::pareto;
use paretoscope_engine::sweep::{parse_grid, points};
use paretoscope_engine::types::{ExpertKind, Point};

/// The grid of preferences; routers of the demonstration stand on it.
const SIMPLEX: &str = "simplex:0.25";
/// The grid of free weights.
const BOX: &str = "box:1:0.5";
/// Draws of prompts behind an interval.
const DRAWS: usize = 1000;
/// Nothing is worse: attributes lie in [0, 1].
const REFERENCE: [f64; 3] = [0.0; 3];

/// Where a point of a grid ends up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// The preference, or the weights of value vectors.
    pub at: Vec<f64>,
    /// Mean ground truth of helpful, harmless, humor.
    pub attributes: [f64; 3],
}

/// One way to cover the trade-off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cover {
    /// In words.
    pub name: String,
    /// All points of its grid.
    pub points: Vec<Reached>,
    /// Points that no other of it dominates.
    pub front: usize,
    /// Volume between the front and zero.
    pub hypervolume: f64,
    /// 95 % interval of the hypervolume over draws of prompts.
    pub interval: [f64; 2],
}

/// How much more one cover holds than another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The one.
    pub of: String,
    /// The other.
    pub over: String,
    /// Difference of the hypervolumes.
    pub gain: f64,
    /// 95 % interval of the difference, both measured on the same draws of prompts.
    pub interval: [f64; 2],
}

/// All covers and what they gain over each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontFigures {
    /// Questions behind every point.
    pub prompts: usize,
    /// With routers, without, by value vectors, by plain ones.
    pub covers: Vec<Cover>,
    /// Routers over none, MVA over plain.
    pub gains: Vec<Gain>,
}

/// A cover with the attributes of every answer, `[points][prompts]`.
struct Measured {
    name: &'static str,
    points: Vec<Vec<f64>>,
    attributes: Vec<Vec<[f64; 3]>>,
}

/// Measures the bundle in `folder` and the one with plain value vectors in `plain`; `scratch` is a folder for
/// manifests.
pub(super) fn fronts(
    (folder, plain, scratch): (&Path, &Path, &Path),
    world: &World,
    asked: &Asked,
    note: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<FrontFigures> {
    let mut without = Manifest::load(folder)?.rooted(folder)?;
    without.experts.retain(|e| e.kind == ExpertKind::Lora);
    without.save(scratch)?;
    let grader = Grader::new(world);
    let mut measure = |name: &'static str, folder: &Path, grid: &str| -> Result<Measured> {
        note(name)?;
        let options = LoadOptions {
            rewards: false,
            probe: false,
            ..LoadOptions::default()
        };
        let bundle = Bundle::load(folder, &options, &mut |_, _| Ok(()))?;
        measure(name, &bundle, grid, world, asked, &grader)
    };
    let all = [
        measure("preferences, with the router", folder, SIMPLEX)?,
        measure("preferences, LoRA experts alone", scratch, SIMPLEX)?,
        measure("free weights, value vectors held apart (MVA)", folder, BOX)?,
        measure("free weights, plain value vectors (DPO)", plain, BOX)?,
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let prompts = asked.prompts.len();
    let draws: Vec<Vec<usize>> = (0..DRAWS)
        .map(|_| (0..prompts).map(|_| rng.random_range(0..prompts)).collect())
        .collect();
    let volumes: Vec<Vec<f64>> = all
        .iter()
        .map(|cover| draws.iter().map(|draw| cover.volume(draw)).collect())
        .collect();
    let whole: Vec<usize> = (0..prompts).collect();
    let covers: Vec<Cover> = all
        .iter()
        .zip(&volumes)
        .map(|(cover, volumes)| cover.summary(&whole, volumes))
        .collect();
    let gain = |one: usize, other: usize| {
        let differences = volumes[one].iter().zip(&volumes[other]).map(|(a, b)| a - b);
        Gain {
            of: covers[one].name.clone(),
            over: covers[other].name.clone(),
            gain: covers[one].hypervolume - covers[other].hypervolume,
            interval: interval(differences.collect()),
        }
    };
    Ok(FrontFigures {
        prompts,
        gains: vec![gain(0, 1), gain(2, 3)],
        covers,
    })
}

fn measure(
    name: &'static str,
    bundle: &Bundle,
    grid: &str,
    world: &World,
    asked: &Asked,
    grader: &Grader,
) -> Result<Measured> {
    let dimensions = Objective::ALL.len();
    let mut attributes = Vec::new();
    let grid: Vec<Point> = points(
        &parse_grid(grid)?,
        dimensions,
        dimensions,
        asked.prompts.len(),
        false,
    )?;
    for point in &grid {
        let texts = answers(bundle, point, &asked.prompts)?;
        let grades = asked.grade(world, grader, &texts);
        let of = |attribute: Objective, index: usize| grades[index].0.attributes.of(attribute);
        attributes.push(
            (0..grades.len())
                .map(|index| Objective::ALL.map(|objective| of(objective, index)))
                .collect(),
        );
    }
    Ok(Measured {
        name,
        points: grid.iter().map(|p| p.as_slice().to_vec()).collect(),
        attributes,
    })
}

impl Measured {
    /// Mean attributes of every point over some prompts.
    fn means(&self, prompts: &[usize]) -> Vec<[f64; 3]> {
        let mean = |answers: &Vec<[f64; 3]>| {
            let mut sums = [0.0; 3];
            for &prompt in prompts {
                for (sum, value) in sums.iter_mut().zip(answers[prompt]) {
                    *sum += value;
                }
            }
            sums.map(|sum| sum / prompts.len().max(1) as f64)
        };
        self.attributes.iter().map(mean).collect()
    }

    fn volume(&self, prompts: &[usize]) -> f64 {
        pareto::hypervolume(&self.means(prompts), &REFERENCE)
    }

    fn summary(&self, prompts: &[usize], volumes: &[f64]) -> Cover {
        let means = self.means(prompts);
        Cover {
            name: self.name.to_owned(),
            front: pareto::front(&means).len(),
            hypervolume: self.volume(prompts),
            interval: interval(volumes.to_vec()),
            points: self
                .points
                .iter()
                .zip(means)
                .map(|(at, attributes)| Reached {
                    at: at.clone(),
                    attributes,
                })
                .collect(),
        }
    }
}

/// The middle 95 % of values.
fn interval(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * (values.len().saturating_sub(1)) as f64).round() as usize;
        values.get(place).copied().unwrap_or(f64::NAN)
    };
    [at(0.025), at(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_and_intervals_by_hand() {
        let cover = Measured {
            name: "two points",
            points: vec![vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]],
            attributes: vec![
                vec![[1.0, 0.5, 0.5], [0.0, 0.5, 0.5]],
                vec![[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]],
            ],
        };
        // Means are (0.5, 0.5, 0.5) twice: one box of an eighth.
        assert!((cover.volume(&[0, 1]) - 0.125).abs() < 1e-12);
        // The first prompt alone: (1, .5, .5) holds the other.
        assert!((cover.volume(&[0]) - 0.25).abs() < 1e-12);
        let summary = cover.summary(&[0], &[0.0, 1.0, 2.0]);
        assert_eq!((summary.front, summary.interval), (1, [0.0, 2.0]));
    }
}
