//! What can be wrong with a line of training data, and what is done about it: refused, or left out and counted.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// It is no JSON object with the fields that are needed; why.
    BadLine(String),
    /// The answer in this field has no text.
    EmptyAnswer(&'static str),
    /// The two dialogues differ before their last answers: they answer different prompts.
    DifferentPrompts,
    /// The dialogue in this field ends with a human turn: there is no answer to learn.
    NoAnswer(&'static str),
    /// The better and the worse answer are the same: nothing can be learnt.
    SameAnswers,
    /// The prompt alone leaves no room for an answer.
    PromptTooLong {
        /// Its tokens.
        tokens: usize,
        /// How many there may be with the answer.
        most: usize,
    },
}

impl LineError {
    /// As counts name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::BadLine(_) => "bad line",
            Self::EmptyAnswer(_) => "empty answer",
            Self::DifferentPrompts => "different prompts in one pair",
            Self::NoAnswer(_) => "no answer at the end",
            Self::SameAnswers => "chosen equal to rejected",
            Self::PromptTooLong { .. } => "prompt beyond the context",
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLine(problem) => f.write_str(problem),
            Self::EmptyAnswer(field) => write!(f, "`{field}` is empty; it needs an answer"),
            Self::DifferentPrompts => f.write_str(
                "the two dialogues differ before the last answer; both answers of a pair belong to one prompt",
            ),
            Self::NoAnswer(field) => write!(
                f,
                "`{field}` ends with a turn that is not the assistant's, so there is no answer to learn"
            ),
            Self::SameAnswers => {
                f.write_str("`chosen` and `rejected` are the same; a pair must differ")
            }
            Self::PromptTooLong { tokens, most } => write!(
                f,
                "the prompt has {tokens} tokens, which leaves no room for an answer: prompt and answer may have {most} (`max_length`, and the model's context)"
            ),
        }
    }
}

/// What the examples of a file are counted in, each from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// JSON Lines.
    Line,
    /// One JSON array.
    Element,
    /// Parquet.
    Row,
}

/// The examples of a file, each with its line (from one), and what was wrong with other lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines<T> {
    /// The file.
    pub path: PathBuf,
    /// What a line is in it.
    pub unit: Unit,
    /// Good ones, in order.
    pub items: Vec<(usize, T)>,
    /// Bad ones, in order.
    pub errors: Vec<(usize, LineError)>,
}

/// A file's examples when bad lines have been dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled<T> {
    /// The file.
    pub path: PathBuf,
    /// What is trained on.
    pub items: Vec<T>,
    /// The line of each, from one.
    pub lines: Vec<usize>,
    /// How many lines were skipped, by what was wrong.
    pub skipped: BTreeMap<String, usize>,
}

impl<T> Lines<T> {
    pub(super) fn new(path: &Path, unit: Unit) -> Self {
        Self {
            path: path.to_path_buf(),
            unit,
            items: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Turns every good example into something else; what `change` finds wrong joins the errors.
    pub fn try_map<U>(
        self,
        mut change: impl FnMut(T) -> Result<Result<U, LineError>>,
    ) -> Result<Lines<U>> {
        let mut changed = Lines::new(&self.path, self.unit);
        changed.errors = self.errors;
        for (line, item) in self.items {
            match change(item)? {
                Ok(item) => changed.items.push((line, item)),
                Err(error) => changed.errors.push((line, error)),
            }
        }
        changed.errors.sort_by_key(|(line, _)| *line);
        Ok(changed)
    }

    /// How many lines have which error.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (_, error) in &self.errors {
            *counts.entry(error.kind().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Refuses bad lines, naming the first and counting all by kind, or leaves them out where `skip` says so.
    pub fn settle(self, skip: bool) -> Result<Settled<T>> {
        let skipped = self.counts();
        if let Some((line, error)) = self.errors.first().filter(|_| !skip) {
            let counts: Vec<String> = skipped
                .iter()
                .map(|(kind, count)| format!("{kind}: {count}"))
                .collect();
            let problem = format!(
                "{error} (bad lines in all: {} of {}; {}); mend them, or leave them out with `skip_bad`",
                self.errors.len(),
                self.errors.len() + self.items.len(),
                counts.join(", ")
            );
            return Err(match self.unit {
                Unit::Line => Error::line(&self.path, *line, problem),
                Unit::Element => Error::file(&self.path, format!("element {line}: {problem}")),
                Unit::Row => Error::file(&self.path, format!("row {line}: {problem}")),
            });
        }
        if self.items.is_empty() {
            let problem = if skipped.is_empty() {
                "has no examples; it needs one JSON object per line".to_owned()
            } else {
                format!(
                    "has no example that is left: all {} lines are bad",
                    self.errors.len()
                )
            };
            return Err(Error::file(&self.path, problem));
        }
        let (lines, items) = self.items.into_iter().unzip();
        Ok(Settled {
            path: self.path,
            items,
            lines,
            skipped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines<char> {
        Lines {
            path: "data.jsonl".into(),
            unit: Unit::Line,
            items: vec![(1, 'a'), (4, 'b')],
            errors: vec![
                (2, LineError::SameAnswers),
                (3, LineError::EmptyAnswer("chosen")),
            ],
        }
    }

    #[test]
    fn bad_lines_are_refused_with_the_first_named_and_all_counted() {
        let error = lines().settle(false).unwrap_err();
        assert!(error.is_input());
        let text = error.to_string();
        for part in [
            "data.jsonl, line 2",
            "are the same",
            "2 of 4",
            "chosen equal to rejected: 1",
            "empty answer: 1",
            "`skip_bad`",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }

    #[test]
    fn skipped_lines_are_counted_and_the_others_keep_their_numbers() {
        let settled = lines().settle(true).unwrap();
        assert_eq!((settled.items, settled.lines), (vec!['a', 'b'], vec![1, 4]));
        assert_eq!(settled.skipped["empty answer"], 1);
        let none = Lines {
            items: Vec::new(),
            ..lines()
        };
        let error = none.settle(true).unwrap_err().to_string();
        assert!(error.contains("all 2 lines are bad"), "{error}");
    }

    #[test]
    fn faults_found_later_are_sorted_in() {
        let long = LineError::PromptTooLong { tokens: 9, most: 8 };
        let mapped = lines()
            .try_map(|c| Ok(if c == 'a' { Err(long.clone()) } else { Ok(1) }))
            .unwrap();
        assert_eq!(mapped.items, [(4, 1)]);
        assert_eq!(mapped.errors[0], (1, long));
        let text = mapped.settle(false).unwrap_err().to_string();
        assert!(text.contains("line 1: the prompt has 9 tokens"), "{text}");
    }
}
