//! Training texts: JSON Lines to examples and pairs, and texts to tokens.
//!
//! Supervised: `{"prompt", "response"}`, or `{"text"}` to learn all of it. Preferences: `{"prompt", "chosen",
//! "rejected"}` with answers, or `{"chosen", "rejected"}` with whole dialogues as in Anthropic's HH data,
//! which are split after the last `\n\nAssistant:`.

use std::path::Path;

use serde::Deserialize;

use super::batch::Example;
use super::dpo::Pair;
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

fn read_lines<T>(path: &Path, parse: impl Fn(Line) -> Result<T, String>) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let all: Vec<T> = lines
        .map(|(index, line)| {
            let read = serde_json::from_str::<Line>(line)
                .map_err(|e| format!("is not such a JSON object: {e}"));
            read.and_then(&parse).map_err(|problem| Error::Line {
                path: path.to_path_buf(),
                line: index + 1,
                problem,
            })
        })
        .collect::<Result<_>>()?;
    if all.is_empty() {
        return Err(Error::file(
            path,
            "has no examples; it needs one JSON object per line",
        ));
    }
    Ok(all)
}

/// Reads supervised examples; a bad line is named by its number.
pub fn read_examples(path: &Path) -> Result<Vec<TextExample>> {
    read_lines(path, Line::example)
}

/// Reads preference pairs; a bad line is named by its number.
pub fn read_pairs(path: &Path) -> Result<Vec<TextPair>> {
    read_lines(path, Line::pair)
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
        let example = |prompt: &str, response: &str| TextExample {
            prompt: prompt.into(),
            response: response.into(),
        };
        assert_eq!(read, [example("a", "b"), example("", "c")]);
    }

    #[test]
    fn dialogues_are_split_at_the_last_answer() {
        let chosen = r"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: good";
        let rejected = r"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: bad";
        let file = file(&format!(
            "{{\"chosen\": \"{chosen}\", \"rejected\": \"{rejected}\"}}"
        ));
        let pair = read_pairs(file.path()).unwrap().remove(0);
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
        let pairs = |text: &str| read_pairs(file(text).path()).unwrap_err().to_string();
        let good = r#"{"prompt": "p", "chosen": "a", "rejected": "b"}"#;
        assert!(
            pairs(&format!("{good}\n{{\"chosen\": \"x\"}}\n"))
                .contains("line 2: needs `chosen` and `rejected`")
        );
        assert!(pairs(&format!("{good}\n\nnot json")).contains("line 3"));
        assert!(pairs(r#"{"chosen": "x", "rejected": "y"}"#).contains("line 1: has no `prompt`"));
        let examples = read_examples(file(good).path()).unwrap_err();
        assert!(examples.is_input() && examples.to_string().contains("line 1"));
        assert!(
            read_examples(file("\n").path())
                .unwrap_err()
                .to_string()
                .contains("no examples")
        );
    }
}
