//! The two or three fields that text needs from the JSON files beside a model.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, Problem, Result, files};

/// Fields of `tokenizer_config.json` and `special_tokens_map.json` that name a special token.
pub(super) const SPECIAL: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
];

/// A JSON object, or `None` where there is no such file.
pub(super) fn object(path: &Path) -> Result<Option<Map<String, Value>>> {
    let Some(text) = files::read_text_if_there(path, files::SETTINGS)? else {
        return Ok(None);
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(_) => Err(Error::file(path, "is JSON, but not an object")),
        Err(error) => Err(Error::file(path, Problem::format("JSON", error))),
    }
}

/// A field that counts something.
pub(super) fn count(
    path: &Path,
    object: &Map<String, Value>,
    field: &str,
) -> Result<Option<usize>> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number as usize)),
            None => Err(Error::field(
                path,
                field,
                format!("is {value}, expected a whole number of 0 or more"),
            )),
        },
    }
}

/// A field that names token ids: one number or a list.
pub(super) fn ids(
    path: &Path,
    object: &Map<String, Value>,
    field: &str,
) -> Result<Option<Vec<u32>>> {
    let one = |value: &Value| {
        value
            .as_u64()
            .and_then(|id| u32::try_from(id).ok())
            .ok_or_else(|| {
                Error::field(
                    path,
                    field,
                    format!("holds {value}, expected a token id or a list of them"),
                )
            })
    };
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => values.iter().map(one).collect::<Result<_>>().map(Some),
        Some(value) => one(value).map(|id| Some(vec![id])),
    }
}

/// A special token: a string, or an object with `content`.
pub(super) fn special(object: &Map<String, Value>, field: &str) -> Option<String> {
    let value = object.get(field)?;
    value
        .as_str()
        .or_else(|| value.get("content")?.as_str())
        .map(str::to_owned)
}
