//! What can go wrong between a study and a judge.

use paretoscope_core::protocol::Trouble;

/// The result of what this package does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why no verdict came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The study, or what is asked of it.
    #[error(transparent)]
    Core(#[from] paretoscope_core::Error),
    /// A part of the plan cannot be used.
    #[error("{name}: {problem}")]
    Option {
        /// Which part.
        name: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The endpoint says no, and asking again would not help.
    #[error("{endpoint} answered {status}: {said}; {help}")]
    Refused {
        /// Where.
        endpoint: String,
        /// The status of HTTP.
        status: u16,
        /// What it said.
        said: String,
        /// What may help.
        help: &'static str,
    },
    /// It failed as often as was allowed.
    #[error(
        "{endpoint} failed {tries} times, last: {last}; {kept} verdicts are kept; started again, it asks for the rest"
    )]
    GaveUp {
        /// Where.
        endpoint: String,
        /// How often it was asked.
        tries: usize,
        /// What was wrong last.
        last: String,
        /// Verdicts of this run.
        kept: usize,
    },
    /// What was spent reaches what may be.
    #[error(
        "{spent:.4} of {budget} are spent, and {left} verdicts are left; a larger budget goes on"
    )]
    Spent {
        /// So far.
        spent: f64,
        /// At most.
        budget: f64,
        /// Verdicts that are left.
        left: usize,
    },
    /// A person stopped it.
    #[error("cancelled")]
    Cancelled,
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        if let Error::Core(error) = error {
            return Self::from(error);
        }
        let message = error.to_string();
        if error.is_input() {
            Self::input(message)
        } else {
            Self::system(message)
        }
    }
}

impl Error {
    /// Whether what was given is at fault, and not the endpoint or the disk.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Option { .. } => true,
            Self::Core(paretoscope_core::Error::Study { input, .. }) => *input,
            Self::Core(_) => true,
            _ => false,
        }
    }
}
