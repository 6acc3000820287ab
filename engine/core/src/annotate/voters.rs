//! Whose votes count: people's and judges' are never put together unasked.

use serde::{Deserialize, Serialize};

/// Whose votes count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voters {
    /// People's: A1, A2, ...
    #[default]
    People,
    /// Judges': J1, J2, ...
    Judges,
    /// Those of one of them, by alias.
    One(String),
}

/// Whether an alias is a judge's: J1, J2, ...
pub fn is_judge(alias: &str) -> bool {
    judge_number(alias).is_some()
}

/// The number in a judge's alias; `None` for anything else.
pub(crate) fn judge_number(alias: &str) -> Option<u32> {
    let digits = alias.strip_prefix('J')?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

impl Voters {
    /// From `people`, `judges` or an alias.
    pub fn of(words: &str) -> Self {
        match words {
            "people" => Self::People,
            "judges" => Self::Judges,
            alias => Self::One(alias.to_owned()),
        }
    }

    /// Whether the votes of an alias count.
    pub fn counts(&self, alias: &str) -> bool {
        match self {
            Self::People => !is_judge(alias),
            Self::Judges => is_judge(alias),
            Self::One(one) => one == alias,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_stand_apart_from_people() {
        for (voters, counts) in [
            (Voters::People, [true, false, true]),
            (Voters::of("judges"), [false, true, false]),
            (Voters::of("J7"), [false, false, false]),
            (Voters::of("A2"), [true, false, false]),
        ] {
            let found = ["A2", "J1", "-5f0a"].map(|alias| voters.counts(alias));
            assert_eq!(found, counts, "{voters:?}");
        }
        assert!(!is_judge("J") && !is_judge("J01") && !is_judge("Jane"));
    }
}
