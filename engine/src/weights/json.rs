//! Settings in JSON and TOML: read with their path, the field and the nearest known name in every error.

use std::path::Path;

use serde::de::{DeserializeOwned, Deserializer};

use crate::files::{SETTINGS, read_text};
use crate::{Error, Problem, Result};

/// Reads and parses a JSON file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    parse_json(path, &read_text(path, SETTINGS)?, &[])
}

/// Parses the text of a JSON file; `known` are names that are meant where a type cannot say what it knows.
pub fn parse_json<T: DeserializeOwned>(path: &Path, text: &str, known: &[&str]) -> Result<T> {
    // Twice: what is not JSON at all has a line and no field.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        return Err(Error::file(path, Problem::format("JSON", error)));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        wrong_field(path, &place, &error.inner().to_string(), known)
    })
}

/// Reads what is parsed already; `path` is what errors name.
pub fn from_value<T: DeserializeOwned>(path: &Path, value: &serde_json::Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = error.path().to_string();
        wrong_field(path, &place, &error.inner().to_string(), &[])
    })
}

/// Parses the text of a TOML file.
pub fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str, known: &[&str]) -> Result<T> {
    let line_of = |error: &toml::de::Error| {
        error.span().map_or(String::new(), |span| {
            let before = text.get(..span.start).unwrap_or_default();
            let number = before.matches('\n').count();
            let line = text.lines().nth(number).unwrap_or_default().trim();
            format!(" (line {}, `{line}`)", number + 1)
        })
    };
    let reader = toml::Deserializer::parse(text).map_err(|error| {
        let why = format!("{}{}", error.message(), line_of(&error));
        Error::file(path, Problem::format("TOML", why))
    })?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let (place, inner) = (error.path().to_string(), error.inner());
        let message = format!("{}{}", inner.message(), line_of(inner));
        wrong_field(path, &place, &message, known)
    })
}

/// Serde's complaint at a place, in our words.
fn wrong_field(path: &Path, place: &str, message: &str, known: &[&str]) -> Error {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((field, rest)) = quoted
        .split_first()
        .filter(|_| message.starts_with("unknown field"))
    else {
        return match place {
            "." => Error::file(path, message),
            _ => Error::field(path, place, message),
        };
    };
    // Serde tells the known names, but not those of structures that are flattened into one.
    let listed = message.contains(", expected ");
    let names: Vec<&str> = if listed {
        // A line that TOML quotes follows them.
        rest.iter().copied().filter(|n| !n.contains(' ')).collect()
    } else {
        known.to_vec()
    };
    let parent = place.strip_suffix(field).unwrap_or(place);
    let parent = parent.trim_end_matches('.');
    let place = match parent {
        "" => (*field).to_owned(),
        parent => format!("{parent}.{field}"),
    };
    Error::field(path, place, Problem::unknown(*field, names))
}

/// The names of a structure's fields, as serde reads them.
pub fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Asked<'a>(&'a mut &'static [&'static str]);
    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = serde::de::value::Error;
        fn deserialize_any<V: serde::de::Visitor<'de>>(
            self,
            _visitor: V,
        ) -> Result<V::Value, Self::Error> {
            Err(serde::de::Error::custom("asked for its fields alone"))
        }
        fn deserialize_struct<V: serde::de::Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
    let mut fields: &'static [&'static str] = &[];
    drop(T::deserialize(Asked(&mut fields)));
    fields
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "read for its type alone")]
        reward: Option<f64>,
        #[serde(default)]
        #[expect(dead_code, reason = "read for its type alone")]
        template: String,
    }

    fn message(text: &str) -> String {
        parse_json::<BTreeMap<String, Vec<Inner>>>(Path::new("f.json"), text, &[])
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field_with_the_nearest_name() {
        let unknown = message(r#"{"a": [{}, {"rewards": 1}]}"#);
        assert!(unknown.contains("`a[1].rewards`"), "{unknown}");
        assert!(unknown.contains("did you mean `reward`?"), "{unknown}");
        assert!(!message(r#"{"a": [{"zzz": 1}]}"#).contains("did you mean"));
        let kind = message(r#"{"a": [{"template": 5}]}"#);
        assert!(kind.contains("field `a[0].template`"), "{kind}");
        assert!(message("{").contains("is not JSON"));
        let toml = "[[a]]\nreward = 1.0\n[[a]]\ntemplates = \"\"\n";
        let toml = parse_toml::<BTreeMap<String, Vec<Inner>>>(Path::new("f.toml"), toml, &[])
            .unwrap_err()
            .to_string();
        assert!(toml.contains("`a[1].templates`"), "{toml}");
        assert!(toml.contains("did you mean `template`?"), "{toml}");
    }

    #[test]
    fn a_structure_says_its_fields() {
        assert_eq!(fields_of::<Inner>(), ["reward", "template"]);
        assert!(fields_of::<f64>().is_empty());
    }
}
