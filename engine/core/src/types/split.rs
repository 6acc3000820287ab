//! Which part of the prompts chooses, which tests.

use serde::{Deserialize, Serialize};

/// A part of a set of prompts. What was trained or chosen on one part is measured on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trains.
    Train,
    /// Chooses points, strengths, checkpoints.
    Validation,
    /// Measures, and nothing else.
    Test,
}

impl Split {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its name in files and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}
