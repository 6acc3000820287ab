//! Errors on their way to a person.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

/// An error on its way to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Whose fault it is.
    pub kind: TroubleKind,
    /// What is wrong, where, and what would be right; one line.
    pub message: String,
}

/// Whose fault an error is, and so what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// What a person gave.
    Input {
        /// The file or folder that is wrong, where it is one.
        file: Option<PathBuf>,
        /// The option, or the field of the file, where it is one.
        field: Option<String>,
    },
    /// A device's memory is full.
    Memory,
    /// The disk, a device or another program.
    System,
    /// Training left the range where it can go on.
    Diverged,
    /// The program itself.
    Program,
}

impl Trouble {
    /// What a person gave is wrong.
    pub fn input(message: impl Into<String>) -> Self {
        Self {
            kind: TroubleKind::Input {
                file: None,
                field: None,
            },
            message: message.into(),
        }
    }

    /// Something outside the program and its input is wrong.
    pub fn system(message: impl Into<String>) -> Self {
        Self {
            kind: TroubleKind::System,
            message: message.into(),
        }
    }

    /// Whether a person can mend it by giving something else.
    pub fn is_input(&self) -> bool {
        matches!(self.kind, TroubleKind::Input { .. })
    }

    /// What helps, where the message does not say it.
    pub fn advice(&self) -> Option<&'static str> {
        match self.kind {
            TroubleKind::Program => {
                Some("Nothing that you gave is wrong; please report this with its details.")
            }
            _ => None,
        }
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        let kind = match error {
            Error::Point { name, .. } | Error::Option { name, .. } => TroubleKind::Input {
                file: None,
                field: Some(name.clone()),
            },
            Error::Study {
                path, input: true, ..
            } => TroubleKind::Input {
                file: Some(path.clone()),
                field: None,
            },
            Error::Study { .. } => TroubleKind::System,
        };
        Self {
            kind,
            message: error.to_string(),
        }
    }
}
