//! The volume that a set of points dominates above a reference point: exact, or sampled where that would take too long.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Comparisons of numbers that the exact volume may cost; about two seconds.
const BUDGET: u64 = 2_000_000_000;
/// Points drawn where it would cost more.
const DRAWS: usize = 1_000_000;
/// Draws that must hit for their share to say anything.
const HITS: usize = 1_000;

/// A volume, and how it was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Volume {
    /// The volume.
    pub value: f64,
    /// The standard error and the number of draws, where it was sampled; `None` where it is exact.
    pub sampled: Option<(f64, usize)>,
}

/// Volume of the union of the boxes between `reference` and each point that is above it in every
/// objective; points of another length or with numbers that are not finite count for nothing. See [`measure`].
pub fn hypervolume(points: &[impl AsRef<[f64]>], reference: &[f64]) -> f64 {
    measure(points, reference).value
}

/// [`hypervolume`], with how it was found.
///
/// A sweep in two dimensions, `O(n log n)`; a sweep over a growing staircase in three,
/// `O(n log n)` plus moves; beyond that slices of one dimension less, `O(n)` of them per dimension. Where that would
/// cost more than a few seconds, points are drawn (a fixed seed): evenly from the box around the front, or, where the front
/// fills too little of that, from its own boxes.
pub fn measure(points: &[impl AsRef<[f64]>], reference: &[f64]) -> Volume {
    measure_within(points, reference, BUDGET)
}

fn measure_within(points: &[impl AsRef<[f64]>], reference: &[f64], budget: u64) -> Volume {
    let above: Vec<Vec<f64>> = points
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| {
            p.len() == reference.len()
                && p.iter().zip(reference).all(|(v, r)| v.is_finite() && v > r)
        })
        // From here on the reference is the origin.
        .map(|p| p.iter().zip(reference).map(|(v, r)| v - r).collect())
        .collect();
    let above = if reference.len() > 3 {
        super::front(&above)
            .into_iter()
            .map(|i| above[i].clone())
            .collect()
    } else {
        above
    };
    let mut left = budget;
    match volume(above.clone(), reference.len(), &mut left) {
        Some(value) => Volume {
            value,
            sampled: None,
        },
        None => by_draws(&above, reference.len()),
    }
}

/// The share of evenly drawn points that some box holds, times the volume of the box around them all.
fn by_draws(points: &[Vec<f64>], dimensions: usize) -> Volume {
    let sides: Vec<f64> = (0..dimensions)
        .map(|d| points.iter().map(|p| p[d]).fold(0.0, f64::max))
        .collect();
    let around: f64 = sides.iter().product();
    // Large boxes first: they hold most draws.
    let mut boxes: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
    let size = |p: &[f64]| p.iter().product::<f64>();
    boxes.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let draws = DRAWS.min((BUDGET as usize / (boxes.len().max(1) * dimensions)).max(10_000));
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut inside = 0_usize;
    let mut place = vec![0.0; dimensions];
    for _ in 0..draws {
        for (value, side) in place.iter_mut().zip(&sides) {
            *value = random.random::<f64>() * side;
        }
        let held = |p: &&[f64]| p.iter().zip(&place).all(|(side, value)| value < side);
        inside += usize::from(boxes.iter().any(held));
    }
    // Few hits leave the share in the dark, and none would claim a volume of 0; likewise for misses.
    if inside.min(draws - inside) < HITS {
        return by_boxes(&boxes, &mut random);
    }
    let share = inside as f64 / draws as f64;
    let error = around * (share * (1.0 - share) / draws as f64).sqrt();
    Volume {
        value: share * around,
        sampled: Some((error, draws)),
    }
}

