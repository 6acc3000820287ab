//! The tokenizer's fields with their types and limits, and the vocabulary that they hold.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::weights::gguf::GgufValue;
use crate::{Error, Problem, Result};

/// The most tokens of a vocabulary; the largest known has 262,208.
const TOKENS: usize = 1 << 20;
/// The longest token in bytes; the longest known has 512 spaces.
const LONGEST: usize = 4096;

/// What `tokenizer.ggml.token_type` says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Unknown,
    Control,
    User,
    Unused,
    Byte,
}

/// The fields of one file, whose errors name the file and the field.
pub(super) struct Fields<'a> {
    fields: &'a BTreeMap<String, GgufValue>,
    path: &'a Path,
}

impl<'a> Fields<'a> {
    pub(super) fn new(fields: &'a BTreeMap<String, GgufValue>, path: &'a Path) -> Self {
        Self { fields, path }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    pub(super) fn wrong(&self, field: &str, problem: impl Into<Problem>) -> Error {
        Error::field(self.path, field, problem)
    }

    fn of<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl FnOnce(&'a GgufValue) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.fields.get(field) else {
            return Ok(None);
        };
        match read(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(field, format!("is of another type than {expected}"))),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>> {
        self.of(field, "a text", |value| match value {
            GgufValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    pub(super) fn flag(&self, field: &str) -> Result<Option<bool>> {
        self.of(field, "true or false", |value| match value {
            GgufValue::Bool(flag) => Some(*flag),
            _ => None,
        })
    }

    pub(super) fn texts(&self, field: &str) -> Result<Option<&'a [String]>> {
        self.of(field, "a list of texts", |value| match value {
            GgufValue::Texts(texts) => Some(texts.as_slice()),
            _ => None,
        })
    }

    pub(super) fn numbers(&self, field: &str) -> Result<Option<&'a [f64]>> {
        self.of(field, "a list of numbers", |value| match value {
            GgufValue::Numbers(numbers) => Some(numbers.as_slice()),
            _ => None,
        })
    }

    fn integers(&self, field: &str) -> Result<Option<&'a [i64]>> {
        self.of(field, "a list of whole numbers", |value| match value {
            GgufValue::Integers(numbers) => Some(numbers.as_slice()),
            _ => None,
        })
    }

    /// `tokenizer.ggml.PURPOSE_token_id`, a token of the vocabulary.
    pub(super) fn id(&self, purpose: &str, tokens: &Tokens<'_>) -> Result<Option<u32>> {
        let field = format!("tokenizer.ggml.{purpose}_token_id");
        let id = self.of(&field, "a whole number", |value| match value {
            GgufValue::U64(id) => Some(i128::from(*id)),
            GgufValue::I64(id) => Some(i128::from(*id)),
            _ => None,
        })?;
        let Some(id) = id else { return Ok(None) };
        match u32::try_from(id) {
            Ok(known) if (known as usize) < tokens.len() => Ok(Some(known)),
            _ => Err(self.wrong(
                &field,
                format!("is {id}, but the vocabulary has {} tokens", tokens.len()),
            )),
        }
    }

    /// A part of a tokenizer in the words of `tokenizer.json`.
    pub(super) fn part<T: DeserializeOwned>(&self, words: Value) -> Result<T> {
        serde_json::from_value(words).map_err(|error| {
            Error::file(
                self.path,
                format!("the tokenizer library takes no such part: {error}"),
            )
        })
    }

    /// A list that says one thing of each token.
    pub(super) fn same_length(&self, field: &str, length: usize, tokens: usize) -> Result<()> {
        if length == tokens {
            return Ok(());
        }
        Err(self.wrong(
            field,
            format!("has {length} entries, but `tokenizer.ggml.tokens` has {tokens}"),
        ))
    }
}

/// The vocabulary: the text of each id, none twice, and its kind.
pub(super) struct Tokens<'a> {
    texts: &'a [String],
    kinds: Vec<Kind>,
    ids: HashMap<&'a str, u32>,
}

impl<'a> Tokens<'a> {
    pub(super) fn read(fields: &Fields<'a>) -> Result<Self> {
        const FIELD: &str = "tokenizer.ggml.tokens";
        let texts = fields.texts(FIELD)?.unwrap_or_default();
        if texts.is_empty() || texts.len() > TOKENS {
            return Err(fields.wrong(
                FIELD,
                format!("has {} tokens, expected 1 to {TOKENS}", texts.len()),
            ));
        }
        let mut ids = HashMap::with_capacity(texts.len());
        for (id, text) in (0u32..).zip(texts) {
            if text.is_empty() || text.len() > LONGEST {
                return Err(fields.wrong(
                    FIELD,
                    format!(
                        "token {id} has {} bytes, expected 1 to {LONGEST}",
                        text.len()
                    ),
                ));
            }
            if let Some(before) = ids.insert(text.as_str(), id) {
                return Err(
                    fields.wrong(FIELD, format!("tokens {before} and {id} are both `{text}`"))
                );
            }
        }
        Ok(Self {
            texts,
            kinds: kinds(fields, texts.len())?,
            ids,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// The text of an id below [`Tokens::len`].
    pub(super) fn text(&self, id: u32) -> &'a str {
        &self.texts[id as usize]
    }

    /// The kind of an id below [`Tokens::len`].
    pub(super) fn kind(&self, id: u32) -> Kind {
        self.kinds[id as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &'a str)> {
        (0u32..).zip(self.texts.iter().map(String::as_str))
    }
}

/// `tokenizer.ggml.token_type`; without it every token is a normal one.
fn kinds(fields: &Fields<'_>, tokens: usize) -> Result<Vec<Kind>> {
    const FIELD: &str = "tokenizer.ggml.token_type";
    let Some(types) = fields.integers(FIELD)? else {
        return Ok(vec![Kind::Normal; tokens]);
    };
    fields.same_length(FIELD, types.len(), tokens)?;
    let kind = |(id, kind): (usize, &i64)| match kind {
        1 => Ok(Kind::Normal),
        2 => Ok(Kind::Unknown),
        3 => Ok(Kind::Control),
        4 => Ok(Kind::User),
        5 => Ok(Kind::Unused),
        6 => Ok(Kind::Byte),
        other => Err(fields.wrong(FIELD, format!("is {other} for token {id}, expected 1 to 6"))),
    };
    types.iter().enumerate().map(kind).collect()
}
