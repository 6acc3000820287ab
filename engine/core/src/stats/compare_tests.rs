//! Comparisons by hand, by plain twins, and what holds for all of them.

use std::ops::ControlFlow;

use proptest::prelude::*;
use rand::{Rng as _, SeedableRng as _};

use super::super::arm::tests::arm;
use super::super::{Arm, FrameOptions, SeedKind};
use super::*;

fn go(_: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn framed(arms: &[Arm]) -> Frame {
    Frame::new(arms, &FrameOptions::default()).unwrap()
}

/// Scores of points x prompts x objectives around a mean per point.
fn noisy(name: &str, means: &[Vec<f64>], prompts: usize, seed: u64) -> Arm {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let scores: Vec<Vec<Vec<f64>>> = means
        .iter()
        .map(|mean| {
            let one = |_| {
                mean.iter()
                    .map(|m| m + random.random::<f64>() - 0.5)
                    .collect()
            };
            (0..prompts).map(one).collect()
        })
        .collect();
    arm(name, &scores)
}

/// One draw, written down plainly: the drawn prompts one after another, each point against each.
fn plainly(arm: &Arm, drawn: &[usize], reference: &[f64]) -> f64 {
    let points: Vec<Vec<f64>> = (0..arm.points.len())
        .map(|point| {
            let mean = |k: usize| {
                drawn
                    .iter()
                    .map(|&p| arm.score(point, 0, p, k))
                    .sum::<f64>()
                    / drawn.len() as f64
            };
            (0..arm.objectives.len()).map(mean).collect()
        })
        .collect();
    let kept: Vec<&Vec<f64>> = points
        .iter()
        .filter(|p| !points.iter().any(|q| crate::pareto::dominates(q, p)))
        .collect();
    // Inclusion and exclusion over all subsets.
    (1_u32..1 << kept.len())
        .map(|set| {
            let of = (0..kept.len()).filter(|i| set >> i & 1 == 1);
            let side = |k: usize| {
                of.clone().map(|i| kept[i][k]).fold(f64::INFINITY, f64::min) - reference[k]
            };
            let volume: f64 = (0..reference.len()).map(|k| side(k).max(0.0)).product();
            if set.count_ones() % 2 == 1 {
                volume
            } else {
                -volume
            }
        })
        .sum()
}

/// All draws of one prompt are alike: an interval from them would be a point, and any difference shown.
#[test]
fn one_prompt_shows_no_difference() {
    let arm = |name: &str, seed| noisy(name, &[vec![0.0, 1.0], vec![1.0, 0.0]], 1, seed);
    let frame = Frame::new(&[arm("a", 1), arm("b", 2)], &FrameOptions::default()).unwrap();
    let refused = compare(&frame, Draws::default(), &mut |_| ControlFlow::Continue(()));
    let said = refused.unwrap_err().to_string();
    assert_eq!(
        said,
        "1 prompts of different groups in all arms, at least 2 needed"
    );
}

#[test]
fn equals_the_plain_bootstrap() {
    let a = noisy(
        "A",
        &[
            vec![1.0, 0.0, 0.3],
            vec![0.2, 1.0, 0.1],
            vec![0.4, 0.4, 0.4],
        ],
        7,
        1,
    );
    let b = noisy("B", &[vec![0.9, 0.1, 0.2], vec![0.1, 0.9, 0.4]], 7, 2);
    let frame = framed(&[a.clone(), b.clone()]);
    let draws = Draws {
        draws: 200,
        seed: 3,
    };
    let found = &compare(&frame, draws, &mut go).unwrap()[0];
    let whole: Vec<usize> = (0..7).collect();
    let plain = |arm: &Arm, drawn: &[usize]| plainly(arm, drawn, &frame.reference);
    assert!((found.hypervolume.a - plain(&a, &whole)).abs() < 1e-12);
    let mut differences = Vec::new();
    for draw in 0..200 {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        random.set_stream(draw);
        // Its one seed is drawn first.
        let _: usize = random.random_range(0..1);
        let drawn: Vec<usize> = (0..7).map(|_| random.random_range(0..7)).collect();
        differences.push(plain(&a, &drawn) - plain(&b, &drawn));
    }
    let (low, high) = super::super::interval(&differences, 0.95);
    assert!((found.hypervolume.low - low).abs() < 1e-12, "{found:?}");
    assert!((found.hypervolume.high - high).abs() < 1e-12);
    assert_eq!((found.draws, found.prompts, found.seeds), (200, 7, [1, 1]));
}

#[test]
fn what_is_clearly_more_is_shown_and_what_is_equal_is_not() {
    let means = [vec![1.0, 0.0], vec![0.5, 0.5], vec![0.0, 1.0]];
    let above: Vec<Vec<f64>> = means
        .iter()
        .map(|m| m.iter().map(|v| v + 0.5).collect())
        .collect();
    let arms = [
        noisy("same", &means, 60, 1),
        noisy("as well", &means, 60, 2),
        noisy("more", &above, 60, 3),
    ];
    let few = Draws {
        draws: 400,
        seed: 0,
    };
    let found = compare(&framed(&arms), few, &mut go).unwrap();
    let shown: Vec<bool> = found.iter().map(Comparison::is_shown).collect();
    assert_eq!(shown, [false, true, true]);
    assert!(found.iter().all(|c| c.p_holm >= c.p && c.p > 0.0));
    let more = &found[1];
    assert!(more.hypervolume.difference < 0.0 && more.coverage.b.value == 1.0);
    assert!(more.coverage.a.value == 0.0 && more.epsilon.a.value > 0.3);
    assert!(more.epsilon.b.value < 0.0);
    assert!(more.equal_points.is_none());
}

#[test]
fn by_hand_both_ways_and_at_equal_counts() {
    let point = |x: f64, y: f64| vec![vec![x, y]; 2];
    let a = arm("A", &[point(1.0, 3.0), point(2.0, 2.0), point(3.0, 1.0)]);
    let b = arm("B", &[point(2.5, 2.5)]);
    let options = FrameOptions {
        reference: Some(vec![0.0, 0.0]),
        ..FrameOptions::default()
    };
    let frame = Frame::new(&[a, b], &options).unwrap();
    let found = &compare(&frame, Draws { draws: 5, seed: 0 }, &mut go).unwrap()[0];
    let volumes = found.hypervolume;
    assert_eq!(
        (volumes.a, volumes.b, volumes.difference),
        (6.0, 6.25, -0.25)
    );
    assert_eq!((volumes.low, volumes.high), (-0.25, -0.25));
    assert_eq!((found.epsilon.a.value, found.epsilon.b.value), (0.5, 0.5));
    assert_eq!(
        (found.coverage.a.value, found.coverage.b.value),
        (0.0, 1.0 / 3.0)
    );
    let equal = found.equal_points.unwrap();
    assert_eq!((equal.points, equal.hypervolume.a), (1, 3.0));
    assert_eq!(found.points, [3, 1]);
}

#[test]
fn thinning_keeps_the_corners_and_looks_at_no_score() {
    let grid: Vec<ArmPoint> = (0..=10)
        .map(|at| ArmPoint {
            uid: at.to_string(),
            name: None,
            place: vec![f64::from(at) / 10.0, 1.0 - f64::from(at) / 10.0],
        })
        .collect();
    assert_eq!(thin(&grid, 3), [0, 5, 10]);
    assert_eq!(thin(&grid, 2), [0, 10]);
    assert_eq!(thin(&grid, 99).len(), 11);
    let mut mixed = grid;
    mixed[4].place.clear();
    assert!(thin(&mixed, 1) == [4] && thin(&[], 3).is_empty());
}

#[test]
fn training_seeds_have_fronts_of_their_own() {
    let one = noisy("A", &[vec![1.0, 0.0]], 8, 1);
    let two = noisy("A", &[vec![0.0, 1.0]], 8, 2);
    let mut both = one.clone();
    both.seeds = vec![1, 2];
    both.scores.extend(two.scores);
    let mut other = both.clone();
    other.name = "B".to_owned();
    let mut options = FrameOptions {
        reference: Some(vec![-1.0, -1.0]),
        seeds: SeedKind::Training,
        ..FrameOptions::default()
    };
    let few = Draws { draws: 50, seed: 0 };
    let arms = [both, other];
    let frame = Frame::new(&arms, &options).unwrap();
    let each = &compare(&frame, few, &mut go).unwrap()[0];
    // The same runs on both sides: paired, nothing is left between them.
    assert_eq!(
        (each.hypervolume.difference, each.hypervolume.high),
        (0.0, 0.0)
    );
    let runs = frame.means(0);
    let volume = |run: &Vec<Vec<f64>>| hypervolume(run, &[-1.0, -1.0]);
    assert!((each.hypervolume.a - f64::midpoint(volume(&runs[0]), volume(&runs[1]))).abs() < 1e-12);
    options.seeds = SeedKind::Sampling;
    let averaged = &compare(&Frame::new(&arms, &options).unwrap(), few, &mut go).unwrap()[0];
    assert!(averaged.hypervolume.a > each.hypervolume.a);
    assert_eq!(averaged.seeds, [2, 2]);
}

#[test]
fn a_break_cancels_and_one_arm_is_too_few() {
    let a = noisy("A", &[vec![1.0, 0.0]], 5, 1);
    let frame = framed(&[a.clone(), a.clone()]);
    let stopped = compare(&frame, Draws::default(), &mut |_| ControlFlow::Break(()));
    assert_eq!(stopped, Err(StatsError::Cancelled));
    assert!(compare(&framed(&[a]), Draws::default(), &mut go).is_err());
}

#[test]
fn holm_by_hand() {
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (found, right) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((found - right).abs() < 1e-12, "{adjusted:?}");
    }
    assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    assert!(holm(&[]).is_empty());
}

