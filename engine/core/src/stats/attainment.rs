//! Where runs end: surfaces that some, half, or all of them reach (Fonseca and Fleming 1996).

use super::draws::counts;
use super::{Draws, Frame, Progress, Result};
use crate::pareto::front;

/// Corners of a staircase, the first objective ascending: what lies below and left of one of them is attained.
pub type Surface = Vec<[f64; 2]>;

/// What the surfaces are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// So many seeds: best, median and worst of them.
    Seeds(usize),
    /// So many draws of prompts, where there is one seed: attained by 2.5, 50 and 97.5 % of them.
    Prompts(usize),
}

/// Three surfaces of one arm in two objectives.
#[derive(Debug, Clone, PartialEq)]
pub struct Attainment {
    /// What they are taken over.
    pub over: Over,
    /// Attained by the best.
    pub best: Surface,
    /// Attained by half.
    pub median: Surface,
    /// Attained even by the worst.
    pub worst: Surface,
}

/// Mean scores (points x objectives) that one run reached.
pub type RunMeans = Vec<Vec<f64>>;

/// The runs of an arm: one per seed.
pub fn runs_by_seed(frame: &Frame, arm: usize) -> Vec<RunMeans> {
    let seeds = frame.arms[arm].seeds;
    let prompts = vec![1.0; frame.prompts.len()];
    let alone = |seed: usize| {
        let counts: Vec<f64> = (0..seeds).map(|s| f64::from(u8::from(s == seed))).collect();
        frame.weighted_means(arm, &counts, &prompts)
    };
    let runs = (0..seeds).flat_map(alone);
    runs.map(|run| run.points).collect()
}

/// The runs of an arm: one per draw of prompts, its seeds averaged. Arms of one frame are drawn alike.
///
/// # Errors
/// [`super::StatsError::Cancelled`] where `progress` breaks.
pub fn runs_by_draw(
    frame: &Frame,
    arm: usize,
    draws: Draws,
    progress: Progress<'_>,
) -> Result<Vec<RunMeans>> {
    let seeds = vec![1.0; frame.arms[arm].seeds];
    let mut runs = Vec::with_capacity(draws.draws);
    draws.each(progress, |random| {
        let prompts = counts(random, &frame.groups, frame.prompts.len());
        let drawn = frame.weighted_means(arm, &seeds, &prompts);
        runs.extend(drawn.into_iter().map(|run| run.points));
    })?;
    Ok(runs)
}

impl Over {
    /// How many runs attain what the best, the median and the worst do.
    pub fn levels(self) -> [usize; 3] {
        match self {
            Self::Seeds(seeds) => [1, seeds.div_ceil(2).max(1), seeds],
            Self::Prompts(draws) => {
                [0.025, 0.5, 0.975].map(|part| ((part * draws as f64).ceil() as usize).max(1))
            }
        }
    }
}

/// The surfaces of an arm in two of the frame's objectives, `x` and `y`.
pub fn attainment(
    frame: &Frame,
    arm: usize,
    [x, y]: [usize; 2],
    draws: Draws,
    progress: Progress<'_>,
) -> Result<Attainment> {
    let seeds = frame.arms[arm].seeds;
    let (runs, over) = if seeds > 1 {
        (runs_by_seed(frame, arm), Over::Seeds(seeds))
    } else {
        let runs = runs_by_draw(frame, arm, draws, progress)?;
        let over = Over::Prompts(runs.len());
        (runs, over)
    };
    let flat = |run: &RunMeans| -> Surface {
        let points = run.iter();
        points.map(|point| [point[x], point[y]]).collect()
    };
    let runs: Vec<Surface> = runs.iter().map(flat).collect();
    Ok(three(&runs, over))
}

fn three(runs: &[Surface], over: Over) -> Attainment {
    let [best, median, worst] = over.levels();
    let fronts: Vec<Surface> = runs
        .iter()
        .map(|points| front(points).into_iter().map(|at| points[at]).collect())
        .collect();
    Attainment {
        over,
        best: surface(&fronts, best),
        median: surface(&fronts, median),
        worst: surface(&fronts, worst),
    }
}

