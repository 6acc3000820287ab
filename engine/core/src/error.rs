//! What can be wrong with a point, a grid or the experts around it.

use crate::problem::Problem;
use crate::types::PointError;

/// The result of exact arithmetic on what a person gave.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Always the input's fault.
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
