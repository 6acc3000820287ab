//! What fronts are worth to people with preferences.

/// The mean over weights of how far the best point for each stays behind the ideal, by the weighted Tchebycheff distance:
/// `mean_w min_a max_i w_i (ideal_i - a_i)` (R2; Brockhoff, Wagner and Trautmann 2012). Smaller is better; `None` without
/// points or weights.
///
/// `weights` are one list of as many numbers as `ideal` each, at least 0.
pub fn r2(
    points: &[impl AsRef<[f64]>],
    weights: &[impl AsRef<[f64]>],
    ideal: &[f64],
) -> Option<f64> {
    let behind = |point: &[f64], weights: &[f64]| {
        let parts = weights.iter().zip(ideal).zip(point);
        parts
            .map(|((weight, ideal), value)| weight * (ideal - value))
            .fold(f64::NEG_INFINITY, f64::max)
    };
    let best = |weights: &[f64]| {
        let all = points.iter().map(|point| behind(point.as_ref(), weights));
        all.fold(f64::INFINITY, f64::min)
    };
    let sum: f64 = weights.iter().map(|w| best(w.as_ref())).sum();
    (!points.is_empty() && !weights.is_empty()).then(|| sum / weights.len() as f64)
}

/// Mean of `<preference, scores>` over pairs (MIP); `None` where there are none.
pub fn mean_inner_product(pairs: &[(Vec<f64>, Vec<f64>)]) -> Option<f64> {
    let products = pairs
        .iter()
        .map(|(p, s)| p.iter().zip(s).map(|(a, b)| a * b).sum::<f64>());
    (!pairs.is_empty()).then(|| products.sum::<f64>() / pairs.len() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        // For the first weight the first point is at the ideal; for the second it is .3 behind, the other .1.
        let weights = [[1.0, 0.0], [0.5, 0.5]];
        let found = r2(&[[1.0, 0.4], [0.8, 0.8]], &weights, &[1.0, 1.0]).unwrap();
        assert!((found - 0.05).abs() < 1e-12, "{found}");
        assert_eq!(r2(&[[1.0]], &[] as &[[f64; 1]], &[1.0]), None);
        assert_eq!(r2(&[] as &[[f64; 1]], &[[1.0]], &[1.0]), None);
        assert_eq!(
            mean_inner_product(&[(vec![0.5, 0.5], vec![2.0, 4.0])]),
            Some(3.0)
        );
        assert_eq!(mean_inner_product(&[]), None);
    }

    proptest! {
        /// One more point never takes anything away, and what reaches the ideal leaves nothing to wish for.
        #[test]
        fn more_points_are_never_worth_less(
            set in prop::collection::vec(prop::collection::vec(-1.0_f64..1.0, 3), 1..12),
            weights in prop::collection::vec(prop::collection::vec(0.0_f64..1.0, 3), 1..8),
        ) {
            let mut before = f64::INFINITY;
            for count in 1..=set.len() {
                let now = r2(&set[..count], &weights, &[1.0; 3]).unwrap();
                prop_assert!(now <= before && now >= 0.0);
                before = now;
            }
            let mut all = set;
            all.push(vec![1.0; 3]);
            prop_assert_eq!(r2(&all, &weights, &[1.0; 3]), Some(0.0));
        }
    }
}
