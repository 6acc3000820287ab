//! How much of one arm's points another dominates, and how surely.

use serde::{Deserialize, Serialize};

use super::student::quantile;
use super::trained::{Sources, Trained, mean, variance};
use super::{Frame, SeedKind};

/// A share of one arm's points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Covered {
    /// Dominated or equalled by the means.
    pub share: f64,
    /// Surely so: some point is above in every objective by the lower 95 % bound of the paired difference.
    pub surely: f64,
    /// Possibly so, by the upper bound.
    pub possibly: f64,
    /// Of how many points.
    pub points: usize,
}

/// The share of the points `of` an arm that points `by` another dominate or equal (coverage). Each difference of two points
/// is paired by prompt and by training seed, and its bounds are over both, as those of [`Trained`]; arms without shared
/// training seeds are taken as one run. Each is an arm of the frame with the places of the points that are looked at.
pub fn covered(frame: &Frame, by: (usize, &[usize]), of: (usize, &[usize])) -> Covered {
    let (above, below) = (Cells::of(frame, by.0), Cells::of(frame, of.0));
    // How far a point reaches over another: the least of its objectives, by the mean and by both bounds.
    let reach = |a: usize, b: usize| {
        let mut least = [f64::INFINITY; 3];
        for k in 0..frame.objectives.len() {
            let difference = paired(frame, &above.at(a, k), &below.at(b, k));
            let slack = difference
                .freedom
                .map_or(0.0, |freedom| quantile(0.95, freedom) * difference.error);
            let value = difference.value;
            for (least, value) in least.iter_mut().zip([value, value - slack, value + slack]) {
                *least = least.min(value);
            }
        }
        least.map(|least| least >= 0.0)
    };
    let mut counts = [0_usize; 3];
    for &b in of.1 {
        let mut found = [false; 3];
        for &a in by.1 {
            for (found, reached) in found.iter_mut().zip(reach(a, b)) {
                *found |= reached;
            }
        }
        for (count, found) in counts.iter_mut().zip(found) {
            *count += usize::from(found);
        }
    }
    let share = |count: usize| count as f64 / of.1.len().max(1) as f64;
    let [means, surely, possibly] = counts.map(share);
    Covered {
        share: means,
        surely,
        possibly,
        points: of.1.len(),
    }
}

/// The scores of an arm, looked up by point and objective: seeds, in them prompts.
struct Cells<'a> {
    scores: &'a [f64],
    prompts: usize,
    width: usize,
    seeds: usize,
    /// Whether seeds are training runs, else samples of one.
    trained: bool,
}

impl<'a> Cells<'a> {
    fn of(frame: &'a Frame, arm: usize) -> Self {
        Self {
            scores: &frame.arms[arm].scores,
            prompts: frame.prompts.len(),
            width: frame.objectives.len(),
            seeds: frame.arms[arm].seeds,
            trained: frame.seed_kind == SeedKind::Training && !frame.seeds.is_empty(),
        }
    }

    fn at(&self, point: usize, k: usize) -> Vec<Vec<f64>> {
        let size = self.prompts * self.width;
        let run = |seed: usize| -> Vec<f64> {
            let from = (point * self.seeds + seed) * size;
            let row = &self.scores[from..from + size];
            row.iter().skip(k).step_by(self.width).copied().collect()
        };
        let runs: Vec<Vec<f64>> = (0..self.seeds).map(run).collect();
        if self.trained {
            return runs;
        }
        let average = |prompt: usize| mean(&runs.iter().map(|run| run[prompt]).collect::<Vec<_>>());
        vec![(0..self.prompts).map(average).collect()]
    }
}

