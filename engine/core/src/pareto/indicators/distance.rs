//! How far a front is from one that is known, and how evenly it is filled.

/// The mean distance from the points of a known front to the nearest point, counted in the objectives alone in which that
/// point stays behind: `mean_z min_a |(z - a)+|` (IGD+; Ishibuchi and others 2015). Smaller is better, 0 where every point
/// of the known front is dominated or equalled; `None` where one of them is empty.
pub fn igd_plus(points: &[impl AsRef<[f64]>], known: &[impl AsRef<[f64]>]) -> Option<f64> {
    let behind = |point: &[f64], target: &[f64]| {
        let gaps = point.iter().zip(target).map(|(a, z)| (z - a).max(0.0));
        gaps.map(|gap| gap * gap).sum::<f64>()
    };
    let nearest = |target: &[f64]| {
        let all = points.iter().map(|point| behind(point.as_ref(), target));
        all.fold(f64::INFINITY, f64::min).sqrt()
    };
    let sum: f64 = known.iter().map(|target| nearest(target.as_ref())).sum();
    (!points.is_empty() && !known.is_empty()).then(|| sum / known.len() as f64)
}

/// The squared gaps between neighbours, summed over objectives, each sorted for itself, over the points less one (Xu and
/// others 2020). Smaller is denser; `None` for fewer than two points. It looks at the points that it is given: those of a
/// front.
pub fn sparsity(front: &[impl AsRef<[f64]>]) -> Option<f64> {
    let objectives = front.first()?.as_ref().len();
    let gaps = |k: usize| {
        let mut values: Vec<f64> = front
            .iter()
            .filter_map(|point| point.as_ref().get(k).copied())
            .collect();
        values.sort_by(f64::total_cmp);
        let steps = values.windows(2).map(|pair| pair[1] - pair[0]);
        steps.map(|gap| gap * gap).sum::<f64>()
    };
    let sum: f64 = (0..objectives).map(gaps).sum();
    (front.len() > 1).then(|| sum / (front.len() as f64 - 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coverage;
    use super::*;

    #[test]
    fn by_hand() {
        // Ahead in one objective counts for nothing: (0, 3) and (4, 0) behind, 3 and 4 away.
        let known = [[2.0, 5.0], [6.0, 1.0]];
        assert_eq!(igd_plus(&[[2.0, 2.0]], &known), Some(3.5));
        assert_eq!(igd_plus(&[[9.0, 9.0]], &known), Some(0.0));
        assert_eq!(igd_plus(&[[0.0, 1.0]], &[[3.0, 5.0]]), Some(5.0));
        assert_eq!(igd_plus(&[] as &[[f64; 2]], &known), None);
        assert_eq!(igd_plus(&known, &[] as &[[f64; 2]]), None);
        // Gaps 1 and 2 in the first, 3 and 1 in the second: 15 over 2.
        let front = [[3.0, 0.0], [0.0, 4.0], [1.0, 3.0]];
        assert_eq!(sparsity(&front), Some(7.5));
        assert_eq!(sparsity(&front[..1]), None);
        assert_eq!(sparsity(&[] as &[[f64; 2]]), None);
    }

    proptest! {
        #[test]
        fn nothing_is_missing_where_all_is_covered(
            a in prop::collection::vec(prop::collection::vec((0_u8..6).prop_map(f64::from), 3), 1..9),
            known in prop::collection::vec(prop::collection::vec((0_u8..6).prop_map(f64::from), 3), 1..9),
        ) {
            let found = igd_plus(&a, &known).unwrap();
            prop_assert_eq!(found == 0.0, coverage(&a, &known) == Some(1.0));
            let mut before = f64::INFINITY;
            for count in 1..=a.len() {
                let now = igd_plus(&a[..count], &known).unwrap();
                prop_assert!(now <= before);
                before = now;
            }
        }

        /// A line filled evenly is the densest that there is of as many points.
        #[test]
        fn even_steps_are_densest(inner in prop::collection::vec(0.0_f64..1.0, 1..12)) {
            let line = |places: &[f64]| -> Vec<[f64; 2]> {
                places.iter().map(|x| [*x, 1.0 - x]).collect()
            };
            let count = inner.len() + 2;
            let even: Vec<f64> = (0..count).map(|i| i as f64 / (count as f64 - 1.0)).collect();
            let any = [vec![0.0, 1.0], inner].concat();
            prop_assert!(sparsity(&line(&any)).unwrap() >= sparsity(&line(&even)).unwrap() - 1e-12);
        }
    }
}
