//! Numbers, scores and points in words, as the window says them.

use paretoscope_core::types::{Point, Summary};

/// A number in at most so many decimals, without zeros at its end.
pub(crate) fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// A number as short as it can be read: four significant digits at most, with the minus of text.
pub fn value(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let size = value.abs();
    let text = if size.is_infinite() {
        "∞".to_owned()
    } else if size >= 1e5 || (size > 0.0 && size < 1e-3) {
        format!("{size:.2e}").replace('-', "−")
    } else if size >= 100.0 {
        format!("{size:.1}")
    } else if size >= 10.0 {
        format!("{size:.2}")
    } else {
        format!("{size:.3}")
    };
    if value < 0.0 && text.chars().any(|c| ('1'..='9').contains(&c) || c == '∞') {
        format!("−{text}")
    } else {
        text
    }
}

/// A mean with its error and its n.
pub fn score(summary: Option<&Summary>) -> String {
    match summary {
        None => "not scored".to_owned(),
        Some(s) if s.n == 0 => format!("no finite score ({} non-finite)", s.non_finite),
        Some(s) => {
            // One sample has no error to speak of.
            let mut words = if s.n == 1 {
                format!("{} (one sample)", value(s.mean))
            } else {
                format!("{} ± {} (n = {})", value(s.mean), value(s.se), s.n)
            };
            if s.non_finite > 0 {
                words += &format!(", {} non-finite left out", s.non_finite);
            }
            words
        }
    }
}

/// A point, with the names of what its numbers belong to.
pub fn point(point: &Point, names: &[String]) -> String {
    if point.is_base() {
        return "base model".to_owned();
    }
    let named: Vec<String> = point
        .as_slice()
        .iter()
        .enumerate()
        .map(|(i, part)| match names.get(i) {
            Some(name) => format!("{name} {part:.2}"),
            None => format!("{part:.2}"),
        })
        .collect();
    match point {
        Point::Preference(_) => named.join(" · "),
        Point::Weights(_) => format!("weights {}", named.join(" · ")),
    }
}

/// A count with its noun; the plural ends in `s`.
pub(crate) fn count(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0.000"),
            (-0.0001, "−1.00e−4"),
            (0.8149, "0.815"),
            (-3.5, "−3.500"),
            (12.345, "12.35"),
            (1234.56, "1234.6"),
            (2.5e-7, "2.50e−7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
            (-0.0, "0.000"),
        ];
        for (number, words) in cases {
            assert_eq!(value(number), words);
        }
        assert_eq!(trimmed(-0.0001, 3), "0");
        assert_eq!(trimmed(100.0, 0), "100");
        assert_eq!(trimmed(2.50, 3), "2.5");
    }

    #[test]
    fn scores_say_their_n_and_what_was_left_out() {
        let summary = Summary::of([1.0, 2.0, f64::NAN]);
        assert_eq!(
            score(Some(&summary)),
            "1.500 ± 0.500 (n = 2), 1 non-finite left out"
        );
        assert_eq!(score(Some(&Summary::of([1.5]))), "1.500 (one sample)");
        assert_eq!(score(None), "not scored");
    }
}
