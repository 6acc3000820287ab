//! Paths in JSON, which holds text alone.

use std::path::{Path, PathBuf};

use serde::Serializer;

/// A path as text: bytes that are not UTF-8 are shown as the sign for what cannot be.
pub fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// [`shown`] as serde's `serialize_with`.
pub fn serialize_shown<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

/// [`serialize_shown`] of a path that may be absent.
pub fn serialize_shown_if_there<S: Serializer>(
    path: &Option<PathBuf>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => serialize_shown(path, to),
        None => to.serialize_none(),
    }
}
