//! Sets of points with a name.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::grid;
use super::rows::check_rows;
use crate::types::{Point, PointKind, PointSet, Preference, Weights};
use crate::{Error, Result};

/// Tenths of HoE's 13 preferences; the eighth is a third each, which the paper writes as 0.33.
const HOE_13: [[u8; 3]; 13] = [
    [0, 0, 10],
    [0, 10, 0],
    [1, 1, 8],
    [1, 8, 1],
    [2, 2, 6],
    [2, 4, 4],
    [2, 6, 2],
    [1, 1, 1],
    [4, 4, 2],
    [4, 2, 4],
    [6, 2, 2],
    [8, 1, 1],
    [10, 0, 0],
];
/// HoE's three over five objectives, in hundredths as printed; they are normalised.
const HOE_5: [[u8; 5]; 3] = [
    [20, 20, 20, 20, 20],
    [17, 17, 17, 25, 25],
    [11, 11, 11, 33, 33],
];

/// Reads the name of a set: `hoe-11`, `hoe-13`, `hoe-5`, `mva-100`, `halton:N`, `halton:N:SEED` or `convex:STEP`. `None`
/// where it is none.
pub fn parse_set(text: &str) -> Result<Option<PointSet>> {
    let wrong = |right: &str| Error::option("points", format!("`{text}` is not {right}"));
    let set = match text.split_once(':') {
        None => match text {
            "hoe-11" => PointSet::Hoe11,
            "hoe-13" => PointSet::Hoe13,
            "hoe-5" => PointSet::Hoe5,
            "mva-100" => PointSet::Mva100,
            _ => return Ok(None),
        },
        Some(("halton", count)) => {
            let (count, seed) = match count.split_once(':') {
                None => (count, Some(0)),
                Some((count, seed)) => (count, seed.trim().parse().ok()),
            };
            let count = count.trim().parse().ok().filter(|count| *count > 0);
            let right = "halton:N or halton:N:SEED with whole numbers, N above 0, e.g. halton:50";
            let (Some(count), Some(seed)) = (count, seed) else {
                return Err(wrong(right));
            };
            let kind = PointKind::Preference;
            PointSet::Halton { count, kind, seed }
        }
        Some(("convex", step)) => {
            let step = step.trim().parse();
            let step = step.map_err(|_source| wrong("convex:STEP, e.g. convex:0.1"))?;
            grid::divisions("points", 1.0, step, grid::SIMPLEX_EDGE)?;
            PointSet::Convex { step }
        }
        Some(_) => return Ok(None),
    };
    Ok(Some(set))
}

/// The names of sets, as a person writes them.
pub const SETS: [&str; 6] = [
    "hoe-11",
    "hoe-13",
    "hoe-5",
    "mva-100",
    "halton:N",
    "convex:STEP",
];

pub(super) fn expand(
    set: PointSet,
    objectives: usize,
    values: usize,
    prompts: usize,
) -> Result<Vec<Point>> {
    let has = |needed: usize, got: usize, what: &str, other: &str| {
        let words = format!("the set is for {needed} {what}, the bundle has {got}; {other}");
        let problem = Error::option("points", words);
        if needed == got { Ok(()) } else { Err(problem) }
    };
    let some_values = || match values {
        0 => Err(Error::option(
            "points",
            "the set needs value vectors, and the bundle has none",
        )),
        values => Ok(values),
    };
    match set {
        PointSet::Hoe11 => {
            has(2, objectives, "objectives", "simplex:0.1 fits any number")?;
            grid::simplex(0.1, &[], 2, prompts)
        }
        PointSet::Hoe13 => {
            has(3, objectives, "objectives", "simplex:STEP fits any number")?;
            check_rows("points", Some(HOE_13.len()), prompts)?;
            preferences(&HOE_13)
        }
        PointSet::Hoe5 => {
            has(5, objectives, "objectives", "simplex:STEP fits any number")?;
            check_rows("points", Some(HOE_5.len()), prompts)?;
            preferences(&HOE_5)
        }
        PointSet::Mva100 => {
            has(2, values, "value vectors", "box:C:STEP fits any number")?;
            let all = grid::cube(1.0, 0.1, 2, prompts)?;
            let inside = |point: &Point| point.as_slice().iter().all(|w| *w > 0.0);
            Ok(all.into_iter().filter(inside).collect())
        }
        PointSet::Halton { count, kind, seed } => {
            check_rows("points", Some(count), prompts)?;
            let dimensions = match kind {
                PointKind::Preference => objectives.saturating_sub(1),
                PointKind::Weights => values,
            };
            let axes = axes(dimensions, seed);
            match kind {
                PointKind::Preference if objectives == 0 => Err(Error::option(
                    "points",
                    "the set needs objectives, and the bundle has none",
                )),
                // One objective leaves one preference.
                PointKind::Preference => (1..=if objectives == 1 { 1 } else { count })
                    .map(|at| on_simplex(at, &axes))
                    .collect(),
                PointKind::Weights => {
                    some_values()?;
                    let at = |at: usize| axes.iter().map(|axis| axis.number(at)).collect();
                    let weights = |place: Vec<f64>| Weights::new(place).map(Point::Weights);
                    let points = (1..=count).map(|i| weights(at(i)));
                    points
                        .collect::<std::result::Result<_, _>>()
                        .map_err(Error::point("points"))
                }
            }
        }
        PointSet::Convex { step } => {
            let mixtures = grid::simplex(step, &[], some_values()?, prompts)?;
            let weights = |point: Point| {
                let place = point.as_slice().to_vec();
                Weights::new(place).map(Point::Weights)
            };
            let points = mixtures.into_iter().map(weights);
            points
                .collect::<std::result::Result<_, _>>()
                .map_err(Error::point("points"))
        }
    }
}

