//! Small JSON files, with their path in every error.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{Error, Result, files};

/// Reads and parses a JSON file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = files::read_text(path, files::SETTINGS)?;
    serde_json::from_str(&text)
        .map_err(|e| Error::file(path, format!("not the JSON expected here: {e}")))
}
