//! A method as it was asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::kind::MethodKind;
use super::setting::{Value, Wanted};
use crate::problem::{Bounds, Problem};
use crate::types::PointKind;

/// Why something is no method.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{of}: {problem}")]
pub struct MethodError {
    /// The part that is wrong: `method`, or `mod:c`.
    pub of: String,
    /// What is wrong, and what would be right.
    pub problem: Problem,
}

/// A method and its settings. Equal methods are written alike: settings in order of names, usual ones left out.
/// ```
/// use paretoscope_core::method::{Method, MethodKind};
///
/// let method: Method = "pcb:scale=1.2,density=0.2".parse()?;
/// assert_eq!(method.kind(), MethodKind::Pcb);
/// assert_eq!(method.to_string(), "pcb:density=0.2");
/// assert_eq!(method.number("scale"), 1.2);
/// assert!("pcb:density=2".parse::<Method>().is_err());
/// # Ok::<(), paretoscope_core::method::MethodError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Method {
    kind: MethodKind,
    /// What differs from the usual.
    set: BTreeMap<&'static str, Value>,
}

impl Method {
    /// A method with what is usual.
    pub fn usual(kind: MethodKind) -> Self {
        Self {
            kind,
            set: BTreeMap::new(),
        }
    }

    /// The method of rows that name none.
    pub fn of(points: PointKind) -> Self {
        Self::usual(match points {
            PointKind::Preference => MethodKind::Hoe,
            PointKind::Weights => MethodKind::Mva,
        })
    }

    /// Which system.
    pub fn kind(&self) -> MethodKind {
        self.kind
    }

    /// With a setting as given.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, MethodError> {
        let settings = self.kind.settings();
        let wrong = |problem| MethodError {
            of: format!("{}:{name}", self.kind.name()),
            problem,
        };
        let Some(setting) = settings.iter().find(|setting| setting.name == name) else {
            if settings.is_empty() {
                let problem = format!("nothing can be set of {}", self.kind.name());
                return Err(wrong(Problem::Other(problem)));
            }
            let known = settings.iter().map(|setting| setting.name);
            return Err(wrong(Problem::unknown(name, known)));
        };
        let value = match setting.wanted {
            Wanted::Number { bounds, .. } => Value::Number(number(value, bounds).map_err(wrong)?),
            Wanted::Whole { least, most, .. } => {
                let bounds = Bounds::at_least(f64::from(least)).at_most(f64::from(most));
                let whole = number(value, bounds).map_err(wrong)?;
                if whole.fract() != 0.0 {
                    let problem = format!("is {whole}; it must be a whole number");
                    return Err(wrong(Problem::Other(problem)));
                }
                Value::Number(whole)
            }
            Wanted::Word(words) if words.contains(&value) => Value::Word(value.to_owned()),
            Wanted::Word(words) => {
                return Err(wrong(Problem::unknown(value, words.iter().copied())));
            }
        };
        if value == setting.wanted.usual() {
            self.set.remove(setting.name);
        } else {
            self.set.insert(setting.name, value);
        }
        Ok(self)
    }

    /// What differs from the usual, in order of names.
    pub fn set(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.set.iter().map(|(name, value)| (*name, value))
    }

    fn value(&self, name: &str) -> Option<Value> {
        let usual = || {
            let settings = self.kind.settings().iter();
            let mut settings = settings.filter(|setting| setting.name == name);
            settings.next().map(|setting| setting.wanted.usual())
        };
        self.set.get(name).cloned().or_else(usual)
    }

    /// A setting that is a number; 0 for one that the method has not.
    pub fn number(&self, name: &str) -> f64 {
        match self.value(name) {
            Some(Value::Number(number)) => number,
            Some(Value::Word(_)) | None => 0.0,
        }
    }

    /// A setting that is a whole number; 0 for one that the method has not.
    pub fn whole(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    /// Whether a setting is this word.
    pub fn is(&self, name: &str, word: &str) -> bool {
        matches!(self.value(name), Some(Value::Word(set)) if set == word)
    }

    /// Refuses points that it does not answer at.
    pub fn check(&self, points: PointKind) -> Result<(), MethodError> {
        if self.kind.points().contains(&points) {
            return Ok(());
        }
        let (got, right) = match points {
            PointKind::Preference => ("preferences", "weights, e.g. box:1:0.5"),
            PointKind::Weights => ("weights", "preferences, e.g. simplex:0.25"),
        };
        Err(MethodError {
            of: "method".to_owned(),
            problem: Problem::Other(format!(
                "{} does not answer at {got}; it takes {right}",
                self.kind.name()
            )),
        })
    }
}

fn number(text: &str, bounds: Bounds) -> Result<f64, Problem> {
    let number: f64 = text
        .trim()
        .parse()
        .map_err(|_source| Problem::Other(format!("`{text}` is not a number")))?;
    bounds.check(number)?;
    Ok(number)
}

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, MethodError> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let kind: MethodKind = name.trim().parse().map_err(|problem| MethodError {
            of: "method".to_owned(),
            problem,
        })?;
        let mut method = Self::usual(kind);
        for part in settings.split(',').filter(|part| !part.trim().is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(MethodError {
                    of: kind.name().to_owned(),
                    problem: Problem::Other(format!("`{part}` is no key=value")),
                });
            };
            method = method.with(name.trim(), value.trim())?;
        }
        Ok(method)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        for (index, (name, value)) in self.set.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Method {
    type Error = MethodError;

    fn try_from(text: String) -> Result<Self, MethodError> {
        text.parse()
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_read_back() {
        for kind in MethodKind::ALL {
            let method: Method = kind.name().parse().unwrap();
            assert_eq!(method, Method::usual(kind));
            assert_eq!(method.to_string(), kind.name());
        }
    }

    #[test]
    fn settings_are_read_back_in_one_order() {
        let method: Method = "args: k=5 , c=2".parse().unwrap();
        assert_eq!(method.to_string(), "args:c=2,k=5");
        assert_eq!((method.number("c"), method.whole("k")), (2.0, 5));
        let usual: Method = "args:k=10,c=1".parse().unwrap();
        assert_eq!(usual, Method::usual(MethodKind::Args));
        let json = serde_json::to_string(&method).unwrap();
        assert_eq!(json, r#""args:c=2,k=5""#);
        assert_eq!(serde_json::from_str::<Method>(&json).unwrap(), method);
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        let words = |text: &str| text.parse::<Method>().unwrap_err().to_string();
        assert!(words("hoes").contains("hoe"), "{}", words("hoes"));
        assert!(words("mod:d=1").starts_with("mod:d: `d` is not known"));
        assert!(words("mod:c").contains("no key=value"));
        assert!(words("mod:c=-1").starts_with("mod:c: is -1"));
        assert!(words("args:k=2.5").contains("whole number"));
        assert!(words("rs:average=x").contains("exact"));
        assert!(words("base:c=1").contains("nothing can be set of base"));
        assert!(
            Method::usual(MethodKind::Rs)
                .check(PointKind::Weights)
                .is_err()
        );
        assert!(
            Method::usual(MethodKind::Mod)
                .check(PointKind::Weights)
                .is_ok()
        );
    }
}