/// Rows of whole numbers as preferences. A tenth is 1/10, as on a grid, so that a row of a sweep over the grid is found
/// again.
fn preferences<const N: usize>(rows: &[[u8; N]]) -> Result<Vec<Point>> {
    let preference = |row: &[u8; N]| {
        let sum: u32 = row.iter().map(|&part| u32::from(part)).sum();
        let shares = row.iter().map(|&part| f64::from(part) / f64::from(sum));
        Preference::new(shares.collect()).map(Point::Preference)
    };
    let points = rows.iter().map(preference);
    points
        .collect::<std::result::Result<_, _>>()
        .map_err(Error::point("points"))
}

/// One dimension of Halton's points.
struct Axis {
    prime: usize,
    /// What is added to every number, modulo 1.
    shift: f64,
}

impl Axis {
    fn number(&self, at: usize) -> f64 {
        (radical_inverse(at, self.prime) + self.shift).fract()
    }
}

/// Of each dimension a prime, and a shift that follows from the seed (Cranley and Patterson 1976): points of another seed
/// fill the space as evenly and are others.
fn axes(dimensions: usize, seed: u64) -> Vec<Axis> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let axis = |prime: usize| Axis {
        prime,
        shift: if seed == 0 { 0.0 } else { random.random() },
    };
    primes(dimensions).into_iter().map(axis).collect()
}

/// The `at`-th of Halton's points, from 1, as a preference: the gaps that its numbers, one fewer than there are objectives,
/// leave between 0 and 1 when they are sorted. Evenly spread numbers give evenly spread preferences.
fn on_simplex(at: usize, axes: &[Axis]) -> Result<Point> {
    let mut cuts: Vec<f64> = axes.iter().map(|axis| axis.number(at)).collect();
    cuts.sort_by(f64::total_cmp);
    cuts.push(1.0);
    let mut from = 0.0;
    let gaps = cuts.into_iter().map(|cut| {
        let gap = cut - from;
        from = cut;
        gap
    });
    Preference::new(gaps.collect())
        .map(Point::Preference)
        .map_err(Error::point("points"))
}

/// The digits of `at` in base `base`, mirrored behind the point: van der Corput's sequence.
fn radical_inverse(mut at: usize, base: usize) -> f64 {
    let (mut value, mut digit) = (0.0, 1.0);
    while at > 0 {
        digit /= base as f64;
        value += (at % base) as f64 * digit;
        at /= base;
    }
    value
}

