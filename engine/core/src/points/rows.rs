//! How much one sweep may be.

use crate::{Error, Result};

/// Rows (points x prompts) of one sweep at most.
pub const MAX_ROWS: usize = 100_000;

/// Refuses more than [`MAX_ROWS`]; `None` points are more than can be counted.
pub(super) fn check_rows(option: &str, points: Option<usize>, prompts: usize) -> Result<()> {
    match points.and_then(|points| points.checked_mul(prompts.max(1))) {
        Some(rows) if rows <= MAX_ROWS => Ok(()),
        _ => {
            let points = points.map_or_else(|| "too many".to_owned(), |points| points.to_string());
            Err(Error::option(
                option,
                format!(
                    "{points} points x {} prompts is more than {MAX_ROWS} rows; take fewer and larger steps, or fewer prompts",
                    prompts.max(1)
                ),
            ))
        }
    }
}
