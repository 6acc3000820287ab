//! The seal on the test: whoever has read it chooses no more.

use serde::{Deserialize, Serialize};

use super::{EvidenceError, Result};
use crate::Problem;

/// One reading of the test rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The digest of the protocol that it was read under.
    pub protocol: String,
    /// The digest of the choices.
    pub choices: String,
    /// The digest of what was read; absent where nobody came back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
}

/// All readings of one scorer's test rows, in order. The first is the one that counts; every later one, under another
/// protocol, other choices or with other rows, is marked in all of its results.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The readings.
    pub readings: Vec<Reading>,
}

impl Seal {
    /// Reads what [`Seal::to_json`] wrote.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| EvidenceError::field("seal", Problem::format("a seal", error)))
    }

    /// The seal as a file holds it.
    pub fn to_json(&self) -> String {
        super::json(self)
    }

    /// Breaks the seal for these choices, before anything is read, and says which reading it is, from 1. What goes on where
    /// it was killed, under one protocol and with the same choices, goes on with the reading that it began.
    pub fn open(&mut self, protocol: &str, choices: &str) -> usize {
        let same = |reading: &Reading| reading.protocol == protocol && reading.choices == choices;
        if let Some(last) = self.readings.iter().rposition(same) {
            return last + 1;
        }
        self.readings.push(Reading {
            protocol: protocol.to_owned(),
            choices: choices.to_owned(),
            rows: None,
        });
        self.readings.len()
    }

    /// Notes what a reading read, and says which reading it is: another one where what was read under the same choices
    /// before had other scores.
    pub fn note(&mut self, protocol: &str, choices: &str, rows: &str) -> usize {
        let opened = self.open(protocol, choices);
        let same = |reading: &Reading| {
            let theirs = reading.protocol == protocol && reading.choices == choices;
            theirs && reading.rows.as_deref() == Some(rows)
        };
        if let Some(at) = self.readings.iter().position(same) {
            return at + 1;
        }
        let reading = &mut self.readings[opened - 1];
        if reading.rows.is_none() {
            reading.rows = Some(rows.to_owned());
            return opened;
        }
        let another = Reading {
            rows: Some(rows.to_owned()),
            ..reading.clone()
        };
        self.readings.push(another);
        self.readings.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reading_counts_and_later_ones_are_known() {
        let mut seal = Seal::default();
        assert_eq!(seal.open("p", "c"), 1);
        // Killed before anything came back, and begun again.
        let mut seal = Seal::parse(&seal.to_json()).unwrap();
        assert_eq!(seal.open("p", "c"), 1);
        assert_eq!(seal.note("p", "c", "r"), 1);
        // Told once more from the same rows.
        assert_eq!((seal.open("p", "c"), seal.note("p", "c", "r")), (1, 1));
        // Other scores under the same choices, other choices, another protocol.
        assert_eq!(seal.note("p", "c", "other"), 2);
        assert_eq!(seal.open("p", "d"), 3);
        assert_eq!(seal.note("q", "c", "r"), 4);
        assert_eq!(seal.note("p", "c", "r"), 1);
        assert_eq!(seal.readings.len(), 4);
        assert_eq!(seal.readings[2].rows, None);
    }

    #[test]
    fn what_is_no_seal_is_refused() {
        let words = Seal::parse("{\"reading\": []}").unwrap_err().to_string();
        assert!(
            words.starts_with("seal: is not a seal: unknown field"),
            "{words}"
        );
    }
}
