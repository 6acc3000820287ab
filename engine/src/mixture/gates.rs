//! The gates of every token of a batch.

use super::side::{Side, SideBank, SideTokens};
use crate::types::RowGates;

/// Which row's gates each token of a batch carries.
///
/// `B` is a bank beside the model's, in the model's own layout.
#[derive(Debug)]
pub struct TokenGates<'a, B = SideBank> {
    rows: Vec<&'a RowGates>,
    any: bool,
    sides: Vec<SideTokens<'a, B>>,
}

impl<'a> TokenGates<'a> {
    /// From `(tokens, gates)` per row, in the batch's order.
    pub fn new(rows: impl IntoIterator<Item = (usize, &'a RowGates)>) -> Self {
        Self::with_sides(rows.into_iter().map(|(count, gates)| (count, gates, None)))
    }
}

impl<'a, B> TokenGates<'a, B> {
    /// From `(tokens, gates, experts beside the bank's)` per row, in the batch's order.
    pub fn with_sides(
        rows: impl IntoIterator<Item = (usize, &'a RowGates, Option<Side<'a, B>>)>,
    ) -> Self {
        let mut tokens = Vec::new();
        let mut any = false;
        let mut sides: Vec<SideTokens<'a, B>> = Vec::new();
        for (count, gates, side) in rows {
            any |= gates
                .adapters
                .iter()
                .chain(&gates.routers)
                .any(|&g| g != 0.0);
            if let Some(side) = side {
                let at = sides.iter().position(|known| known.is_of(side));
                let at = at.unwrap_or_else(|| {
                    sides.push(SideTokens::new(side));
                    sides.len() - 1
                });
                sides[at].extend(side, tokens.len()..tokens.len() + count);
            }
            tokens.extend(std::iter::repeat_n(gates, count));
        }
        Self {
            rows: tokens,
            any,
            sides,
        }
    }

    /// Gates of a subset of the tokens, ascending.
    pub fn select(&self, tokens: &[usize]) -> Self {
        Self {
            rows: tokens.iter().map(|&t| self.rows[t]).collect(),
            any: self.any,
            sides: self.sides.iter().map(|side| side.select(tokens)).collect(),
        }
    }

    /// Whether any expert of the bank speaks in any row; if not, the base model alone does, and who stands beside it.
    pub fn any(&self) -> bool {
        self.any
    }

    /// Per token.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &'a RowGates> + Clone + '_ {
        self.rows.iter().copied()
    }

    /// Tokens that carry experts beside the bank's, by who they are.
    pub fn sides(&self) -> &[SideTokens<'a, B>] {
        &self.sides
    }
}
