//! Numbers as people write them, compared by value.

/// A decimal number, exactly: `1,200`, `$18.00`, `20...`, `-.5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Digits before the point, without zeros in front.
    whole: String,
    /// Digits after it, without zeros at the end.
    part: String,
}

impl Decimal {
    /// Reads a number; dollar signs, commas and what a sentence ends with are passed over. `None` where something else is
    /// left, or no digit.
    pub fn parse(text: &str) -> Option<Self> {
        let kept: String = text
            .trim()
            .chars()
            .filter(|c| !matches!(c, '$' | ','))
            .collect();
        let (negative, digits) = match kept.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, kept.as_str()),
        };
        let digits = digits.trim_end_matches('.');
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || !plain(whole) || !plain(part) {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let part = part.trim_end_matches('0').to_owned();
        Some(Self {
            negative: negative && !(whole.is_empty() && part.is_empty()),
            whole,
            part,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        let read = |text: &str| Decimal::parse(text);
        for (one, other) in [
            ("20...", "20"),
            ("18.00", "18"),
            ("$1,234.50", "1234.5"),
            ("-0.0", "0"),
            ("007", "7"),
            (".5", "0.5"),
            ("-$5", "$-5"),
            (
                "123456789012345678901234567890.10",
                "123456789012345678901234567890.1",
            ),
        ] {
            assert!(
                read(one).is_some() && read(one) == read(other),
                "{one} {other}"
            );
        }
        assert_ne!(read("12345678901234567890"), read("12345678901234567891"));
        assert_ne!(read("5"), read("-5"));
        for nothing in ["", "...", "$", "-", "3.5.2", "1e3", "5-3", "twelve", "１２"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn equal_where_the_numbers_are(a in -99_i32..99, b in -99_i32..99, cents in 0_usize..4) {
            let read = |n: i32| Decimal::parse(&format!("{:.*}", 1 + cents, f64::from(n) / 10.0));
            prop_assert!(read(a).is_some());
            prop_assert_eq!(read(a) == read(b), a == b);
        }
    }
}