/// What at least `level` of the runs attain, each given by its points.
pub fn surface(runs: &[Surface], level: usize) -> Surface {
    if level == 0 || level > runs.len() {
        return Surface::new();
    }
    let mut points: Vec<(f64, usize, f64)> = runs
        .iter()
        .enumerate()
        .flat_map(|(run, points)| points.iter().map(move |[x, y]| (*x, run, *y)))
        .filter(|(x, _, y)| x.is_finite() && y.is_finite())
        .collect();
    // From the right: what each run reaches there only grows.
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut reached = vec![f64::NEG_INFINITY; runs.len()];
    let mut corners = Surface::new();
    let mut height = f64::NEG_INFINITY;
    for column in points.chunk_by(|a, b| a.0 == b.0) {
        for &(_, run, y) in column {
            reached[run] = reached[run].max(y);
        }
        let mut sorted = reached.clone();
        let (_, &mut now, _) = sorted.select_nth_unstable_by(level - 1, |a, b| b.total_cmp(a));
        if now > height {
            height = now;
            corners.push([column[0].0, now]);
        }
    }
    corners.reverse();
    corners
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::prelude::*;

    use super::super::FrameOptions;
    use super::super::arm::tests::arm;
    use super::*;

    #[test]
    fn two_runs_by_hand() {
        let runs = [vec![[1.0, 3.0], [3.0, 1.0]], vec![[2.0, 2.0]]];
        assert_eq!(surface(&runs, 1), [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]);
        assert_eq!(surface(&runs, 2), [[1.0, 2.0], [2.0, 1.0]]);
        assert_eq!(surface(&runs, 3), Surface::new());
        assert_eq!(surface(&[], 1), Surface::new());
    }

    #[test]
    fn over_seeds_where_there_are_several_and_over_prompts_else() {
        let scores = vec![
            vec![vec![1.0, 0.0], vec![3.0, 2.0]],
            vec![vec![0.0, 1.0]; 2],
        ];
        let one = arm("A", &scores);
        let frame = Frame::new(std::slice::from_ref(&one), &FrameOptions::default()).unwrap();
        let few = Draws { draws: 40, seed: 0 };
        let go = &mut |_| ControlFlow::Continue(());
        let found = attainment(&frame, 0, [0, 1], few, go).unwrap();
        assert_eq!(found.over, Over::Prompts(40));
        assert_eq!(
            (found.best, found.worst),
            (vec![[3.0, 2.0]], vec![[0.0, 1.0], [1.0, 0.0]])
        );
        let mut two = one;
        two.seeds = vec![1, 2];
        // Seeds stand in points: each of the four rows of two prompts is one.
        two.prompts.truncate(1);
        let frame = Frame::new(&[two], &FrameOptions::default()).unwrap();
        let found = attainment(&frame, 0, [0, 1], few, go).unwrap();
        assert_eq!(found.over, Over::Seeds(2));
        assert_eq!(found.best, [[3.0, 2.0]]);
        assert_eq!(found.median, found.best);
        assert_eq!(found.worst, [[0.0, 1.0], [1.0, 0.0]]);
    }

    proptest! {
        /// Cell by cell, against the count of runs that reach it.
        #[test]
        fn a_cell_is_attained_where_enough_runs_reach_it(
            runs in prop::collection::vec(
                prop::collection::vec([(0_u8..5).prop_map(f64::from), (0_u8..5).prop_map(f64::from)], 0..6),
                1..6,
            ),
        ) {
            let reaches = |run: &[[f64; 2]], x: f64, y: f64| run.iter().any(|p| p[0] >= x && p[1] >= y);
            for level in 1..=runs.len() {
                let corners = surface(&runs, level);
                prop_assert!(corners.windows(2).all(|w| w[0][0] < w[1][0] && w[0][1] > w[1][1]));
                for x in 0..5 {
                    for y in 0..5 {
                        let (x, y) = (f64::from(x), f64::from(y));
                        let enough = runs.iter().filter(|run| reaches(run, x, y)).count() >= level;
                        prop_assert_eq!(reaches(&corners, x, y), enough);
                    }
                }
            }
        }
    }
}
