//! Training texts: JSON Lines to examples and pairs, and texts to tokens.
//!
//! Supervised: `{"prompt", "response"}`, or `{"text"}` to learn all of it. Preferences: `{"prompt", "chosen",
//! "rejected"}` with answers, or `{"chosen", "rejected"}` with whole dialogues as in Anthropic's HH data,
//! which are split after the last `\n\nAssistant:`.

use std::path::Path;

use serde::Deserialize;

use super::batch::Example;
use super::dpo::Pair;
pub use super::faults::{Fault, Lines, Settled};
use crate::text::Tokenizer;
use crate::{Error, Result};

/// A prompt and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextExample {
    /// Not trained on by default.
    pub prompt: String,
    /// What to learn.
    pub response: String,
}

/// A better and a worse answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPair {
    /// The better one.
    pub chosen: TextExample,
    /// The worse one.
    pub rejected: TextExample,
}

/// Where an answer begins in a dialogue of the HH data.
const ASSISTANT: &str = "\n\nAssistant:";

#[derive(Deserialize)]
struct Line {
    prompt: Option<String>,
    response: Option<String>,
    text: Option<String>,
    chosen: Option<String>,
    rejected: Option<String>,
}

impl Line {
    fn example(self) -> Result<TextExample, String> {
        match self {
            Self {
                prompt: Some(prompt),
                response: Some(response),
                text: None,
                ..
            } => Ok(TextExample { prompt, response }),
            Self {
                prompt: None,
                response: None,
                text: Some(response),
                ..
            } => Ok(TextExample {
                prompt: String::new(),
                response,
            }),
            _ => Err("needs `prompt` and `response`, or `text` alone".to_owned()),
        }
    }

    fn pair(self) -> Result<TextPair, String> {
        let (Some(chosen), Some(rejected)) = (self.chosen, self.rejected) else {
            return Err("needs `chosen` and `rejected`".to_owned());
        };
        let answer = |response: String, field: &str| match &self.prompt {
            Some(prompt) => Ok(TextExample {
                prompt: prompt.clone(),
                response,
            }),
            None => split_dialogue(&response).ok_or_else(|| {
                format!("has no `prompt`, and `{field}` no {ASSISTANT:?} to split it at")
            }),
        };
        Ok(TextPair {
            chosen: answer(chosen, "chosen")?,
            rejected: answer(rejected, "rejected")?,
        })
    }
}

fn split_dialogue(dialogue: &str) -> Option<TextExample> {
    let end = dialogue.rfind(ASSISTANT)? + ASSISTANT.len();
    let (prompt, response) = dialogue.split_at(end);
    Some(TextExample {
        prompt: prompt.to_owned(),
        response: response.to_owned(),
    })
}

fn read_lines<T>(
    path: &Path,
    parse: impl Fn(Line) -> Result<T, String>,
    check: impl Fn(&T) -> Option<Fault>,
) -> Result<Lines<T>> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let mut found = Lines::new(path);
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let read = serde_json::from_slice::<Line>(line)
            .map_err(|e| format!("is not such a JSON object: {e}"))
            .and_then(&parse)
            .map_err(Fault::BadLine);
        let good = read.and_then(|item| match check(&item) {
            Some(fault) => Err(fault),
            None => Ok(item),
        });
        match good {
            Ok(item) => found.items.push((index + 1, item)),
            Err(fault) => found.faults.push((index + 1, fault)),
        }
    }
    if found.items.is_empty() && found.faults.is_empty() {
        return Err(Error::file(
            path,
            "has no examples; it needs one JSON object per line",
        ));
    }
    Ok(found)
}

fn empty(example: &TextExample) -> bool {
    example.response.trim().is_empty()
}

/// Reads supervised examples; bad lines are kept apart with their numbers.
pub fn read_examples(path: &Path) -> Result<Lines<TextExample>> {
    read_lines(path, Line::example, |example| {
        empty(example).then_some(Fault::EmptyAnswer("response"))
    })
}

/// Reads preference pairs; bad lines are kept apart with their numbers.
pub fn read_pairs(path: &Path) -> Result<Lines<TextPair>> {
    read_lines(path, Line::pair, |pair| {
        if empty(&pair.chosen) {
            Some(Fault::EmptyAnswer("chosen"))
        } else if empty(&pair.rejected) {
            Some(Fault::EmptyAnswer("rejected"))
        } else if pair.chosen == pair.rejected {
            Some(Fault::SameAnswers)
        } else {
            None
        }
    })
}

impl TextExample {
    /// The prompt with its special tokens, the answer with the end token.
    pub fn tokenise(&self, tokenizer: &Tokenizer) -> Result<Example> {
        let prompt = tokenizer.encode(&self.prompt, true)?;
        let mut response = tokenizer.encode(&self.response, false)?;
        response.extend(tokenizer.end_tokens().first());
        Ok(Example { prompt, response })
    }
}

