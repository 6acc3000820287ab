//! Every point of a grid, coarse to fine.
//!
//! A point of a grid with `n` divisions also lies on the coarser grid with `q` divisions, where
//! `n / q` is what its coordinates have in common. Points are visited by that `q`: corners first,
//! then the midpoints, and so on, so that a sweep that is stopped early still shows a front over
//! the whole range. Within a level the order is spread out by reversing bits.

use super::rows::{MAX_ROWS, check_rows};
use crate::protocol::SweepGrid;
use crate::types::{Point, Preference, Weights};
use crate::{Error, Result};

/// What a step of a simplex must divide.
pub(super) const SIMPLEX_EDGE: &str = "the edge of the simplex, 1";
/// How far a step may be from dividing its range, in parts of a step.
const SLACK: f64 = 1e-6;

/// Reads `simplex:STEP` or `box:C:STEP`.
pub fn parse_grid(text: &str) -> Result<SweepGrid> {
    let fail = || {
        Error::option(
            "grid",
            format!(
                "`{text}` is neither simplex:STEP nor box:C:STEP, e.g. simplex:0.1 or box:1.2:0.3"
            ),
        )
    };
    let number = |part: &str| part.trim().parse::<f64>().map_err(|_source| fail());
    match text.split(':').collect::<Vec<_>>()[..] {
        ["simplex", step] => {
            let step = number(step)?;
            divisions("grid", 1.0, step, SIMPLEX_EDGE)?;
            Ok(SweepGrid::Simplex {
                step,
                objectives: Vec::new(),
            })
        }
        ["box", c, step] => {
            let (c, step) = (number(c)?, number(step)?);
            box_divisions(c, step)?;
            Ok(SweepGrid::Box { c, step })
        }
        _ => Err(fail()),
    }
}

/// Every preference whose shares are multiples of `step`, over the objectives `chosen` (all of them where empty).
pub(super) fn simplex(
    step: f64,
    chosen: &[usize],
    objectives: usize,
    prompts: usize,
) -> Result<Vec<Point>> {
    let n = divisions("grid", 1.0, step, SIMPLEX_EDGE)?;
    let chosen = chosen_objectives(chosen, objectives)?;
    check_rows("grid", compositions(n, chosen.len()), prompts)?;
    let mut all = Vec::new();
    compose(n, chosen.len(), &mut Vec::new(), &mut all);
    let point = |shares: Vec<usize>| {
        let mut place = vec![0.0; objectives];
        for (&at, &share) in chosen.iter().zip(&shares) {
            place[at] = share as f64 / n as f64;
        }
        Preference::new(place)
            .map(Point::Preference)
            .map_err(Error::point("grid"))
    };
    coarse_to_fine(n, all).into_iter().map(point).collect()
}

/// Every combination of weights in `{0, step, ..., c}`.
pub(super) fn cube(c: f64, step: f64, values: usize, prompts: usize) -> Result<Vec<Point>> {
    let n = box_divisions(c, step)?;
    if values == 0 {
        return Err(Error::option(
            "grid",
            "a box needs value vectors, and the bundle has none; use simplex:STEP",
        ));
    }
    let side = n + 1;
    let count = u32::try_from(values).ok().and_then(|v| side.checked_pow(v));
    check_rows("grid", count, prompts)?;
    let digits = |at: usize| {
        let mut digits = vec![0; values];
        let mut rest = at;
        for digit in digits.iter_mut().rev() {
            *digit = rest % side;
            rest /= side;
        }
        digits
    };
    let all = (0..count.unwrap_or(0)).map(digits).collect();
    let point = |digits: Vec<usize>| {
        let place = digits.iter().map(|&d| c * (d as f64 / n as f64)).collect();
        Weights::new(place)
            .map(Point::Weights)
            .map_err(Error::point("grid"))
    };
    coarse_to_fine(n, all).into_iter().map(point).collect()
}

/// Steps along an edge of a box, at least one.
fn box_divisions(c: f64, step: f64) -> Result<usize> {
    if !(c.is_finite() && c > 0.0) {
        return Err(Error::option(
            "grid",
            format!("the largest weight C is {c}; it must be finite and above 0"),
        ));
    }
    divisions("grid", c, step, "the largest weight C")
}

