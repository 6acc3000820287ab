//! How much more one method covers than another, over draws of prompts that both answered.

use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::draws::counts;
use super::frame::Replicate;
use super::{ArmPoint, Draws, Estimate, Frame, Progress, Result, StatsError};
use crate::pareto::{coverage, epsilon_additive, front, hypervolume};

/// Two volumes and their difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Of the first arm.
    pub a: f64,
    /// Of the second arm.
    pub b: f64,
    /// The first less the second.
    pub difference: f64,
    /// The lower end of the difference's 95 % interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A number each way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Directed {
    /// Of the first arm against the second.
    pub a: Estimate,
    /// Of the second against the first.
    pub b: Estimate,
}

/// The difference where both arms have as many points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EqualPoints {
    /// How many each.
    pub points: usize,
    /// The difference between them.
    pub hypervolume: Difference,
}

/// One arm against another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first arm.
    pub a: String,
    /// The second arm.
    pub b: String,
    /// Points of each.
    pub points: [usize; 2],
    /// Volumes between the fronts and the reference.
    pub hypervolume: Difference,
    /// Again with the larger arm thinned to the points of the smaller, evenly by their places and not by their scores;
    /// `None` where they have equally many.
    pub equal_points: Option<EqualPoints>,
    /// The additive epsilon indicator: what the worst-covered point of the other is better by, in its worst objective.
    pub epsilon: Directed,
    /// The share of the other's front that is dominated or equalled.
    pub coverage: Directed,
    /// How likely so large a difference would be if there were none: the share of draws on the other side of 0, twice.
    pub p: f64,
    /// [`Comparison::p`] by Holm's rule, over all pairs that were compared together.
    pub p_holm: f64,
    /// Prompts behind it.
    pub prompts: usize,
    /// Seeds of each behind it.
    pub seeds: [usize; 2],
    /// Draws behind the intervals.
    pub draws: usize,
}

impl Comparison {
    /// Whether a difference is shown: the interval leaves out 0, and, where several pairs were compared, Holm's rule agrees.
    pub fn is_shown(&self) -> bool {
        let off = self.hypervolume.low > 0.0 || self.hypervolume.high < 0.0;
        off && self.p_holm < 0.05
    }
}

/// What is taken of an arm in a draw: all of its points, or those that thinning leaves.
struct View {
    arm: usize,
    kept: Vec<usize>,
}

/// What one draw, or the whole, says.
#[derive(Default)]
struct Reading {
    /// Per view.
    volumes: Vec<f64>,
    /// Per pair, both ways.
    epsilon: Vec<[f64; 2]>,
    coverage: Vec<[f64; 2]>,
}

/// Compares every arm of a frame with every later one. Prompts are drawn by their groups, one draw for all arms; where
/// there are several seeds, they are drawn first, the shared ones together. Fronts are found anew in every draw.
///
/// # Errors
/// [`StatsError::TooFew`] with fewer than two arms, or fewer than two groups of prompts, whose draws are all alike and would
/// show any difference as sure; [`StatsError::Cancelled`] where `progress` breaks.
pub fn compare(frame: &Frame, draws: Draws, progress: Progress<'_>) -> Result<Vec<Comparison>> {
    let arms = frame.arms.len();
    if arms < 2 {
        return Err(StatsError::TooFew {
            of: "arms to compare",
            got: arms,
            needed: 2,
        });
    }
    if frame.groups.len() < 2 {
        return Err(StatsError::TooFew {
            of: "prompts of different groups in all arms",
            got: frame.groups.len(),
            needed: 2,
        });
    }
    let pairs: Vec<[usize; 2]> = (0..arms)
        .flat_map(|a| (a + 1..arms).map(move |b| [a, b]))
        .collect();
    let views = views(frame, &pairs);
    let seeds: Vec<Vec<f64>> = frame.arms.iter().map(|arm| vec![1.0; arm.seeds]).collect();
    let whole = reading(
        frame,
        &views,
        &pairs,
        &seeds,
        &vec![1.0; frame.prompts.len()],
    );
    let mut drawn = Vec::with_capacity(draws.draws);
    draws.each(progress, |random| {
        let seeds = draw_seeds(frame, random);
        let prompts = counts(random, &frame.groups, frame.prompts.len());
        drawn.push(reading(frame, &views, &pairs, &seeds, &prompts));
    })?;
    let mut found: Vec<Comparison> = pairs
        .iter()
        .enumerate()
        .map(|(at, pair)| summed_up(frame, &views, (at, *pair), &whole, &drawn))
        .collect();
    let adjusted = holm(&found.iter().map(|c| c.p).collect::<Vec<_>>());
    for (comparison, p) in found.iter_mut().zip(adjusted) {
        comparison.p_holm = p;
    }
    Ok(found)
}

