//! Numbers for people.

use crate::state::share_words;
use paretoscope_core::method::Method;
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

/// A short time as `4.2 ms`, `31 ms`, `1.25 s`.
pub fn span(seconds: f64) -> String {
    match seconds * 1000.0 {
        ms if !ms.is_finite() => "unknown".to_owned(),
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        _ => format!("{seconds:.2} s"),
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
pub fn preference_words(shares: &[f64], names: &[&str]) -> String {
    let words: Vec<String> = share_words(shares, 2)
        .into_iter()
        .enumerate()
        .map(|(i, share)| format!("{} {share}", names.get(i).copied().unwrap_or("?")))
        .collect();
    words.join(", ")
}

/// A method by its title, as a study names it: `mod:c=2` is `MOD (c 2)`. One that this program does not know keeps its name.
pub fn method(name: &str) -> String {
    name.parse::<Method>()
        .map_or_else(|_unknown| name.to_owned(), |method| method.words())
}

/// A number of things, one or more.
pub fn counted(n: usize, thing: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_counts_read_well() {
        assert_eq!(duration(4.4), "4 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(9600.0), "2 h 40 min");
        assert_eq!(duration(f64::NAN), "unknown");
        assert_eq!(
            (span(0.0042), span(0.0312), span(1.25)),
            ("4.2 ms".into(), "31 ms".into(), "1.25 s".into())
        );
        assert_eq!(count(0), "0");
        assert_eq!(count(6050), "6,050");
        assert_eq!(count(1234567), "1,234,567");
        assert_eq!(bytes(12_340_000), "12.3 MB");
        assert_eq!(signed(-1.5), "\u{2212}1.50");
        assert_eq!(
            (method("mod:c=2"), method("of old")),
            ("MOD (c 2)".into(), "of old".into())
        );
        assert_eq!(
            (signed(0.25), signed(-0.001)),
            ("+0.25".into(), "0.00".into())
        );
    }
}
