//! JSON Lines that a person wrote: what is wrong is said with its line and, for a field, with the name that was meant.

use serde::de::DeserializeOwned;

use crate::Problem;

/// What is wrong with a line of a text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineProblem {
    /// From one.
    pub line: usize,
    /// What is wrong and what would be right.
    pub problem: Problem,
}

impl LineProblem {
    /// At a line, from one.
    pub fn new(line: usize, problem: impl Into<Problem>) -> Self {
        Self {
            line,
            problem: problem.into(),
        }
    }
}

/// The lines that say something, numbered from one; a byte-order mark says nothing.
pub(crate) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate();
    lines
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty())
}

/// Reads one line as a `T` (`what`, e.g. "a vote"), which denies unknown fields. `right` says how a line looks.
pub(crate) fn read<T: DeserializeOwned>(
    (line, text): (usize, &str),
    what: &str,
    right: &str,
) -> Result<T, LineProblem> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        if let (Some((field, known)), true) =
            (quoted.split_first(), message.starts_with("unknown field"))
        {
            return LineProblem::new(line, Problem::unknown(*field, known.iter().copied()));
        }
        // The text is one line: the parser's own count of lines would only mislead.
        let message = message.replace(" at line 1 column ", " at column ");
        LineProblem::new(line, format!("not {what}: {message}; a line is {right}"))
    })
}