/// Each arm whole, in order, and then thinned to each smaller arm that it meets.
fn views(frame: &Frame, pairs: &[[usize; 2]]) -> Vec<View> {
    let size = |arm: usize| frame.arms[arm].points.len();
    let mut views: Vec<View> = (0..frame.arms.len())
        .map(|arm| View {
            arm,
            kept: (0..size(arm)).collect(),
        })
        .collect();
    for &[a, b] in pairs {
        let (larger, few) = if size(a) > size(b) {
            (a, size(b))
        } else {
            (b, size(a))
        };
        let known = |view: &View| view.arm == larger && view.kept.len() == few;
        if !views.iter().any(known) {
            let kept = thin(&frame.arms[larger].points, few);
            views.push(View { arm: larger, kept });
        }
    }
    views
}

/// `few` of the points, spread out: each as far as can be from those before it, beginning at the point furthest from the
/// middle. Scores play no part, so nothing is chosen on what is measured.
fn thin(points: &[ArmPoint], few: usize) -> Vec<usize> {
    let apart = |a: &[f64], b: &[f64]| -> f64 {
        // Points of different kinds are as far apart as can be.
        if a.len() == b.len() {
            a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
        } else {
            f64::INFINITY
        }
    };
    let Some(first) = points.first() else {
        return Vec::new();
    };
    let same: Vec<&ArmPoint> = points
        .iter()
        .filter(|p| p.place.len() == first.place.len())
        .collect();
    let middle: Vec<f64> = (0..first.place.len())
        .map(|k| same.iter().map(|p| p.place[k]).sum::<f64>() / same.len() as f64)
        .collect();
    let mut distance: Vec<f64> = points.iter().map(|p| apart(&p.place, &middle)).collect();
    let mut kept: Vec<usize> = Vec::new();
    while kept.len() < few.min(points.len()) {
        let left = (0..points.len()).filter(|at| !kept.contains(at));
        // Of equally far ones the first.
        let Some(next) = left
            .rev()
            .max_by(|a, b| distance[*a].total_cmp(&distance[*b]))
        else {
            break;
        };
        for (at, near) in distance.iter_mut().enumerate() {
            let from = apart(&points[at].place, &points[next].place);
            *near = if kept.is_empty() {
                from
            } else {
                near.min(from)
            };
        }
        kept.push(next);
    }
    kept.sort_unstable();
    kept
}

/// How often each seed of each arm comes up.
fn draw_seeds(frame: &Frame, random: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let mut draw = |seeds: usize| {
        let each: Vec<Vec<usize>> = (0..seeds).map(|seed| vec![seed]).collect();
        counts(random, &each, seeds)
    };
    if frame.seeds.is_empty() {
        return frame.arms.iter().map(|arm| draw(arm.seeds)).collect();
    }
    vec![draw(frame.seeds.len()); frame.arms.len()]
}

/// The members of one run's front, and how often the run counts.
struct RunFront<'a> {
    count: f64,
    members: Vec<&'a [f64]>,
}

/// A number of one front against another.
type Against = fn(&[&[f64]], &[&[f64]]) -> f64;

fn reading(
    frame: &Frame,
    views: &[View],
    pairs: &[[usize; 2]],
    seeds: &[Vec<f64>],
    prompts: &[f64],
) -> Reading {
    let means: Vec<Vec<Replicate>> = seeds
        .iter()
        .enumerate()
        .map(|(arm, seeds)| frame.weighted_means(arm, seeds, prompts))
        .collect();
    let volume = |view: &View| {
        let of = |run: &Replicate| {
            let kept: Vec<&[f64]> = view
                .kept
                .iter()
                .map(|&at| run.points[at].as_slice())
                .collect();
            (run.count, hypervolume(&kept, &frame.reference))
        };
        average(means[view.arm].iter().map(of))
    };
    let fronts: Vec<Vec<RunFront<'_>>> = means.iter().map(|runs| fronts(runs)).collect();
    let both = |of: Against, &[a, b]: &[usize; 2]| {
        [
            across(&fronts[a], &fronts[b], of),
            across(&fronts[b], &fronts[a], of),
        ]
    };
    let covered: Against = |a, b| coverage(a, b).unwrap_or(f64::NAN);
    let epsilon: Against = |a, b| epsilon_additive(a, b).unwrap_or(f64::NAN);
    Reading {
        volumes: views.iter().map(volume).collect(),
        epsilon: pairs.iter().map(|pair| both(epsilon, pair)).collect(),
        coverage: pairs.iter().map(|pair| both(covered, pair)).collect(),
    }
}

