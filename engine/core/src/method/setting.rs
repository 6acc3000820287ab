//! What can be set of a method.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::problem::Bounds;

/// A number or a word that a method is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number(f64),
    /// One of a few words.
    Word(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// What a setting takes, and what it is where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// A number within bounds.
    Number {
        /// Where nothing is said.
        usual: f64,
        /// What it may be.
        bounds: Bounds,
    },
    /// A whole number from `least` to `most`.
    Whole {
        /// Where nothing is said.
        usual: u32,
        /// The smallest.
        least: u32,
        /// The largest.
        most: u32,
    },
    /// One of these words; the first where nothing is said.
    Word(&'static [&'static str]),
}

/// One thing that can be set of a method.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Its name, as in `mod:c=1.5`.
    pub name: &'static str,
    /// What it takes.
    pub wanted: Wanted,
    /// What it does, for people.
    pub says: &'static str,
}

impl Wanted {
    /// What it is where nothing is said.
    pub fn usual(self) -> Value {
        match self {
            Self::Number { usual, .. } => Value::Number(usual),
            Self::Whole { usual, .. } => Value::Number(f64::from(usual)),
            Self::Word(words) => Value::Word(words.first().copied().unwrap_or_default().to_owned()),
        }
    }
}
