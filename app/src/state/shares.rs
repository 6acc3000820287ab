//! Shares as numbers that sum to exactly one.

/// Shares in whole parts, `whole` of them together (100 for percent): rounded down, and what is missing then
/// goes to the largest remainders, of equal ones to the last. All 0 where the shares have no sum.
pub fn whole_parts(shares: &[f64], whole: u32) -> Vec<u32> {
    let sum: f64 = shares.iter().sum();
    if !(sum.is_finite() && sum > 0.0) {
        return vec![0; shares.len()];
    }
    let exact: Vec<f64> = shares
        .iter()
        .map(|share| (share / sum).max(0.0) * f64::from(whole))
        .collect();
    // A hair below a whole number is that number: 0.29 * 100 is less than 29.
    let mut parts: Vec<u32> = exact.iter().map(|e| (e + 1e-9).floor() as u32).collect();
    let missing = whole.saturating_sub(parts.iter().sum()) as usize;
    let mut order: Vec<usize> = (0..shares.len()).collect();
    let rest = |i: usize| ((exact[i] - f64::from(parts[i])) * 1e6).round();
    order.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)).then(b.cmp(&a)));
    for &i in order.iter().take(missing) {
        parts[i] += 1;
    }
    parts
}

/// Shares as numbers of `decimals` places that sum to exactly 1.
pub fn share_words(shares: &[f64], decimals: u32) -> Vec<String> {
    let whole = 10_u32.pow(decimals);
    let words = |part: u32| {
        let value = f64::from(part) / f64::from(whole);
        format!("{value:.*}", decimals as usize)
    };
    whole_parts(shares, whole).into_iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_and_are_near(shares in prop::collection::vec(0.0_f64..1.0, 1..7)) {
            prop_assume!(shares.iter().sum::<f64>() > 1e-6);
            let sum: f64 = shares.iter().sum();
            for whole in [100, 1000] {
                let parts = whole_parts(&shares, whole);
                prop_assert_eq!(parts.iter().sum::<u32>(), whole);
                for (part, share) in parts.iter().zip(&shares) {
                    prop_assert!((f64::from(*part) - share / sum * f64::from(whole)).abs() < 1.0);
                }
            }
        }
    }

    #[test]
    fn shares_are_rounded_together() {
        assert_eq!(share_words(&[1.0 / 3.0; 3], 3), ["0.333", "0.333", "0.334"]);
        assert_eq!(whole_parts(&[0.433, 0.2835, 0.2835], 100), [43, 28, 29]);
        assert_eq!(whole_parts(&[0.29, 0.71], 100), [29, 71]);
        assert_eq!(whole_parts(&[0.0, 0.0], 100), [0, 0]);
        assert_eq!(whole_parts(&[f64::NAN], 100), [0]);
        assert_eq!(whole_parts(&[], 100), Vec::<u32>::new());
    }
}
