//! The order on points: at least as good everywhere, better somewhere.

use super::Archive;

/// Whether `a` is at least as large as `b` everywhere and larger somewhere. Never true where a
/// number is NaN or the lengths differ.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(x, y)| x >= y)
        && a.iter().zip(b).any(|(x, y)| x > y)
}

/// Indices of the points that no other dominates, ascending; duplicates are all in.
pub fn front(points: &[impl AsRef<[f64]>]) -> Vec<usize> {
    let objectives = points.first().map_or(0, |p| p.as_ref().len());
    let mut archive = Archive::new(objectives);
    for point in points {
        archive.insert(point.as_ref());
    }
    archive.front().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            prop_assert_eq!(front(&set), plain);
        }
    }
}