/// Points drawn from the boxes themselves, a box by its volume; each counts for one over the boxes that hold it. The mean
/// times the sum of the boxes' volumes is the volume of their union, never 0 (Karp, Luby and Madras 1989).
fn by_boxes(boxes: &[&[f64]], random: &mut ChaCha8Rng) -> Volume {
    let dimensions = boxes.first().map_or(0, |first| first.len());
    let mut sum = 0.0;
    let ends: Vec<f64> = boxes
        .iter()
        .map(|sides| {
            sum += sides.iter().product::<f64>();
            sum
        })
        .collect();
    let draws = DRAWS.min((BUDGET as usize / (boxes.len().max(1) * dimensions.max(1))).max(10_000));
    let (mut mean, mut squares) = (0.0, 0.0);
    let mut place = vec![0.0; dimensions];
    for draw in 1..=draws {
        let at = random.random::<f64>() * sum;
        let from = boxes[ends.partition_point(|end| *end <= at).min(boxes.len() - 1)];
        for (value, side) in place.iter_mut().zip(from) {
            *value = random.random::<f64>() * side;
        }
        let held = |p: &&&[f64]| p.iter().zip(&place).all(|(side, value)| value < side);
        // The box that it was drawn from holds it, whatever rounding says.
        let share = 1.0 / boxes.iter().filter(held).count().max(1) as f64;
        let off = share - mean;
        mean += off / draw as f64;
        squares += off * (share - mean);
    }
    let error = sum * (squares / (draws as f64 - 1.0) / draws as f64).sqrt();
    Volume {
        value: sum * mean,
        sampled: Some((error, draws)),
    }
}

/// Volume above the origin of the first `dimensions` numbers of each point, all of them positive; `None` where it would
/// cost more comparisons than `left`, which what is spent is taken from.
fn volume(mut points: Vec<Vec<f64>>, dimensions: usize, left: &mut u64) -> Option<f64> {
    let Some(last) = dimensions.checked_sub(1) else {
        return Some(0.0);
    };
    if dimensions == 1 {
        return Some(points.iter().map(|p| p[0]).fold(0.0, f64::max));
    }
    if dimensions > 3 {
        let n = points.len() as u64;
        // Of the maximal points of every slice, to begin with.
        let cost = n.saturating_mul(n).saturating_mul(n) / 6;
        *left = left.checked_sub(cost.saturating_add(n * dimensions as u64))?;
    } else {
        *left = left.saturating_sub(32 * points.len() as u64);
    }
    points.sort_by(|a, b| b[last].total_cmp(&a[last]));
    // The set of points at or above the current height only grows on the way down.
    let mut total = 0.0;
    let mut staircase = Staircase::default();
    for (i, point) in points.iter().enumerate() {
        let below = points.get(i + 1).map_or(0.0, |next| next[last]);
        let thickness = point[last] - below;
        match dimensions {
            2 => {
                staircase.area = f64::max(staircase.area, point[0]);
                total += staircase.area * thickness;
            }
            3 => {
                staircase.insert(point[0], point[1]);
                total += staircase.area * thickness;
            }
            _ if thickness > 0.0 => {
                total += volume(maximal(&points[..=i], last), last, left)? * thickness;
            }
            _ => {}
        }
    }
    Some(total)
}

/// The points that no other exceeds in the first `dimensions` numbers; one of each duplicate.
fn maximal(points: &[Vec<f64>], dimensions: usize) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::new();
    let covers = |a: &[f64], b: &[f64]| a.iter().zip(b).take(dimensions).all(|(x, y)| x >= y);
    for point in points {
        if !kept.iter().any(|k| covers(k, point)) {
            kept.retain(|k| !covers(point, k));
            kept.push(point.clone());
        }
    }
    kept
}

/// The union of rectangles `[0, x] x [0, y]`.
#[derive(Debug, Default)]
struct Staircase {
    /// Its corners: x ascending, y descending.
    corners: Vec<(f64, f64)>,
    /// Its area, made by additions alone.
    area: f64,
}

