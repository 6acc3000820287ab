//! Which penalty, and how strong.

use serde::{Deserialize, Serialize};

use crate::forge::dependence::RowSample;
use crate::types::Penalty;

/// How dependence on earlier value vectors is measured and held down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyKind {
    /// Not at all: plain DPO.
    #[default]
    None,
    /// HSIC as in MVA's code; equal ranks only. Acts much like decay of `A`.
    HsicReleased,
    /// HSIC as in MVA's text; numerically next to nothing at bandwidth 1.
    HsicRows,
    /// HSIC with median bandwidths, normalised: 0 to 1.
    HsicNormalised,
    /// Sum of `|A Aⱼᵀ|`, as in O-LoRA.
    OrthogonalOlora,
    /// Mean squared cosine between the differences of each module: 0 to 1.
    OrthogonalCosine,
    /// The squared length of the value vector: what a penalty does by shrinking alone.
    WeightDecay,
}

impl PenaltyKind {
    /// All, in the order of the command line.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::HsicReleased,
        Self::HsicRows,
        Self::HsicNormalised,
        Self::OrthogonalOlora,
        Self::OrthogonalCosine,
        Self::WeightDecay,
    ];

    /// As on the command line, e.g. `hsic-normalised`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::HsicReleased => "hsic-released",
            Self::HsicRows => "hsic-rows",
            Self::HsicNormalised => "hsic-normalised",
            Self::OrthogonalOlora => "orthogonal-olora",
            Self::OrthogonalCosine => "orthogonal-cosine",
            Self::WeightDecay => "weight-decay",
        }
    }

    /// [`Penalty::usual_alpha`].
    pub const fn usual_alpha(self) -> f64 {
        let penalty = match self {
            Self::None => Penalty::None,
            Self::HsicReleased => Penalty::HsicReleased,
            Self::HsicRows => Penalty::HsicRows,
            Self::HsicNormalised => Penalty::HsicNormalised,
            Self::OrthogonalOlora => Penalty::OrthogonalOlora,
            Self::OrthogonalCosine => Penalty::OrthogonalCosine,
            Self::WeightDecay => Penalty::WeightDecay,
        };
        penalty.usual_alpha()
    }

    /// Whether it compares with earlier vectors.
    pub const fn compares(self) -> bool {
        !matches!(self, Self::None | Self::WeightDecay)
    }

    /// Whether a module's share is its part of a mean over modules, not of a sum.
    pub(super) const fn is_mean(self) -> bool {
        matches!(self, Self::HsicNormalised | Self::OrthogonalCosine)
    }
}

/// The penalty of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PenaltyConfig {
    /// Which.
    pub kind: PenaltyKind,
    /// Its weight beside the DPO loss; see [`PenaltyKind::usual_alpha`].
    pub alpha: f64,
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
            alpha: kind.usual_alpha(),
            rows: Some(512),
            rows_seed: 0,
        }
    }

    pub(super) fn sample(&self) -> Option<RowSample> {
        let seed = self.rows_seed;
        self.rows.map(|rows| RowSample { rows, seed })
    }
}
