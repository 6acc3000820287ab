//! What can go wrong between a study and a judge.

/// The result of what this package does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why no verdict came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The study, or what is asked of it.
    #[error(transparent)]
    Core(#[from] paretoscope_core::Error),
    /// An option cannot be used.
    #[error("{name}: {problem}")]
    Option {
        /// The option.
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
        "{endpoint} failed {tries} times, last: {last}; {kept} verdicts are kept, and the same command asks for the rest"
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
        "{spent:.4} of {budget} are spent, and {left} verdicts are left; give a larger --budget to go on"
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
