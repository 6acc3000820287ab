//! The order on points: at least as good everywhere, better somewhere.

use std::cmp::Ordering;

use super::stairs::Stairs;

/// Whether `a` is at least as large as `b` everywhere and larger somewhere. Never true where a
/// number is NaN or the lengths differ.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| x >= y)
        && a.iter().zip(b).any(|(x, y)| x > y)
}

/// Indices of the points that no other dominates, ascending; duplicates are all in. Points of another length than the
/// first, or with numbers that are not finite, are kept apart.
///
/// Points come from the largest first number to the smallest, so that only what came before can dominate. In two and
/// three objectives that takes `O(n log n)`; beyond, halves are compared objective by objective, which takes
/// `O(n log^(d-2) n)` (Kung, Luccio and Preparata 1975).
/// ```
/// use paretoscope_core::pareto::{front, hypervolume};
///
/// let scores = [[1.0, 3.0], [2.0, 2.0], [1.5, 1.5], [3.0, 1.0]];
/// assert_eq!(front(&scores), [0, 1, 3]);
/// assert_eq!(hypervolume(&scores, &[0.0, 0.0]), 6.0);
/// ```
pub fn front(points: &[impl AsRef<[f64]>]) -> Vec<usize> {
    let objectives = points.first().map_or(0, |p| p.as_ref().len());
    let usable = |p: &[f64]| p.len() == objectives && p.iter().all(|v| v.is_finite());
    let mut order: Vec<usize> = (0..points.len())
        .filter(|&i| usable(points[i].as_ref()))
        .collect();
    let at = |i: usize| points[i].as_ref();
    // Adding zero turns -0 into 0, which `total_cmp` would tell apart.
    let by_all = |a: &usize, b: &usize| {
        let pairs = at(*a).iter().zip(at(*b));
        pairs
            .map(|(x, y)| (y + 0.0).total_cmp(&(x + 0.0)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    order.sort_by(|a, b| by_all(a, b).then(a.cmp(b)));
    let mut kept: Vec<usize> = match objectives {
        0 => order,
        1..=3 => {
            let coordinate = |i: usize, axis: usize| at(i).get(axis).map_or(0.0, |v| v + 0.0);
            let mut stairs = Stairs::default();
            let mut kept = Vec::new();
            let equal = |a: &usize, b: &usize| by_all(a, b).is_eq();
            for same in order.chunk_by(equal) {
                let (y, z) = (coordinate(same[0], 1), coordinate(same[0], 2));
                if !stairs.covers(y, z) {
                    stairs.insert(y, z);
                    kept.extend_from_slice(same);
                }
            }
            kept
        }
        _ => {
            let same: Vec<&[usize]> = order.chunk_by(|a, b| by_all(a, b).is_eq()).collect();
            let points: Vec<&[f64]> = same.iter().map(|same| at(same[0])).collect();
            let kept = super::halves::maximal(&points);
            kept.into_iter()
                .flat_map(|i| same[i].iter().copied())
                .collect()
        }
    };
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Archive;
    use super::*;

    #[test]
    fn ties_do_not_dominate() {
        assert!(dominates(&[1.0, 2.0], &[1.0, 1.0]));
        assert!(!dominates(&[1.0, 1.0], &[1.0, 1.0]));
        assert!(!dominates(&[2.0, 0.0], &[1.0, 1.0]));
        assert!(!dominates(&[f64::NAN, 2.0], &[1.0, 1.0]));
        assert!(!dominates(&[2.0, f64::NAN], &[1.0, 1.0]));
        assert!(!dominates(&[2.0], &[1.0, 1.0]));
    }

    #[test]
    fn duplicates_and_ties_by_hand() {
        let points = [
            [1, 5],
            [2, 4],
            [3, 3],
            [3, 3],
            [2, 3],
            [5, 1],
            [5, 0],
            [1, 5],
            [4, 3],
        ];
        let points: Vec<Vec<f64>> = points
            .iter()
            .map(|p| p.iter().map(|&x| f64::from(x)).collect())
            .collect();
        assert_eq!(front(&points), [0, 1, 5, 7, 8]);
        assert_eq!(front(&[] as &[Vec<f64>]), [] as [usize; 0]);
    }

    fn points() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let value = (0_u8..6).prop_map(f64::from);
        (1_usize..7).prop_flat_map(move |d| {
            prop::collection::vec(prop::collection::vec(value.clone(), d), 0..120)
        })
    }

    proptest! {
        #[test]
        fn strict_partial_order(set in points()) {
            for a in &set {
                prop_assert!(!dominates(a, a));
                for b in &set {
                    prop_assert!(!(dominates(a, b) && dominates(b, a)));
                    for c in set.iter().take(3) {
                        prop_assert!(!(dominates(a, b) && dominates(b, c)) || dominates(a, c));
                    }
                }
            }
        }

        /// The archive against the definition, pair by pair.
        #[test]
        fn front_is_what_nothing_dominates(set in points()) {
            let plain: Vec<usize> = (0..set.len())
                .filter(|&i| !set.iter().any(|other| dominates(other, &set[i])))
                .collect();
            prop_assert_eq!(&front(&set), &plain);
            let mut archive = Archive::new(set.first().map_or(0, Vec::len));
            for point in &set {
                archive.insert(point);
            }
            prop_assert_eq!(archive.front(), plain);
        }

        /// Zeros of both signs are one number, and numbers below zero are ordered as well.
        #[test]
        fn signs_do_not_matter(set in prop::collection::vec(
            prop::collection::vec(prop::sample::select(vec![-2.0, -1.0, -0.0, 0.0, 1.0]), 3), 0..30,
        )) {
            let plain: Vec<usize> = (0..set.len())
                .filter(|&i| !set.iter().any(|other| dominates(other, &set[i])))
                .collect();
            prop_assert_eq!(front(&set), plain);
        }
    }
}
