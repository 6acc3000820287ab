//! A few points of many that cover most.

use super::hypervolume;

/// All points in the order in which each adds most to the volume of those before it: the first few are the ones to keep
/// where a few may be. They cover at least 1 - 1/e of what the best choice of as many does, since what a point adds only
/// shrinks as others join (Nemhauser, Wolsey and Fisher 1978). Of points that add alike the first comes first; those that
/// add nothing come last.
pub fn by_gain(points: &[impl AsRef<[f64]>], reference: &[f64]) -> Vec<usize> {
    let mut chosen: Vec<&[f64]> = Vec::with_capacity(points.len());
    let mut order = Vec::with_capacity(points.len());
    let mut covered = 0.0;
    // What each could add at most, its gain when it was last looked at, and how many were chosen then.
    let unseen = |at| (at, f64::INFINITY, usize::MAX);
    let mut left: Vec<(usize, f64, usize)> = (0..points.len()).map(unseen).collect();
    while !left.is_empty() {
        // The largest first; of equal ones the first.
        left.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let (at, gain, seen) = left[0];
        chosen.push(points[at].as_ref());
        if seen == order.len() {
            covered += gain;
            order.push(at);
            left.remove(0);
        } else {
            let gain = (hypervolume(&chosen, reference) - covered).max(0.0);
            left[0] = (at, gain, order.len());
            chosen.pop();
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        let points = [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [0.5, 0.5], [2.0, 2.0]];
        // 4 for the middle, then 1 for each corner, and nothing for what is covered.
        assert_eq!(by_gain(&points, &[0.0, 0.0]), [1, 0, 2, 3, 4]);
        assert_eq!(by_gain(&points, &[5.0, 5.0]), [0, 1, 2, 3, 4]);
        assert!(by_gain(&[] as &[[f64; 2]], &[0.0, 0.0]).is_empty());
    }

    proptest! {
        #[test]
        fn few_cover_most(
            points in prop::collection::vec(prop::collection::vec((0_u8..9).prop_map(f64::from), 3), 1..9),
            few in 1_usize..5,
        ) {
            let order = by_gain(&points, &[0.0; 3]);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..points.len()).collect::<Vec<_>>());
            let of = |kept: &[usize]| {
                let kept: Vec<&Vec<f64>> = kept.iter().map(|&at| &points[at]).collect();
                hypervolume(&kept, &[0.0; 3])
            };
            let few = few.min(points.len());
            // Against every choice of as many.
            let best = (0_u32..1 << points.len())
                .filter(|set| set.count_ones() as usize == few)
                .map(|set| of(&(0..points.len()).filter(|at| set >> at & 1 == 1).collect::<Vec<_>>()))
                .fold(0.0, f64::max);
            let share = 1.0 - (1.0 - 1.0 / few as f64).powi(i32::try_from(few).unwrap());
            prop_assert!(of(&order[..few]) >= share * best - 1e-9);
            // Each adds at least as much as any other would have.
            for count in 0..order.len() {
                let gain = |at: usize| of(&[&order[..count], &[at]].concat()) - of(&order[..count]);
                let most = order[count..].iter().map(|&at| gain(at)).fold(0.0, f64::max);
                prop_assert!(gain(order[count]) >= most - 1e-9);
            }
        }
    }
}
