//! Why there is no evidence to be had.

use crate::Problem;
use crate::stats::StatsError;
use crate::types::Split;

/// The result of a step.
pub type Result<T, E = EvidenceError> = std::result::Result<T, E>;

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// A field of a protocol, or a protocol as a whole, is wrong.
    #[error("{field}: {problem}")]
    Protocol {
        /// Which, e.g. `contrasts[2].b`.
        field: String,
        /// What is wrong and what would be right.
        problem: Problem,
    },
    /// Something was chosen on a part of the prompts that the protocol does not let it be chosen on.
    #[error("{what} would rest on {} prompts; the protocol says {allowed}", on.name())]
    NotAllowed {
        /// What.
        what: &'static str,
        /// The part.
        on: Split,
        /// The parts that it may be chosen on.
        allowed: String,
    },
    /// An arm's scores are not there, or not those that were named beforehand.
    #[error("{arm}, {setting}: {problem}")]
    Scores {
        /// The arm.
        arm: String,
        /// Its setting.
        setting: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// What was chosen belongs to another protocol.
    #[error("these choices were made under protocol {theirs}, and this is {ours}; choose again")]
    OtherProtocol {
        /// The digest that the choices hold.
        theirs: String,
        /// The digest of the protocol that is judged by.
        ours: String,
    },
    /// A statistic cannot be had.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

impl EvidenceError {
    pub(super) fn field(field: impl Into<String>, problem: impl Into<Problem>) -> Self {
        Self::Protocol {
            field: field.into(),
            problem: problem.into(),
        }
    }

    pub(super) fn scores(arm: &str, setting: &str, problem: impl Into<String>) -> Self {
        Self::Scores {
            arm: arm.to_owned(),
            setting: setting.to_owned(),
            problem: problem.into(),
        }
    }
}