impl Staircase {
    fn insert(&mut self, x: f64, y: f64) {
        // Corners from `right` on reach at least as far as x.
        let right = self.corners.partition_point(|c| c.0 < x);
        let level = self.corners.get(right).map_or(0.0, |c| c.1);
        if level >= y {
            return;
        }
        // Corners `left..right` are covered, and so is an equal x at `right`.
        let left = self.corners.partition_point(|c| c.1 > y).min(right);
        let end = right + usize::from(self.corners.get(right).is_some_and(|c| c.0 == x));
        let start = left.checked_sub(1).map_or(0.0, |i| self.corners[i].0);
        // The new strips, from left to right, each above what stood there.
        let mut from = start;
        for &(to, height) in &self.corners[left..right] {
            self.area += (to - from) * (y - height);
            from = to;
        }
        self.area += (x - from) * (y - level);
        self.corners.splice(left..end, [(x, y)]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        let flat = [
            [1.0, 5.0],
            [2.0, 4.0],
            [4.0, 3.0],
            [5.0, 1.0],
            [1.0, 5.0],
            [0.0, 9.0],
        ];
        assert_eq!(hypervolume(&flat, &[0.0, 0.0]), 16.0);
        assert_eq!(hypervolume(&[[2.0, 3.0, 4.0]], &[1.0, 1.0, 1.0]), 6.0);
        assert_eq!(hypervolume(&[[0.1, 0.9]], &[1.0, 1.0]), 0.0);
        assert_eq!(hypervolume(&[[3.0], [5.0]], &[1.0]), 4.0);
        assert_eq!(hypervolume(&[] as &[[f64; 2]], &[0.0, 0.0]), 0.0);
        let crosses = [[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]];
        assert_eq!(hypervolume(&crosses, &[0.0; 3]), 4.0);
        let crosses = [
            [2.0, 1.0, 1.0, 1.0],
            [1.0, 2.0, 1.0, 1.0],
            [1.0, 1.0, 2.0, 1.0],
            [1.0, 1.0, 1.0, 2.0],
        ];
        assert_eq!(hypervolume(&crosses, &[0.0; 4]), 5.0);
    }

    #[test]
    fn useless_points_count_for_nothing() {
        let points = [
            vec![1.0, 1.0],
            vec![f64::NAN, 3.0],
            vec![f64::INFINITY, 3.0],
            vec![7.0],
        ];
        assert_eq!(hypervolume(&points, &[0.0, 0.0]), 1.0);
    }

    /// Plain reference: counts the unit cells that some point covers.
    fn by_cells(points: &[Vec<f64>], dimensions: usize) -> f64 {
        const SIDE: usize = 6;
        let cells = SIDE.pow(u32::try_from(dimensions).unwrap());
        let covered = |cell: usize| {
            points.iter().any(|p| {
                (0..dimensions).all(|d| {
                    let low = cell / SIDE.pow(u32::try_from(d).unwrap()) % SIDE;
                    p[d] >= (low + 1) as f64
                })
            })
        };
        (0..cells).filter(|&cell| covered(cell)).count() as f64
    }

    fn points() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1_usize..6).prop_flat_map(|d| {
            prop::collection::vec(
                prop::collection::vec((0_u8..7).prop_map(f64::from), d),
                1..16,
            )
        })
    }

    #[test]
    fn what_is_sampled_says_so_and_lies_within_its_error() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut point = || -> Vec<f64> { (0..4).map(|_| random.random::<f64>()).collect() };
        let points: Vec<Vec<f64>> = (0..40).map(|_| point()).collect();
        let exact = measure(&points, &[0.0; 4]);
        assert!(exact.sampled.is_none());
        let drawn = measure_within(&points, &[0.0; 4], 10);
        let (error, draws) = drawn.sampled.unwrap();
        assert!(draws == DRAWS && error > 0.0 && error < 1e-3);
        assert!(
            (drawn.value - exact.value).abs() < 4.0 * error,
            "{drawn:?} {exact:?}"
        );
    }

    #[test]
    fn thin_boxes_are_never_nothing() {
        // Eight boxes, each long in one number and thin in the others: their share of the box around them is 1e-20.
        let thin = |long: usize| -> Vec<f64> {
            (0..8).map(|d| if d == long { 1.0 } else { 1e-3 }).collect()
        };
        let points: Vec<Vec<f64>> = (0..8).map(thin).collect();
        let exact = measure(&points, &[0.0; 8]);
        assert!(exact.sampled.is_none());
        let drawn = measure_within(&points, &[0.0; 8], 10);
        let (error, _) = drawn.sampled.unwrap();
        assert!(error > 0.0 && error < 0.01 * exact.value);
        assert!(
            (drawn.value - exact.value).abs() < 4.0 * error,
            "{drawn:?} {exact:?}"
        );
    }

    proptest! {
        #[test]
        fn equals_the_count_of_cells(set in points()) {
            let d = set[0].len();
            prop_assert_eq!(hypervolume(&set, &vec![0.0; d]), by_cells(&set, d));
        }

        #[test]
        fn never_falls_and_ignores_order(
            set in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 3), 2..20),
        ) {
            let reference = [-0.8; 3];
            let mut before = 0.0;
            for i in 1..=set.len() {
                let now = hypervolume(&set[..i], &reference);
                prop_assert!(now >= before - 1e-12);
                before = now;
            }
            let reversed: Vec<Vec<f64>> = set.iter().rev().cloned().collect();
            prop_assert!((hypervolume(&reversed, &reference) - before).abs() < 1e-12);
        }
    }
}