/// Steps along an edge of length `range`, called `name`, at least one.
pub(super) fn divisions(option: &str, range: f64, step: f64, name: &str) -> Result<usize> {
    if !(step.is_finite() && step > 0.0 && step <= range * (1.0 + SLACK)) {
        return Err(Error::option(
            option,
            format!("the step is {step}; it must be above 0 and at most {range}"),
        ));
    }
    let exact = range / step;
    let n = exact.round();
    if n > MAX_ROWS as f64 {
        return Err(Error::option(
            option,
            format!("a step of {step} makes {n} divisions; at most {MAX_ROWS} rows are allowed"),
        ));
    }
    if (exact - n).abs() > SLACK * n {
        return Err(Error::option(
            option,
            format!(
                "a step of {step} does not divide {name} ({range}); {} or {} would",
                range / exact.floor(),
                range / exact.ceil()
            ),
        ));
    }
    Ok(n as usize)
}

/// The objectives that vary: those asked for, or all.
fn chosen_objectives(chosen: &[usize], objectives: usize) -> Result<Vec<usize>> {
    if chosen.is_empty() {
        if objectives == 0 {
            return Err(Error::option(
                "grid",
                "the bundle has no objectives, and a simplex needs one: a base alone has nothing to sweep; `bundle build` and `bundle add` give it experts",
            ));
        }
        return Ok((0..objectives).collect());
    }
    for (place, &index) in chosen.iter().enumerate() {
        if index >= objectives {
            return Err(Error::option(
                "grid",
                format!(
                    "objective {} does not exist; the bundle has {objectives}",
                    index + 1
                ),
            ));
        }
        if chosen[..place].contains(&index) {
            return Err(Error::option(
                "grid",
                format!("objective {} is named twice", index + 1),
            ));
        }
    }
    Ok(chosen.to_vec())
}

/// Ways to write `n` as an ordered sum of `parts` numbers: `C(n + parts - 1, parts - 1)`.
fn compositions(n: usize, parts: usize) -> Option<usize> {
    (1..parts).try_fold(1_usize, |count, i| count.checked_mul(n + i).map(|c| c / i))
}

/// All of them, in lexicographic order.
fn compose(rest: usize, parts: usize, prefix: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
    if parts <= 1 {
        all.push(prefix.iter().copied().chain([rest]).collect());
        return;
    }
    for first in 0..=rest {
        prefix.push(first);
        compose(rest - first, parts - 1, prefix, all);
        prefix.pop();
    }
}

