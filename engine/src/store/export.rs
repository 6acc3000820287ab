//! The store as JSON Lines, for other programs.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::encode::scores_to_json;
use super::{Store, StoredRow};
use crate::output::write_atomically;
use crate::{Error, Result};

/// Writes every row as one JSON object per line; returns how many. The file appears whole or not
/// at all.
pub fn export_rows(store: &Store, path: &Path) -> Result<usize> {
    let mut count = 0;
    write_atomically(path, |file| {
        store.each_row(|row| {
            count += 1;
            writeln!(file, "{}", line(&row)).map_err(Error::io("write", path))
        })
    })?;
    Ok(count)
}

fn line(row: &StoredRow) -> Value {
    json!({
        "key": row.key,
        "sweep": row.sweep,
        "point_index": row.point_index,
        "prompt_index": row.prompt_index,
        "point": row.point,
        "prompt": row.prompt,
        "sampling": row.sampling,
        "text": row.text,
        "tokens": row.tokens,
        "finish": row.finish,
        "scores": row.scores.as_ref().map_or(Value::Null, scores_to_json),
        "gates_mean": row.gates_mean,
        "first_token_seconds": row.first_token_seconds,
        "seconds": row.seconds,
    })
}