/// The first primes, one per dimension.
fn primes(count: usize) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::with_capacity(count);
    let mut candidate = 2;
    while found.len() < count {
        if found.iter().all(|prime| candidate % prime != 0) {
            found.push(candidate);
        }
        candidate += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{of_kind, points};
    use super::*;
    use crate::protocol::SweepGrid;

    fn visited(text: &str, objectives: usize, values: usize) -> Vec<Point> {
        let set = parse_set(text).unwrap().unwrap();
        points(&SweepGrid::Set(set), objectives, values, 1, false).unwrap()
    }

    #[test]
    fn sets_hold_what_the_papers_print() {
        let eleven = visited("hoe-11", 2, 0);
        assert_eq!(eleven.len(), 11);
        assert!(eleven.iter().any(|p| p.as_slice() == [0.3, 0.7]));
        let thirteen = visited("hoe-13", 3, 0);
        assert_eq!(thirteen.len(), 13);
        assert_eq!(thirteen[2].as_slice(), [0.1, 0.1, 0.8]);
        assert_eq!(thirteen[7].as_slice(), [1.0 / 3.0; 3]);
        let five = visited("hoe-5", 5, 0);
        assert_eq!(five.len(), 3);
        assert!((five[1].as_slice()[3] - 25.0 / 101.0).abs() < 1e-12);
        let hundred = visited("mva-100", 3, 2);
        assert_eq!(hundred.len(), 100);
        let in_range = |w: &f64| (0.1..=1.0).contains(w);
        assert!(hundred.iter().all(|p| p.as_slice().iter().all(in_range)));
        assert_eq!(hundred[0].as_slice(), [1.0, 1.0]);
    }

    /// A grid's rows are found again by the bits of their points.
    #[test]
    fn the_sets_share_their_points_with_the_grid() {
        let grid = points(
            &SweepGrid::Simplex {
                step: 0.1,
                objectives: Vec::new(),
            },
            3,
            0,
            1,
            false,
        );
        let grid = grid.unwrap();
        for (at, point) in visited("hoe-13", 3, 0).iter().enumerate() {
            assert!(at == 7 || grid.contains(point), "{point:?}");
        }
    }

    #[test]
    fn sets_fit_the_bundle_or_say_why_not() {
        for (text, objectives, values, want) in [
            ("hoe-11", 3, 0, "for 2 objectives, the bundle has 3"),
            ("hoe-13", 2, 0, "for 3 objectives, the bundle has 2"),
            ("hoe-5", 3, 0, "for 5 objectives, the bundle has 3"),
            ("mva-100", 3, 3, "for 2 value vectors, the bundle has 3"),
            ("convex:0.1", 3, 0, "has none"),
            ("halton:100001", 3, 3, "more than 100000 rows"),
            ("halton:5", 0, 3, "needs objectives"),
        ] {
            let grid = SweepGrid::Set(parse_set(text).unwrap().unwrap());
            let words = points(&grid, objectives, values, 1, false)
                .unwrap_err()
                .to_string();
            assert!(words.contains(want), "{text}: {words}");
        }
        for text in [
            "halton:",
            "halton:0",
            "halton:-1",
            "halton:5:",
            "halton:5:x",
            "halton:5:1:1",
            "convex:",
            "convex:0.3",
        ] {
            assert!(parse_set(text).is_err(), "{text}");
        }
        for text in ["hoe-12", "file.jsonl", "", "C:\\points.jsonl"] {
            assert_eq!(parse_set(text).unwrap(), None, "{text}");
        }
        for name in SETS {
            let text = name.replace('N', "8").replace("STEP", "0.5");
            assert!(parse_set(&text).unwrap().is_some(), "{name}");
        }
    }

    #[test]
    fn a_seed_gives_other_points_that_fill_as_well() {
        let own = visited("halton:64", 3, 0);
        assert_eq!(visited("halton:64:0", 3, 0), own);
        let other = visited("halton:64:7", 3, 0);
        assert_eq!(visited("halton:64:7", 3, 0), other);
        assert!(other.iter().all(|point| !own.contains(point)));
        for k in 0..3 {
            let mean = other.iter().map(|p| p.as_slice()[k]).sum::<f64>() / 64.0;
            assert!((mean - 1.0 / 3.0).abs() < 0.05, "{mean}");
        }
        // What was stored before there were seeds is read, and what has none is stored as it was.
        let text = r#"{"halton":{"count":5,"kind":"preference"}}"#;
        let set: PointSet = serde_json::from_str(text).unwrap();
        assert_eq!(set, parse_set("halton:5").unwrap().unwrap());
        assert_eq!(serde_json::to_string(&set).unwrap(), text);
    }

    #[test]
    fn methods_take_one_kind() {
        let set = |text: &str| SweepGrid::Set(parse_set(text).unwrap().unwrap());
        let weights = of_kind(set("halton:9"), PointKind::Weights).unwrap();
        let all = points(&weights, 3, 2, 1, false).unwrap();
        assert_eq!(all.len(), 9);
        assert_eq!(all[0].as_slice(), [0.5, 1.0 / 3.0]);
        assert!(of_kind(set("hoe-13"), PointKind::Preference).is_ok());
        let words = of_kind(set("hoe-13"), PointKind::Weights).unwrap_err();
        assert!(
            words
                .to_string()
                .contains("gives preferences, and the method takes weights")
        );
    }

    #[test]
    fn convex_weights_sum_to_one() {
        let all = visited("convex:0.25", 3, 3);
        assert_eq!(all.len(), 15);
        for point in all {
            assert_eq!(point.kind(), PointKind::Weights);
            assert!((point.as_slice().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    proptest! {
        /// Each objective gets its share: the mean of many points is the middle, and none stands twice.
        #[test]
        fn halton_points_fill_the_simplex(objectives in 1_usize..7) {
            let all = visited("halton:512", objectives, 0);
            prop_assert_eq!(all.len(), if objectives == 1 { 1 } else { 512 });
            for k in 0..objectives {
                let mean = all.iter().map(|p| p.as_slice()[k]).sum::<f64>() / all.len() as f64;
                prop_assert!((mean - 1.0 / objectives as f64).abs() < 0.02, "{}", mean);
            }
            let distinct = |i: usize| !all[..i].contains(&all[i]);
            prop_assert!((0..all.len()).all(distinct));
        }
    }
}
