//! The gates of every token of a batch.

use crate::types::RowGates;

/// Which row's gates each token of a batch carries.
#[derive(Debug, Clone)]
pub struct TokenGates<'a> {
    rows: Vec<&'a RowGates>,
    any: bool,
}

impl<'a> TokenGates<'a> {
    /// From `(tokens, gates)` per row, in the batch's order.
    pub fn new(rows: impl IntoIterator<Item = (usize, &'a RowGates)>) -> Self {
        let mut tokens = Vec::new();
        let mut any = false;
        for (count, gates) in rows {
            any |= gates
                .adapters
                .iter()
                .chain(&gates.routers)
                .any(|&g| g != 0.0);
            tokens.extend(std::iter::repeat_n(gates, count));
        }
        Self { rows: tokens, any }
    }

    /// Gates of a subset of the tokens.
    pub fn select(&self, tokens: &[usize]) -> Self {
        Self {
            rows: tokens.iter().map(|&t| self.rows[t]).collect(),
            any: self.any,
        }
    }

    /// Whether any expert speaks in any row; if not, the base model alone does.
    pub fn any(&self) -> bool {
        self.any
    }

    /// Per token.
    pub fn tokens(&self) -> impl Iterator<Item = &'a RowGates> + '_ {
        self.rows.iter().copied()
    }
}
