//! Training texts: files to examples and pairs, and texts to tokens.
//!
//! A file is JSON Lines, one JSON array of the same objects, or Parquet with them as rows. What a prompt is, is
//! the business of [`form`].

mod array;
mod fields;
mod form;
mod parquet;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::batch::Example;
use super::dpo::Pair;
pub use super::line_errors::{LineError, Lines, Settled, Unit};
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

/// What a file holds: each object with its place from one, as far as it is JSON.
type Objects = Vec<(usize, Result<Value, LineError>)>;

fn parsed(json: &[u8]) -> Result<Value, LineError> {
    serde_json::from_slice(json)
        .map_err(|error| LineError::BadLine(format!("is not such a JSON object: {error}")))
}

/// The objects of a file, and what they are counted in.
fn objects(path: &Path) -> Result<(Unit, Objects)> {
    if is_parquet(path)? {
        let rows = parquet::rows(path)?.into_iter().map(Ok);
        return Ok((Unit::Row, (1..).zip(rows).collect()));
    }
    let mut bytes = files::read_bytes(path, files::DATA)?;
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        bytes = files::decode(path, bytes)?.into_bytes();
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&bytes);
    let whole = bytes.trim_ascii_start();
    if whole.starts_with(b"[") {
        let (elements, problem) = array::elements(whole);
        let last = elements.len().max(1);
        let elements = elements.into_iter().map(parsed);
        let mut objects: Objects = (1..).zip(elements).collect();
        objects.extend(problem.map(|problem| (last, Err(LineError::BadLine(problem.to_owned())))));
        return Ok((Unit::Element, objects));
    }
    let lines = (1..).zip(bytes.split(|&byte| byte == b'\n'));
    let objects = lines
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(number, line)| (number, parsed(line)))
        .collect();
    Ok((Unit::Line, objects))
}

fn is_parquet(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    files::open(path)?
        .take(parquet::MAGIC.len() as u64)
        .read_to_end(&mut head)
        .map_err(Error::io("read", path))?;
    Ok(head == parquet::MAGIC)
}

fn read_lines<T>(
    path: &Path,
    parse: impl Fn(&Value) -> Result<T, LineError>,
    check: impl Fn(&T) -> Option<LineError>,
) -> Result<Lines<T>> {
    let (unit, objects) = objects(path)?;
    let mut found = Lines::new(path, unit);
    let mut unread = BTreeSet::new();
    for (line, object) in objects {
        let read = object.and_then(|object| {
            let read = parse(&object)?;
            fields::note_unread(&object, &mut unread);
            Ok(read)
        });
        let good = read.and_then(|item| match check(&item) {
            Some(error) => Err(error),
            None => Ok(item),
        });
        match good {
            Ok(item) => found.items.push((line, item)),
            Err(error) => found.errors.push((line, error)),
        }
    }
    if !unread.is_empty() {
        let names: Vec<String> = unread
            .iter()
            .map(|n| n.escape_debug().to_string())
            .collect();
        let path = path.display();
        tracing::warn!("{path}: fields that are not read: {}", names.join(", "));
    }
    if found.items.is_empty() && found.errors.is_empty() {
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
        empty(example).then_some(LineError::EmptyAnswer("response"))
    })
}

/// Reads preference pairs; bad lines are kept apart with their numbers.
pub fn read_pairs(path: &Path) -> Result<Lines<TextPair>> {
    read_lines(path, form::pair, |pair| {
        if empty(&pair.chosen) {
            Some(LineError::EmptyAnswer("chosen"))
        } else if empty(&pair.rejected) {
            Some(LineError::EmptyAnswer("rejected"))
        } else if pair.chosen.prompt != pair.rejected.prompt {
            Some(LineError::DifferentPrompts)
        } else if pair.chosen == pair.rejected {
            Some(LineError::SameAnswers)
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
fn too_long(example: &Example, most: usize) -> Option<LineError> {
    let tokens = example.prompt.len();
    (tokens >= most).then_some(LineError::PromptTooLong { tokens, most })
}

impl Lines<TextExample> {
    /// Tokenised; a prompt that leaves no room for an answer among `most` tokens is an error.
    pub fn tokenise(self, tokenizer: &Tokenizer, most: usize) -> Result<Lines<Example>> {
        self.try_map(|text| {
            let example = text.tokenise(tokenizer)?;
            Ok(too_long(&example, most).map_or(Ok(example), Err))
        })
    }
}

impl Lines<TextPair> {
    /// Tokenised; a prompt that leaves no room for an answer among `most` tokens is an error, and so are answers
    /// that differ in nothing that the tokenizer keeps.
    pub fn tokenise(self, tokenizer: &Tokenizer, most: usize) -> Result<Lines<Pair>> {
        self.try_map(|text| {
            let pair = text.tokenise(tokenizer)?;
            let long = too_long(&pair.chosen, most).or_else(|| too_long(&pair.rejected, most));
            let same = (pair.chosen == pair.rejected).then_some(LineError::SameAnswers);
            Ok(long.or(same).map_or(Ok(pair), Err))
        })
    }
}
