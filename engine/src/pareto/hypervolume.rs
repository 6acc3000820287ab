//! The exact volume that a set of points dominates above a reference point.

/// Volume of the union of the boxes between `reference` and each point that is above it in every
/// objective; points of another length or with numbers that are not finite count for nothing.
///
/// A sweep in two dimensions, `O(n log n)`; a sweep over a growing staircase in three,
/// `O(n log n)` plus moves; beyond that slices of one dimension less, `O(n)` of them per dimension.
pub fn hypervolume(points: &[impl AsRef<[f64]>], reference: &[f64]) -> f64 {
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
    volume(above, reference.len())
}

/// Volume above the origin of the first `dimensions` numbers of each point, all of them positive.
fn volume(mut points: Vec<Vec<f64>>, dimensions: usize) -> f64 {
    let Some(last) = dimensions.checked_sub(1) else {
        return 0.0;
    };
    if dimensions == 1 {
        return points.iter().map(|p| p[0]).fold(0.0, f64::max);
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
                total += volume(maximal(&points[..=i], last), last) * thickness;
            }
            _ => {}
        }
    }
    total
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
