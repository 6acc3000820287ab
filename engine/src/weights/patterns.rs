//! PEFT's patterns of module names, each with a number of its own (`rank_pattern`, `alpha_pattern`).

use std::path::Path;

use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::{Error, Result};

/// Patterns in one object, at most: one for each module of the largest models.
const MAX_PATTERNS: usize = 1 << 14;

/// Patterns that are ready to be asked.
#[derive(Debug)]
pub(super) struct Matcher<T>(Vec<(Rule, T)>);

#[derive(Debug)]
enum Rule {
    /// The end of a name, whose dots stand for any character, as most patterns are.
    End(String),
    Pattern(Regex),
}

impl<T: Copy> Matcher<T> {
    /// Reads each pattern once; `field` is where they stand.
    pub(super) fn new(patterns: Option<&Patterns<T>>, path: &Path, field: &str) -> Result<Self> {
        let patterns = patterns.map_or(&[][..], |patterns| &patterns.0);
        if patterns.len() > MAX_PATTERNS {
            let problem = format!(
                "holds {} patterns; {MAX_PATTERNS} are read at most",
                patterns.len()
            );
            return Err(Error::field(path, field, problem));
        }
        let rule = |pattern: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            if pattern.chars().all(plain) {
                return Ok(Rule::End(pattern.to_owned()));
            }
            Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$"))
                .map(Rule::Pattern)
                .map_err(|e| {
                    Error::field(path, field, format!("`{pattern}` is not a pattern: {e}"))
                })
        };
        let rules = patterns
            .iter()
            .map(|(pattern, value)| Ok((rule(pattern)?, *value)));
        Ok(Self(rules.collect::<Result<_>>()?))
    }

    /// The value of the first pattern, in the file's order, that matches a module as PEFT matches it.
    pub(super) fn of(&self, module: &str) -> Option<T> {
        let found = self.0.iter().find(|(rule, _)| match rule {
            Rule::End(end) => ends_with(module, end),
            Rule::Pattern(regex) => regex.is_match(module),
        });
        found.map(|(_, value)| *value)
    }
}

/// Whether a module's name is, or ends behind a dot with, these segments.
fn ends_with(module: &str, end: &str) -> bool {
    let Some(at) = module.len().checked_sub(end.len()) else {
        return false;
    };
    let (module, end) = (module.as_bytes(), end.as_bytes());
    (at == 0 || module[at - 1] == b'.')
        && module[at..]
            .iter()
            .zip(end)
            .all(|(m, e)| *e == b'.' || m == e)
}

/// A JSON object as pairs in the file's order, which decides which pattern wins.
pub(super) struct Patterns<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patterns<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Patterns<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object from module patterns to numbers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Patterns(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_matches_wins() {
        let patterns: Patterns<usize> = serde_json::from_str(
            r#"{"layers.1.q_proj": 3, "q_proj": 2, ".*v_pro[jk]": 5, "proj": 7}"#,
        )
        .unwrap();
        let matcher = Matcher::new(Some(&patterns), Path::new("f"), "rank_pattern").unwrap();
        assert_eq!(matcher.of("model.layers.1.q_proj"), Some(3));
        assert_eq!(matcher.of("model.layers.11.q_proj"), Some(2));
        assert_eq!(matcher.of("model.layers.0.v_proj"), Some(5));
        assert_eq!(matcher.of("model.layers.0.o_proj"), None);
        let wrong: Patterns<usize> = serde_json::from_str(r#"{"(": 3}"#).unwrap();
        assert!(Matcher::new(Some(&wrong), Path::new("f"), "rank_pattern").is_err());
    }
}
