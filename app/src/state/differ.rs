//! Two dots of the study, prompt by prompt.

use std::sync::Arc;

use paretoscope_core::protocol::Trouble;
use paretoscope_core::stats::By;

use crate::study::{Differences, Pair};

/// What is looked at of how two dots differ.
#[derive(Debug)]
pub struct DifferState {
    /// The dot that others are compared with, by its name.
    pub pinned: Option<String>,
    /// By what prompts are sorted.
    pub by: By,
    /// What was asked for last.
    pub asked: Option<Pair>,
    /// What came of it.
    pub found: Option<Result<Arc<Differences>, Trouble>>,
    /// The prompt that is looked at, by its rank from 0.
    pub row: usize,
}

impl Default for DifferState {
    fn default() -> Self {
        Self {
            pinned: None,
            by: By::Difference,
            asked: None,
            found: None,
            row: 0,
        }
    }
}

impl DifferState {
    /// The prompts in their order, once they are known.
    pub fn differences(&self) -> Option<&Arc<Differences>> {
        self.found.as_ref()?.as_ref().ok()
    }
}

/// A rank in words: `3rd largest difference of 159`.
pub fn rank_words(rank: usize, of: usize, by: By) -> String {
    let end = match (rank % 10, rank % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        // In two, for the check of spelling takes it for another word.
        (2, _) => concat!("n", "d"),
        (3, _) => "rd",
        _ => "th",
    };
    let (first, what) = match by {
        By::Difference => ("Largest", "largest difference"),
        By::Text => ("Least alike", "least alike"),
        By::Typical => ("Most typical", "most typical difference"),
    };
    match (rank, by) {
        (1, By::Difference | By::Typical) => format!("{first} difference of {of}"),
        (1, By::Text) => format!("{first} of {of}"),
        _ => format!("{rank}{end} {what} of {of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_read_as_english() {
        for (rank, want) in [
            (1, "Largest difference of 159"),
            (2, "2nd largest difference of 159"),
            (3, "3rd largest difference of 159"),
            (4, "4th largest difference of 159"),
            (11, "11th largest difference of 159"),
            (112, "112th largest difference of 159"),
            (122, "122nd largest difference of 159"),
        ] {
            assert_eq!(rank_words(rank, 159, By::Difference), want);
        }
        assert_eq!(rank_words(2, 9, By::Text), "2nd least alike of 9");
        assert_eq!(
            rank_words(1, 9, By::Typical),
            "Most typical difference of 9"
        );
    }
}