proptest! {
    /// Turning the arms around turns every number, and the order of points and objectives says nothing.
    #[test]
    fn differences_turn_around(
        a in prop::collection::vec(prop::collection::vec(0.0_f64..1.0, 2), 1..5),
        b in prop::collection::vec(prop::collection::vec(0.0_f64..1.0, 2), 1..5),
        seed in 0_u64..1000,
    ) {
        let (a, b) = (noisy("A", &a, 6, seed), noisy("B", &b, 6, seed + 1));
        let draws = Draws { draws: 60, seed };
        let one = compare(&framed(&[a.clone(), b.clone()]), draws, &mut go).unwrap();
        let turned = compare(&framed(&[b.clone(), a.clone()]), draws, &mut go).unwrap();
        let (x, y) = (&one[0], &turned[0]);
        let near = |p: f64, q: f64| (p - q).abs() < 1e-9;
        prop_assert!(near(x.hypervolume.difference, -y.hypervolume.difference));
        prop_assert!(near(x.hypervolume.low, -y.hypervolume.high));
        prop_assert!(near(x.epsilon.a.low, y.epsilon.b.low) && near(x.coverage.a.high, y.coverage.b.high));
        prop_assert!(near(x.p, y.p));
        let order: Vec<usize> = (0..a.points.len()).rev().collect();
        let shuffled = compare(&framed(&[a.only(&order), b]), draws, &mut go).unwrap();
        prop_assert!(near(x.hypervolume.difference, shuffled[0].hypervolume.difference));
        prop_assert!(near(x.hypervolume.low, shuffled[0].hypervolume.low));
    }

    /// Prompts that differ by chance alone, one point each: the interval lies around the estimate.
    #[test]
    fn the_interval_holds_the_estimate(seed in 0_u64..200) {
        let a = noisy("A", &[vec![0.5]], 40, seed);
        let b = noisy("B", &[vec![0.5]], 40, seed + 1000);
        let options = FrameOptions { reference: Some(vec![-9.0]), ..FrameOptions::default() };
        let frame = Frame::new(&[a, b], &options).unwrap();
        let found = compare(&frame, Draws { draws: 200, seed }, &mut go).unwrap()[0].hypervolume;
        prop_assert!(found.low < found.difference && found.difference < found.high);
    }
}
