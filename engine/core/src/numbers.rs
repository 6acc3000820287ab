//! Numbers as sentences say them.

/// Places behind the point that show one figure of half an interval, three at least.
pub(crate) fn places(half: f64) -> usize {
    if half > 0.0 && half.is_finite() {
        (-half.log10().floor()).clamp(3.0, 12.0) as usize
    } else {
        3
    }
}

/// With its sign; a zero has none of its own.
pub(crate) fn signed(value: f64, places: usize) -> String {
    let text = format!("{value:+.places$}");
    if text.starts_with('-') && text.bytes().all(|b| !(b'1'..=b'9').contains(&b)) {
        return text.replacen('-', "+", 1);
    }
    text
}

/// Three places behind the point at most; where they would be all zeros, three figures.
pub(crate) fn short(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.0005 {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

pub(crate) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(thousands(1234567), "1,234,567");
        assert_eq!(thousands(999), "999");
        assert_eq!(short(-1e-9), "-1.00e-9");
        assert_eq!(short(-0.0), "0");
        assert_eq!(short(12.5), "12.5");
        assert_eq!(signed(-0.0001, 3), "+0.000");
        assert_eq!(signed(-0.5, 3), "-0.500");
    }
}
