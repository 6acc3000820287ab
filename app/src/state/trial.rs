//! A text that a person scores by hand, to see what the reward models make of it.

use paretoscope_core::protocol::{JobId, Trouble};
use paretoscope_core::types::Scores;

/// Prompt and answer under trial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trial {
    /// What is asked.
    pub prompt: String,
    /// What is answered.
    pub response: String,
    /// Changed since it was last sent.
    pub stale: bool,
    /// On its way to the reward models.
    pub job: Option<JobId>,
    /// What they said of the text last sent.
    pub scores: Option<Scores>,
    /// Why they could not.
    pub trouble: Option<Trouble>,
}
