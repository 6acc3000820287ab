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

/// The surfaces of an arm in two of the frame's objectives, `x` and `y`.
pub fn attainment(
    frame: &Frame,
    arm: usize,
    [x, y]: [usize; 2],
    draws: Draws,
    progress: Progress<'_>,
) -> Result<Attainment> {
    let seeds = frame.arms[arm].seeds;
    let prompts = vec![1.0; frame.prompts.len()];
    let flat = |seeds: &[f64], prompts: &[f64]| -> Surface {
        let runs = frame.weighted_means(arm, seeds, prompts);
        let points = runs.iter().flat_map(|run| &run.points);
        points.map(|point| [point[x], point[y]]).collect()
    };
    if seeds > 1 {
        let alone = |seed: usize| {
            let counts: Vec<f64> = (0..seeds).map(|s| f64::from(u8::from(s == seed))).collect();
            flat(&counts, &prompts)
        };
        let runs: Vec<Surface> = (0..seeds).map(alone).collect();
        return Ok(three(
            &runs,
            Over::Seeds(seeds),
            [1, seeds.div_ceil(2), seeds],
        ));
    }
    let mut runs = Vec::with_capacity(draws.draws);
    draws.each(progress, |random| {
        runs.push(flat(&[1.0], &counts(random, &frame.groups, prompts.len())));
    })?;
    let share = |part: f64| ((part * runs.len() as f64).ceil() as usize).max(1);
    let levels = [share(0.025), share(0.5), share(0.975)];
    Ok(three(&runs, Over::Prompts(runs.len()), levels))
}

fn three(runs: &[Surface], over: Over, [best, median, worst]: [usize; 3]) -> Attainment {
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
