//! What is drawn of a study, as figures ask for it, and their errors in words.

use paretoscope_core::protocol::Trouble;
use paretoscope_figure::Error;
use paretoscope_figure::of_study::Asked;

use super::message::ShownSweeps;

impl ShownSweeps {
    /// As figures ask for it.
    pub fn asked(&self) -> Asked {
        Asked {
            sweeps: self.sweeps.clone(),
            split: self.split,
            reference: self.reference.clone(),
        }
    }
}

/// Why nothing is drawn.
pub fn in_words(error: &Error) -> Trouble {
    match error {
        Error::Core(error) => Trouble::from(error),
        Error::Width { .. } | Error::Empty { .. } | Error::Count { .. } => {
            Trouble::input(error.to_string())
        }
        error => Trouble::system(error.to_string()),
    }
}
