//! Who gives scores.

use serde::{Deserialize, Serialize};

/// Who gives scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScorerKind {
    /// A reward model.
    Reward,
    /// A rule that reads a text, with what its prompt's line says is right beside it or not.
    Rule,
    /// The rules of a world whose every sentence is known.
    Grader,
    /// Another model that is asked.
    Judge,
    /// People.
    Votes,
}

impl ScorerKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Reward,
        Self::Rule,
        Self::Grader,
        Self::Judge,
        Self::Votes,
    ];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reward => "reward",
            Self::Rule => "rule",
            Self::Grader => "grader",
            Self::Judge => "judge",
            Self::Votes => "votes",
        }
    }
}
