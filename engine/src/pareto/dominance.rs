//! The order on points: at least as good everywhere, better somewhere.

use std::cmp::Ordering;
use std::collections::BTreeMap;

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
/// In two and three objectives `O(n log n)`: points come from the largest first number to the smallest, so that only
/// what came before can dominate (Kung, Luccio and Preparata 1975). Beyond that a point is compared with the front so
/// far: `O(n f)` for a front of `f` points.
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
            let mut kept: Vec<usize> = Vec::new();
            for i in order {
                if !kept.iter().any(|&k| dominates(at(k), at(i))) {
                    kept.push(i);
                }
            }
            kept
        }
    };
    kept.sort_unstable();
    kept
}

/// The corners of what is at most as large as some point so far, in two numbers: y ascending, z descending.
#[derive(Debug, Default)]
struct Stairs(BTreeMap<u64, f64>);

impl Stairs {
    /// The order of numbers as an order of whole numbers.
    fn key(y: f64) -> u64 {
        let bits = y.to_bits();
        if bits >> 63 == 0 {
            bits | 1 << 63
        } else {
            !bits
        }
    }

    fn covers(&self, y: f64, z: f64) -> bool {
        let next = self.0.range(Self::key(y)..).next();
        next.is_some_and(|(_, &height)| height >= z)
    }

    /// Adds a point that is not covered.
    fn insert(&mut self, y: f64, z: f64) {
        let key = Self::key(y);
        while let Some((&lower, &height)) = self.0.range(..=key).next_back() {
            if height > z {
                break;
            }
            self.0.remove(&lower);
        }
        self.0.insert(key, z);
    }
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
        (1_usize..5).prop_flat_map(move |d| {
            prop::collection::vec(prop::collection::vec(value.clone(), d), 0..40)
        })
    }

    proptest! {
        #[test]
        fn strict_partial_order(set in points()) {
            for a in &set {
                prop_assert!(!dominates(a, a));
                for b in &set {
                    prop_assert!(!(dominates(a, b) && dominates(b, a)));
                    for c in set.iter().take(5) {
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
