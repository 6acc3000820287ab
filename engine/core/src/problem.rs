//! What can be wrong with a value that a person gave, with the numbers, and what would be right.

use std::fmt;
use std::ops::Bound;

/// Below this likeness (Jaro and Winkler's, 0 to 1) two names are not taken for one another.
const ALIKE: f64 = 0.75;

/// What is wrong with a value, and what would be right. It is said after the name of the option, field or file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A name that nothing has.
    #[error(
        "`{given}` is not known; {}(known: {})",
        guess(given, known),
        list(known)
    )]
    Unknown {
        /// As given.
        given: String,
        /// What it may be.
        known: Vec<String>,
    },
    /// A number that is too small or too large, or none.
    #[error("is {value}; it must be {bounds}")]
    OutOfRange {
        /// As given.
        value: f64,
        /// What it may be.
        bounds: Bounds,
    },
    /// More or fewer of something than are needed.
    #[error("has {got} {of}, {needed} needed")]
    Count {
        /// As given.
        got: usize,
        /// As it must be.
        needed: usize,
        /// Of what, e.g. `numbers`, and why so many.
        of: String,
    },
    /// Nothing where something is needed.
    #[error("holds no {of}; {right}")]
    Empty {
        /// Of what.
        of: &'static str,
        /// What would be right.
        right: &'static str,
    },
    /// Bytes that are not of the format.
    #[error("is not {format}: {why}")]
    Format {
        /// What it should be, e.g. `JSON`.
        format: &'static str,
        /// In the parser's words.
        why: String,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl From<String> for Problem {
    fn from(words: String) -> Self {
        Self::Other(words)
    }
}

impl From<&str> for Problem {
    fn from(words: &str) -> Self {
        Self::Other(words.to_owned())
    }
}

impl Problem {
    /// A [`Problem::Format`].
    pub fn format(format: &'static str, why: impl fmt::Display) -> Self {
        Self::Format {
            format,
            why: why.to_string(),
        }
    }

    /// A [`Problem::Unknown`].
    pub fn unknown<N: Into<String>>(
        given: impl Into<String>,
        known: impl IntoIterator<Item = N>,
    ) -> Self {
        Self::Unknown {
            given: given.into(),
            known: known.into_iter().map(Into::into).collect(),
        }
    }
}

/// The known name that is most like another one, if any is alike.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn guess(name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(guess) => format!("did you mean `{guess}`? "),
        None => String::new(),
    }
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    }
}

/// The finite numbers between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    low: Bound<f64>,
    high: Bound<f64>,
}

impl Bounds {
    /// All of them.
    pub const FINITE: Self = Self {
        low: Bound::Unbounded,
        high: Bound::Unbounded,
    };

    /// `low` and more.
    pub const fn at_least(low: f64) -> Self {
        Self {
            low: Bound::Included(low),
            high: Bound::Unbounded,
        }
    }

    /// More than `low`.
    pub const fn above(low: f64) -> Self {
        Self {
            low: Bound::Excluded(low),
            high: Bound::Unbounded,
        }
    }

    /// `low` to `high`, both included.
    pub const fn of(low: f64, high: f64) -> Self {
        Self::at_least(low).at_most(high)
    }

    /// Those of them that are `high` or less.
    pub const fn at_most(self, high: f64) -> Self {
        Self {
            high: Bound::Included(high),
            ..self
        }
    }

    /// Those of them that are less than `high`.
    pub const fn below(self, high: f64) -> Self {
        Self {
            high: Bound::Excluded(high),
            ..self
        }
    }

    /// Whether a number is one of them.
    pub fn contains(self, value: f64) -> bool {
        let above = match self.low {
            Bound::Included(low) => value >= low,
            Bound::Excluded(low) => value > low,
            Bound::Unbounded => true,
        };
        let below = match self.high {
            Bound::Included(high) => value <= high,
            Bound::Excluded(high) => value < high,
            Bound::Unbounded => true,
        };
        value.is_finite() && above && below
    }

    /// Refuses what is none of them.
    pub fn check(self, value: f64) -> Result<(), Problem> {
        if self.contains(value) {
            Ok(())
        } else {
            Err(Problem::OutOfRange {
                value,
                bounds: self,
            })
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Bound::Included(low), Bound::Included(high)) = (self.low, self.high) {
            return write!(f, "{low} to {high}");
        }
        match self.low {
            Bound::Included(low) => write!(f, "at least {low}")?,
            Bound::Excluded(low) => write!(f, "above {low}")?,
            Bound::Unbounded => f.write_str("finite")?,
        }
        match self.high {
            Bound::Included(high) => write!(f, " and at most {high}"),
            Bound::Excluded(high) => write!(f, " and below {high}"),
            Bound::Unbounded => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_say_what_they_hold() {
        let share = Bounds::above(0.0).at_most(1.0);
        assert!(share.contains(1.0) && !share.contains(0.0) && !share.contains(f64::NAN));
        let words = share.check(1.5).unwrap_err().to_string();
        assert_eq!(words, "is 1.5; it must be above 0 and at most 1");
        let words = Bounds::of(1.0, 1024.0).check(1e6).unwrap_err().to_string();
        assert_eq!(words, "is 1000000; it must be 1 to 1024");
        let words = Bounds::at_least(0.0).check(f64::INFINITY).unwrap_err();
        assert_eq!(words.to_string(), "is inf; it must be at least 0");
        assert!(Bounds::at_least(0.0).below(1.0).check(0.0).is_ok());
    }

    #[test]
    fn an_unknown_name_brings_the_nearest() {
        let words = Problem::unknown("hoes", ["hoe", "mva"]).to_string();
        assert_eq!(
            words,
            "`hoes` is not known; did you mean `hoe`? (known: hoe, mva)"
        );
        let words = Problem::unknown("xyz", ["hoe", "mva"]).to_string();
        assert_eq!(words, "`xyz` is not known; (known: hoe, mva)");
    }
}
