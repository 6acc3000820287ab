//! Numbers for people.

use paretoscope_core::types::Point;

/// Seconds as `42 s`, `3 min 20 s`, `2 h 40 min`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `12,400`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as `12.3 MB`.
pub fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}

/// A score with its sign, to two decimals.
pub fn signed(value: f64) -> String {
    signed_to(value, 2)
}

/// A number with its sign, to so many decimals: the minus of text, and no sign for what is 0 as far as it is
/// shown.
pub fn signed_to(value: f64, decimals: usize) -> String {
    let words = format!("{:.decimals$}", value.abs());
    let sign = match value {
        _ if words.bytes().all(|b| matches!(b, b'0' | b'.')) => "",
        v if v < 0.0 => "\u{2212}",
        _ => "+",
    };
    format!("{sign}{words}")
}

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

/// A point in numbers: shares as `0.20 / 0.30 / 0.50`, weights with an x before them.
pub fn point(point: &Point) -> String {
    if point.is_base() {
        return "base model".to_owned();
    }
    match point {
        Point::Preference(p) => share_words(p.as_slice(), 2).join(" / "),
        Point::Weights(w) => {
            let numbers: Vec<String> = w.as_slice().iter().map(|v| format!("{v:.2}")).collect();
            format!("weights {}", numbers.join(" / "))
        }
    }
}

/// A preference in words: `helpful 0.20, harmless 0.80`.
pub fn point_words(shares: &[f64], names: &[&str]) -> String {
    let words: Vec<String> = share_words(shares, 2)
        .into_iter()
        .enumerate()
        .map(|(i, share)| format!("{} {share}", names.get(i).copied().unwrap_or("?")))
        .collect();
    words.join(", ")
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

    #[test]
    fn times_and_counts_read_well() {
        assert_eq!(duration(4.4), "4 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(9600.0), "2 h 40 min");
        assert_eq!(duration(f64::NAN), "unknown");
        assert_eq!(count(0), "0");
        assert_eq!(count(6050), "6,050");
        assert_eq!(count(1234567), "1,234,567");
        assert_eq!(bytes(12_340_000), "12.3 MB");
        assert_eq!(signed(-1.5), "\u{2212}1.50");
        assert_eq!(
            (signed(0.25), signed(-0.001)),
            ("+0.25".into(), "0.00".into())
        );
    }
}
