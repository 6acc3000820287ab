//! What can be wrong with a point, a grid, the experts around it, or a study.

use std::path::PathBuf;

use crate::problem::Problem;
use crate::types::PointError;

/// The result of what this package does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The input's fault, but for a study's disk.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list of numbers is not a point.
    #[error("{name}: {source}")]
    Point {
        /// The option or field.
        name: String,
        /// Why.
        source: PointError,
    },
    /// An option or argument is wrong.
    #[error("{name}: {problem}")]
    Option {
        /// The option or argument.
        name: String,
        /// What is wrong and what would be right.
        problem: Problem,
    },
    /// A study cannot be used.
    #[error("{path}: {problem}", path = path.display())]
    Study {
        /// The SQLite file.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: String,
        /// Whether the file is at fault (else the disk, or another program).
        input: bool,
    },
}

impl Error {
    /// An [`Error::Option`].
    pub fn option(name: impl Into<String>, problem: impl Into<Problem>) -> Self {
        Self::Option {
            name: name.into(),
            problem: problem.into(),
        }
    }

    /// An [`Error::Point`], for `map_err`.
    pub fn point(name: &str) -> impl FnOnce(PointError) -> Self + use<> {
        let name = name.to_owned();
        move |source| Self::Point { name, source }
    }
}