impl TextPair {
    /// Both answers, each with its prompt.
    pub fn tokenise(&self, tokenizer: &Tokenizer) -> Result<Pair> {
        Ok(Pair {
            chosen: self.chosen.tokenise(tokenizer)?,
            rejected: self.rejected.tokenise(tokenizer)?,
        })
    }
}

/// A prompt that leaves no room for an answer among `most` tokens.
fn too_long(example: &Example, most: usize) -> Option<Fault> {
    let tokens = example.prompt.len();
    (tokens >= most).then_some(Fault::PromptTooLong { tokens, most })
}

impl Lines<TextExample> {
    /// Tokenised; a prompt that leaves no room for an answer among `most` tokens is a fault.
    pub fn tokenise(self, tokenizer: &Tokenizer, most: usize) -> Result<Lines<Example>> {
        self.try_map(|text| {
            let example = text.tokenise(tokenizer)?;
            Ok(too_long(&example, most).map_or(Ok(example), Err))
        })
    }
}

impl Lines<TextPair> {
    /// Tokenised; a prompt that leaves no room for an answer among `most` tokens is a fault, and so are answers
    /// that differ in nothing that the tokenizer keeps.
    pub fn tokenise(self, tokenizer: &Tokenizer, most: usize) -> Result<Lines<Pair>> {
        self.try_map(|text| {
            let pair = text.tokenise(tokenizer)?;
            let long = too_long(&pair.chosen, most).or_else(|| too_long(&pair.rejected, most));
            let same = (pair.chosen == pair.rejected).then_some(Fault::SameAnswers);
            Ok(long.or(same).map_or(Ok(pair), Err))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn both_supervised_forms_are_read() {
        let file = file("{\"prompt\": \"a\", \"response\": \"b\"}\n\n{\"text\": \"c\"}\n");
        let read = read_examples(file.path()).unwrap();
        assert!(read.faults.is_empty());
        let example = |prompt: &str, response: &str| TextExample {
            prompt: prompt.into(),
            response: response.into(),
        };
        assert_eq!(read.items, [(1, example("a", "b")), (3, example("", "c"))]);
    }

    #[test]
    fn dialogues_are_split_at_the_last_answer() {
        let chosen = r"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: good";
        let rejected = r"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: bad";
        let file = file(&format!(
            "{{\"chosen\": \"{chosen}\", \"rejected\": \"{rejected}\"}}"
        ));
        let (_, pair) = read_pairs(file.path()).unwrap().items.remove(0);
        assert!(pair.chosen.prompt.ends_with("Human: c\n\nAssistant:"));
        assert_eq!(pair.chosen.prompt, pair.rejected.prompt);
        assert_eq!(
            (
                pair.chosen.response.as_str(),
                pair.rejected.response.as_str()
            ),
            (" good", " bad")
        );
    }

    #[test]
    fn bad_lines_are_named_by_number() {
        let pairs = |text: &str| {
            let read = read_pairs(file(text).path()).unwrap();
            read.settle(false).unwrap_err().to_string()
        };
        let good = r#"{"prompt": "p", "chosen": "a", "rejected": "b"}"#;
        assert!(
            pairs(&format!("{good}\n{{\"chosen\": \"x\"}}\n"))
                .contains("line 2: needs `chosen` and `rejected`")
        );
        assert!(pairs(&format!("{good}\n\nnot json")).contains("line 3"));
        assert!(pairs(r#"{"chosen": "x", "rejected": "y"}"#).contains("line 1: has no `prompt`"));
        let examples = read_examples(file(good).path()).unwrap().settle(false);
        let examples = examples.unwrap_err();
        assert!(examples.is_input() && examples.to_string().contains("line 1"));
        assert!(
            read_examples(file("\n").path())
                .unwrap_err()
                .to_string()
                .contains("no examples")
        );
    }

    #[test]
    fn every_fault_is_found_where_it_is() {
        let text = [
            r#"{"prompt": "p", "chosen": "a", "rejected": "b"}"#,
            r#"{"prompt": "p", "chosen": " ", "rejected": "b"}"#,
            r#"{"prompt": "p", "chosen": "a", "rejected": ""}"#,
            r#"{"prompt": "p", "chosen": "a", "rejected": "a"}"#,
            "{",
        ]
        .join("\n");
        let file = file(&text);
        let mut bytes = text.into_bytes();
        bytes.extend(b"\n{\"prompt\": \"\xff\", \"chosen\": \"a\", \"rejected\": \"b\"}");
        std::fs::write(file.path(), bytes).unwrap();
        let read = read_pairs(file.path()).unwrap();
        assert_eq!(read.items.len(), 1);
        let kinds: Vec<(usize, &str)> = read.faults.iter().map(|(l, f)| (*l, f.kind())).collect();
        assert_eq!(
            kinds,
            [
                (2, "empty answer"),
                (3, "empty answer"),
                (4, "chosen equal to rejected"),
                (5, "bad line"),
                (6, "bad line")
            ]
        );
        assert_eq!(read.faults[1].1, Fault::EmptyAnswer("rejected"));
        assert_eq!(
            read.settle(true).unwrap().skipped.values().sum::<usize>(),
            5
        );
    }
}