fn fronts(runs: &[Replicate]) -> Vec<RunFront<'_>> {
    runs.iter()
        .map(|run| RunFront {
            count: run.count,
            members: front(&run.points)
                .into_iter()
                .map(|at| run.points[at].as_slice())
                .collect(),
        })
        .collect()
}

/// The mean of values by their counts.
fn average(counted: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (total, sum) = counted.fold((0.0, 0.0), |(total, sum), (count, value)| {
        (total + count, sum + count * value)
    });
    sum / total
}

/// The mean over runs of two arms: the same run of both where they have as many, else each with each.
fn across(a: &[RunFront<'_>], b: &[RunFront<'_>], of: Against) -> f64 {
    let paired = a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.count == y.count);
    if paired {
        return average(
            a.iter()
                .zip(b)
                .map(|(x, y)| (x.count, of(&x.members, &y.members))),
        );
    }
    let each = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    average(each.map(|(x, y)| (x.count * y.count, of(&x.members, &y.members))))
}

fn summed_up(
    frame: &Frame,
    views: &[View],
    (at, [a, b]): (usize, [usize; 2]),
    whole: &Reading,
    drawn: &[Reading],
) -> Comparison {
    let difference = |one: usize, other: usize| {
        let draws: Vec<f64> = drawn
            .iter()
            .map(|r| r.volumes[one] - r.volumes[other])
            .collect();
        let (a, b) = (whole.volumes[one], whole.volumes[other]);
        let Estimate { value, low, high } = Estimate::of(a - b, &draws);
        let found = Difference {
            a,
            b,
            difference: value,
            low,
            high,
        };
        (found, draws)
    };
    let directed = |of: fn(&Reading) -> &Vec<[f64; 2]>| {
        let way = |way: usize| {
            let draws: Vec<f64> = drawn.iter().map(|r| of(r)[at][way]).collect();
            Estimate::of(of(whole)[at][way], &draws)
        };
        Directed {
            a: way(0),
            b: way(1),
        }
    };
    let sizes = [frame.arms[a].points.len(), frame.arms[b].points.len()];
    let few = sizes[0].min(sizes[1]);
    let thinned = |arm: usize| {
        let same = |view: &View| view.arm == arm && view.kept.len() == few;
        views.iter().position(same).unwrap_or(arm)
    };
    let (volumes, draws) = difference(a, b);
    Comparison {
        a: frame.arms[a].name.clone(),
        b: frame.arms[b].name.clone(),
        points: sizes,
        hypervolume: volumes,
        equal_points: (sizes[0] != sizes[1]).then(|| EqualPoints {
            points: few,
            hypervolume: difference(thinned(a), thinned(b)).0,
        }),
        epsilon: directed(|reading| &reading.epsilon),
        coverage: directed(|reading| &reading.coverage),
        p: two_sided(&draws),
        p_holm: f64::NAN,
        prompts: frame.prompts.len(),
        seeds: [frame.arms[a].seeds, frame.arms[b].seeds],
        draws: draws.len(),
    }
}

/// Twice the share of draws on the rarer side of 0, the measurement itself counted as one of them.
fn two_sided(draws: &[f64]) -> f64 {
    let below = draws.iter().filter(|d| **d <= 0.0).count();
    let above = draws.iter().filter(|d| **d >= 0.0).count();
    let share = (below.min(above) + 1) as f64 / (draws.len() + 1) as f64;
    (2.0 * share).min(1.0)
}

/// Holm's step-down rule (1979): each of several probabilities as if it stood alone.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0.0_f64;
    for (rank, at) in order.into_iter().enumerate() {
        largest = largest.max(((p.len() - rank) as f64 * p[at]).min(1.0));
        adjusted[at] = largest;
    }
    adjusted
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
