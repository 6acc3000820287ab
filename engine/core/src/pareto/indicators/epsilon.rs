//! What one front must be given to cover another (Zitzler and others 2003).

/// What must be added to every score of `a` so that each point of `b` is dominated or equalled:
/// `max_b min_a max_i (b_i - a_i)`. At most 0 where `a` covers `b` already; `None` where one of them is empty.
pub fn epsilon_additive(a: &[impl AsRef<[f64]>], b: &[impl AsRef<[f64]>]) -> Option<f64> {
    worst_of(a, b, |from, to| to - from)
}

/// What every score of `a` must be multiplied by so that each point of `b` is dominated or equalled:
/// `max_b min_a max_i b_i / a_i`. At most 1 where `a` covers `b` already; `None` where one of them is empty, or a score is
/// not above 0: ratios need scores counted from a zero that all exceed.
pub fn epsilon_ratio(a: &[impl AsRef<[f64]>], b: &[impl AsRef<[f64]>]) -> Option<f64> {
    let above = |point: &[f64]| point.iter().all(|score| *score > 0.0);
    let all = a.iter().all(|x| above(x.as_ref())) && b.iter().all(|y| above(y.as_ref()));
    if all {
        worst_of(a, b, |from, to| to / from)
    } else {
        None
    }
}

/// The point of `b` that is worst off with the point of `a` that serves it best, in its worst objective.
fn worst_of(
    a: &[impl AsRef<[f64]>],
    b: &[impl AsRef<[f64]>],
    lacks: fn(f64, f64) -> f64,
) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let missing = |from: &[f64], to: &[f64]| {
        let gaps = from.iter().zip(to).map(|(x, y)| lacks(*x, *y));
        gaps.fold(f64::NEG_INFINITY, f64::max)
    };
    let nearest = |to: &[f64]| {
        let all = a.iter().map(|from| missing(from.as_ref(), to));
        all.fold(f64::INFINITY, f64::min)
    };
    let all = b.iter().map(|to| nearest(to.as_ref()));
    Some(all.fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coverage;
    use super::*;

    #[test]
    fn by_hand() {
        let a = [[1.0, 3.0], [3.0, 1.0]];
        let b = [[2.0, 2.0]];
        assert_eq!(epsilon_additive(&a, &b), Some(1.0));
        assert_eq!(epsilon_additive(&b, &a), Some(1.0));
        assert_eq!(epsilon_ratio(&a, &b), Some(2.0));
        assert_eq!(epsilon_ratio(&b, &a), Some(1.5));
        assert_eq!(epsilon_ratio(&[[0.0, 1.0]], &b), None);
        assert_eq!(epsilon_additive(&a, &[] as &[[f64; 2]]), None);
        assert_eq!(epsilon_additive(&[] as &[[f64; 2]], &a), None);
    }

    fn sets() -> impl Strategy<Value = [Vec<Vec<f64>>; 3]> {
        let set = || {
            prop::collection::vec(
                prop::collection::vec((1_u8..9).prop_map(f64::from), 3),
                1..7,
            )
        };
        [set(), set(), set()]
    }

    proptest! {
        #[test]
        fn it_says_who_covers_whom_and_goes_by_steps([a, b, c] in sets()) {
            let of = |x: &[Vec<f64>], y: &[Vec<f64>]| epsilon_additive(x, y).unwrap();
            let covers = coverage(&a, &b) == Some(1.0);
            prop_assert_eq!(of(&a, &b) <= 0.0, covers);
            prop_assert_eq!(epsilon_ratio(&a, &b).unwrap() <= 1.0, covers);
            prop_assert!(of(&a, &c) <= of(&a, &b) + of(&b, &c));
            // With b's points as well nothing is lacking, and nothing else is worse off.
            let both = [a.clone(), b.clone()].concat();
            prop_assert!(of(&both, &b) <= 0.0 && of(&both, &c) <= of(&a, &c));
            // Ratios are differences of logarithms.
            let logs = |set: &[Vec<f64>]| -> Vec<Vec<f64>> {
                set.iter().map(|point| point.iter().map(|x| x.ln()).collect()).collect()
            };
            let ratio = epsilon_ratio(&a, &b).unwrap();
            prop_assert!((ratio.ln() - of(&logs(&a), &logs(&b))).abs() < 1e-12);
        }
    }
}