/// Sorts places (in units of a step, `n` along an edge) by the coarsest grid that holds them.
fn coarse_to_fine(n: usize, places: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let divisor = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let level = |place: &[usize]| n / place.iter().fold(n, |common, &k| divisor(common, k)).max(1);
    let mut keyed: Vec<(usize, usize, Vec<usize>)> = places
        .into_iter()
        .enumerate()
        .map(|(at, place)| (level(&place), at.reverse_bits(), place))
        .collect();
    keyed.sort_unstable_by_key(|&(level, spread, _)| (level, spread));
    keyed.into_iter().map(|(_, _, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::points;
    use super::*;

    fn simplex(step: f64) -> SweepGrid {
        SweepGrid::Simplex {
            step,
            objectives: Vec::new(),
        }
    }

    #[test]
    fn simplex_counts_and_starts_at_the_corners() {
        let all = points(&simplex(0.1), 3, 0, 1, false).unwrap();
        assert_eq!(all.len(), 66);
        let corner = |p: &Point| p.as_slice().contains(&1.0);
        assert!(all[..3].iter().all(corner) && !all[3..].iter().any(corner));
        let midpoint = |p: &Point| p.as_slice().contains(&0.5) && p.as_slice().contains(&0.0);
        assert!(all[3..6].iter().all(midpoint));
        assert_eq!(points(&simplex(1.0), 2, 0, 1, false).unwrap().len(), 2);
        assert_eq!(
            points(&simplex(1.0 / 3.0), 3, 0, 1, false).unwrap().len(),
            10
        );
        assert_eq!(points(&simplex(0.5), 1, 0, 1, false).unwrap().len(), 1);
    }

    #[test]
    fn a_subset_leaves_the_others_at_zero() {
        let grid = SweepGrid::Simplex {
            step: 0.25,
            objectives: vec![2, 0],
        };
        let all = points(&grid, 3, 0, 1, false).unwrap();
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|p| p.as_slice()[1] == 0.0));
        for wrong in [vec![3], vec![0, 0]] {
            let grid = SweepGrid::Simplex {
                step: 0.25,
                objectives: wrong,
            };
            assert!(points(&grid, 3, 0, 1, false).is_err());
        }
    }

    #[test]
    fn box_holds_zero_and_c() {
        let all = points(&SweepGrid::Box { c: 1.2, step: 0.3 }, 3, 2, 1, true).unwrap();
        assert_eq!(all.len(), 25);
        assert_eq!(all.iter().filter(|p| p.is_base()).count(), 1);
        assert!(
            all[..4]
                .iter()
                .all(|p| p.as_slice().iter().all(|&w| w == 0.0 || w == 1.2))
        );
        assert!(points(&SweepGrid::Box { c: 1.0, step: 1.0 }, 3, 0, 1, false).is_err());
    }

    #[test]
    fn the_base_comes_first_where_asked_for() {
        let all = points(&simplex(0.5), 2, 3, 1, true).unwrap();
        assert_eq!(all.len(), 4);
        assert!(all[0].is_base());
    }

    #[test]
    fn wrong_steps_are_refused_with_better_ones() {
        let text = points(&simplex(0.3), 3, 0, 1, false)
            .unwrap_err()
            .to_string();
        assert!(text.contains("0.25") && text.contains("0.333"), "{text}");
        for step in [0.0, -0.1, f64::NAN, f64::INFINITY, 1.5, 1e-300] {
            assert!(points(&simplex(step), 3, 0, 1, false).is_err(), "{step}");
        }
        for c in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                points(&SweepGrid::Box { c, step: 0.1 }, 3, 2, 1, false).is_err(),
                "{c}"
            );
        }
        assert!(points(&SweepGrid::Box { c: 1.0, step: 0.3 }, 3, 2, 1, false).is_err());
    }

    #[test]
    fn too_many_rows_are_refused() {
        assert!(points(&simplex(0.01), 3, 0, 19, false).is_ok());
        let text = points(&simplex(0.01), 3, 0, 20, false)
            .unwrap_err()
            .to_string();
        assert!(text.contains("5151 points × 20 prompts"), "{text}");
        assert!(points(&simplex(0.001), 30, 0, 1, false).is_err());
        assert!(points(&SweepGrid::Box { c: 1.0, step: 0.01 }, 3, 99, 1, false).is_err());
        assert!(points(&simplex(0.5), 0, 0, 1, false).is_err());
    }

    #[test]
    fn grids_are_read() {
        assert_eq!(parse_grid("simplex:0.25").unwrap(), simplex(0.25));
        assert_eq!(
            parse_grid("box:1.5:0.5").unwrap(),
            SweepGrid::Box { c: 1.5, step: 0.5 }
        );
        for wrong in [
            "",
            "simplex",
            "simplex:a",
            "simplex:0.3",
            "box:1",
            "box:1:0",
            "cube:1",
            "box:nan:1",
            "simplex:0.1:2",
        ] {
            let error = parse_grid(wrong).unwrap_err();
            assert!(matches!(error, Error::Option { .. }), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_point_once_and_levels_nest(n in 1_usize..13, objectives in 1_usize..5) {
            let all = points(&simplex(1.0 / n as f64), objectives, 0, 1, false).unwrap();
            prop_assert_eq!(Some(all.len()), compositions(n, objectives));
            for (i, a) in all.iter().enumerate() {
                prop_assert!((a.as_slice().iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert!(!all[..i].contains(a));
            }
            if n % 2 == 0 {
                let coarse = points(&simplex(2.0 / n as f64), objectives, 0, 1, false).unwrap();
                for point in coarse {
                    let found = all.iter().any(|p| {
                        p.as_slice().iter().zip(point.as_slice()).all(|(a, b)| (a - b).abs() < 1e-12)
                    });
                    prop_assert!(found);
                }
            }
        }
    }
}