/// The mean difference of two points in an objective, paired; the variance by prompts from the sums of their groups.
fn paired(frame: &Frame, above: &[Vec<f64>], below: &[Vec<f64>]) -> Trained {
    let prompts = frame.prompts.len();
    let seeds = above.len().min(below.len());
    let run = |seed: usize| -> Vec<f64> {
        let pairs = above[seed].iter().zip(&below[seed]);
        pairs.map(|(x, y)| x - y).collect()
    };
    let runs: Vec<Vec<f64>> = (0..seeds).map(run).collect();
    let per_seed: Vec<f64> = runs.iter().map(|run| mean(run)).collect();
    let value = mean(&per_seed);
    let off = |prompt: usize| {
        let over_seeds: f64 = runs.iter().map(|run| run[prompt]).sum();
        over_seeds / seeds as f64 - value
    };
    let groups = frame.groups.len() as f64;
    let squares: f64 = frame
        .groups
        .iter()
        .map(|group| group.iter().map(|&prompt| off(prompt)).sum::<f64>().powi(2))
        .sum();
    let sources = Sources {
        of_seeds: if seeds > 1 {
            variance(&per_seed) / seeds as f64
        } else {
            0.0
        },
        of_prompts: squares / (prompts as f64).powi(2) * groups / (groups - 1.0),
        seeds,
        groups: frame.groups.len(),
    };
    Trained::with(value, sources)
}

#[cfg(test)]
mod tests {
    use super::super::arm::tests::arm;
    use super::super::{Arm, FrameOptions};
    use super::*;

    fn trained(arms: &[Arm]) -> Frame {
        let options = FrameOptions {
            seeds: SeedKind::Training,
            ..FrameOptions::default()
        };
        Frame::new(arms, &options).unwrap()
    }

    #[test]
    fn what_leads_by_more_than_its_error_is_sure() {
        // Scores of six prompts around means, apart by the same steps on both sides: the differences alone vary.
        let around = |mean: [f64; 2], by: f64| -> Vec<Vec<f64>> {
            (0..6)
                .map(|p| {
                    let hard = 3.0 * f64::from(p);
                    let own = by * f64::from(p % 2) - by / 2.0;
                    mean.map(|m| m + hard + own).to_vec()
                })
                .collect()
        };
        let a = arm("A", &[around([1.0, 1.0], 0.1)]);
        let b = arm(
            "B",
            &[
                around([0.5, 0.5], 0.0),   // far below
                around([0.99, 0.99], 0.0), // below by the mean, within the error
                around([1.01, 0.5], 0.0),  // above in one objective, within the error
                around([2.0, 0.5], 0.0),   // above in one
            ],
        );
        let frame = trained(&[a, b]);
        let found = covered(&frame, (0, &[0]), (1, &[0, 1, 2, 3]));
        let right = Covered {
            share: 0.5,
            surely: 0.25,
            possibly: 0.75,
            points: 4,
        };
        assert_eq!(found, right);
        // The points that one looks at count alone.
        assert_eq!(covered(&frame, (0, &[0]), (1, &[3])).possibly, 0.0);
        assert_eq!(covered(&frame, (0, &[0]), (1, &[])).points, 0);
        // What is equal is covered, and nothing varies.
        assert_eq!(covered(&frame, (1, &[0]), (1, &[0])).surely, 1.0);
    }

    #[test]
    fn runs_that_vary_make_a_lead_unsure() {
        let point = vec![vec![vec![0.0]; 6]];
        let mut a = arm("A", &point);
        let mut b = a.clone();
        b.name = "B".to_owned();
        for one in [&mut a, &mut b] {
            one.seeds = vec![1, 2, 3];
        }
        let rows = |runs: [f64; 3]| runs.iter().flat_map(|run| [*run; 6]).collect::<Vec<_>>();
        b.scores = rows([0.0; 3]);
        a.scores = rows([0.3, 0.3, 0.3]);
        let sure = covered(&trained(&[a.clone(), b.clone()]), (0, &[0]), (1, &[0]));
        assert_eq!((sure.share, sure.surely), (1.0, 1.0));
        // As much on average, all of it in one run.
        a.scores = rows([0.9, 0.0, 0.0]);
        let unsure = covered(&trained(&[a, b]), (0, &[0]), (1, &[0]));
        assert_eq!(
            (unsure.share, unsure.surely, unsure.possibly),
            (1.0, 0.0, 1.0)
        );
    }
}
