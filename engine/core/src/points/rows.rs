//! How much one sweep may be.

use crate::{Error, Result};

/// Rows (points × prompts) of one sweep at most.
pub const MAX_ROWS: usize = 100_000;

/// Refuses more than [`MAX_ROWS`]; `None` points are more than can be counted.
pub(super) fn check_rows(option: &str, points: Option<usize>, prompts: usize) -> Result<()> {
    match points.and_then(|points| points.checked_mul(prompts.max(1))) {
        Some(rows) if rows <= MAX_ROWS => Ok(()),
        _ => {
            let count = |count: usize, one: &str| match count {
                1 => format!("1 {one}"),
                count => format!("{count} {one}s"),
            };
            let points = points.map_or_else(
                || "more points than can be counted".to_owned(),
                |points| count(points, "point"),
            );
            let problem = format!(
                "{points} × {} make more than {MAX_ROWS} rows; take fewer points (larger steps of a grid) or fewer prompts",
                count(prompts.max(1), "prompt")
            );
            Err(Error::option(option, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_rows_are_said_in_their_numbers() {
        assert!(check_rows("grid", Some(MAX_ROWS), 1).is_ok());
        let words = |points, prompts| {
            let refused = check_rows("grid", points, prompts);
            refused.unwrap_err().to_string()
        };
        assert!(words(Some(100_001), 1).starts_with("grid: 100001 points × 1 prompt make"));
        assert!(words(Some(1), 100_001).starts_with("grid: 1 point × 100001 prompts make"));
        assert!(words(None, 2).contains("more points than can be counted × 2 prompts"));
    }
}
