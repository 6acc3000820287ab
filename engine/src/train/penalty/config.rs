//! Which penalty, and how strong.

use serde::{Deserialize, Serialize};

use crate::forge::dependence::RowSample;
pub use crate::types::Penalty as PenaltyKind;
use crate::types::Strength;

/// The penalty of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PenaltyConfig {
    /// Which.
    pub kind: PenaltyKind,
    /// Its weight beside the DPO loss; see [`PenaltyKind::usual_strength`].
    pub alpha: Strength,
    /// HSIC of rows: at most this many rows of each module, the same of all vectors; all where `None`.
    /// Kernels of `n` rows take `16 n²` bytes per thread and `4 n²` per module and earlier vector.
    pub rows: Option<usize>,
    /// Of the choice of rows.
    pub rows_seed: u64,
}

impl Default for PenaltyConfig {
    fn default() -> Self {
        Self::of(PenaltyKind::None)
    }
}

impl PenaltyConfig {
    /// A penalty of its usual strength.
    pub const fn of(kind: PenaltyKind) -> Self {
        Self {
            kind,
            alpha: kind.usual_strength(),
            rows: Some(512),
            rows_seed: 0,
        }
    }

    pub(super) fn sample(&self) -> Option<RowSample> {
        let seed = self.rows_seed;
        self.rows.map(|rows| RowSample { rows, seed })
    }

    /// What the penalty and its gradient are computed at: of a ratio, what it is to be multiplied by comes after.
    pub(super) const fn factor(&self) -> f64 {
        match self.alpha {
            Strength::Alpha(alpha) => alpha,
            Strength::Ratio { .. } => 1.0,
        }
    }
}
