//! Training texts: files to examples and pairs, and texts to tokens.
//!
//! A file is JSON Lines, or one JSON array of the same objects. What a prompt is, is the business of [`form`].

mod form;

use std::path::Path;

use serde_json::Value;

use super::batch::Example;
use super::dpo::Pair;
pub use super::faults::{Fault, Lines, Settled};
use crate::text::Tokenizer;
use crate::types::Prompt;
use crate::{Error, Result, files};

/// A prompt and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextExample {
    /// Not trained on by default. It is given to the model as in use: chats go through the chat template.
    pub prompt: Prompt,
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

/// The objects of a file, each with its line (or its place in the array, from one), as far as they are JSON.
fn objects(path: &Path) -> Result<Vec<(usize, Result<Value, String>)>> {
    let mut bytes = files::read_bytes(path, files::DATA)?;
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        bytes = files::decode(path, bytes)?.into_bytes();
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&bytes);
    let wrong = |error: serde_json::Error| format!("is not such a JSON object: {error}");
    if bytes.trim_ascii_start().starts_with(b"[") {
        let all: Vec<Value> = serde_json::from_slice(bytes)
            .map_err(|error| Error::file(path, format!("is no JSON array of examples: {error}")))?;
        return Ok(all
            .into_iter()
            .enumerate()
            .map(|(i, v)| (i + 1, Ok(v)))
            .collect());
    }
    Ok(bytes
        .split(|&byte| byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, line)| (index + 1, serde_json::from_slice(line).map_err(wrong)))
        .collect())
}

fn read_lines<T>(
    path: &Path,
    parse: impl Fn(&Value) -> Result<T, Fault>,
    check: impl Fn(&T) -> Option<Fault>,
) -> Result<Lines<T>> {
    let mut found = Lines::new(path);
    for (line, object) in objects(path)? {
        let read = object
            .map_err(Fault::BadLine)
            .and_then(|object| parse(&object));
        let good = read.and_then(|item| match check(&item) {
            Some(fault) => Err(fault),
            None => Ok(item),
        });
        match good {
            Ok(item) => found.items.push((line, item)),
            Err(fault) => found.faults.push((line, fault)),
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
    read_lines(path, form::example, |example| {
        empty(example).then_some(Fault::EmptyAnswer("response"))
    })
}

/// Reads preference pairs; bad lines are kept apart with their numbers.
pub fn read_pairs(path: &Path) -> Result<Lines<TextPair>> {
    read_lines(path, form::pair, |pair| {
        if empty(&pair.chosen) {
            Some(Fault::EmptyAnswer("chosen"))
        } else if empty(&pair.rejected) {
            Some(Fault::EmptyAnswer("rejected"))
        } else if pair.chosen.prompt != pair.rejected.prompt {
            Some(Fault::DifferentPrompts)
        } else if pair.chosen == pair.rejected {
            Some(Fault::SameAnswers)
        } else {
            None
        }
    })
}

impl TextExample {
    /// The prompt as the model is given it, and the answer in its context, ended as answers end.
    pub fn tokenise(&self, tokenizer: &Tokenizer) -> Result<Example> {
        let closing = tokenizer.closing_token_to_learn()?;
        let (prompt, mut response) = tokenizer.encode_answer(&self.prompt, &self.response)?;
        if response.last() != Some(&closing) {
            response.push(closing);
        }
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
            prompt: Prompt::Text(prompt.into()),
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
        let words = pair.chosen.prompt.words().unwrap();
        assert!(words.ends_with("Human: c\n\nAssistant:"));
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
