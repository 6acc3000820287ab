//! What keeps a value vector apart from earlier ones (MVA, Algorithm 1), and how strongly.

use serde::{Deserialize, Serialize};

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
    /// HSIC with median bandwidths, normalised: 0 to 1. Biased: independent vectors are above 0, the more the
    /// higher their rank, so it pushes past independence.
    HsicNormalised,
    /// HSIC without bias (Song et al. 2012): independent vectors are 0 on average. What chance explains costs
    /// nothing.
    HsicUnbiased,
    /// Sum of `|A Aⱼᵀ|`, as in O-LoRA.
    OrthogonalOlora,
    /// Mean squared cosine between the differences of each module: 0 to 1.
    OrthogonalCosine,
    /// The squared length of the value vector: what a penalty does by shrinking alone.
    WeightDecay,
}

impl PenaltyKind {
    /// All, in the order of the command line.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::HsicReleased,
        Self::HsicRows,
        Self::HsicNormalised,
        Self::HsicUnbiased,
        Self::OrthogonalOlora,
        Self::OrthogonalCosine,
        Self::WeightDecay,
    ];

    /// As on the command line, e.g. `hsic-unbiased`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::HsicReleased => "hsic-released",
            Self::HsicRows => "hsic-rows",
            Self::HsicNormalised => "hsic-normalised",
            Self::HsicUnbiased => "hsic-unbiased",
            Self::OrthogonalOlora => "orthogonal-olora",
            Self::OrthogonalCosine => "orthogonal-cosine",
            Self::WeightDecay => "weight-decay",
        }
    }

    /// What it does, in a line.
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "Plain DPO; the cosine to earlier vectors is still measured",
            Self::HsicReleased => "As MVA's code has it, on the first factors; equal ranks only",
            Self::HsicRows => "As MVA's text has it, bandwidth 1: numerically next to nothing",
            Self::HsicNormalised => {
                "Median bandwidths, 1 is the same. A biased measure: independent vectors are above 0, the more the higher their rank"
            }
            Self::HsicUnbiased => {
                "Median bandwidths; independent vectors are 0 on average, as rows in a random order are, and what chance explains (twice its standard deviation, about 1.4 divided by the rows) costs nothing"
            }
            Self::OrthogonalOlora => "Sum of the products of the first factors, as in O-LoRA",
            Self::OrthogonalCosine => "Mean squared cosine between the differences of each module",
            Self::WeightDecay => {
                "Shrinks the vector, compares with none: what a penalty does by shrinking alone"
            }
        }
    }

    /// Whether a module's share is its part of a mean over modules, not of a sum.
    pub const fn is_mean(self) -> bool {
        matches!(
            self,
            Self::HsicNormalised | Self::HsicUnbiased | Self::OrthogonalCosine
        )
    }

    /// Whether it compares the rows of the differences.
    pub const fn is_of_rows(self) -> bool {
        matches!(
            self,
            Self::HsicRows | Self::HsicNormalised | Self::HsicUnbiased
        )
    }

    /// A strength to begin with. Released forms and O-LoRA as published (10 and 0.5); those between 0 and 1 as strong
    /// as the DPO loss itself, with which the cosine to a first vector of the demonstration falls to a sixth while
    /// two thirds of the margin stay; the control so that it shortens a vector about as much. The unbiased form by
    /// gradients: it knows nothing of a vector's length, so that one number would be all in the first steps and
    /// little in the last.
    pub const fn usual_strength(self) -> Strength {
        match self {
            Self::None => Strength::Alpha(0.0),
            Self::HsicReleased | Self::HsicRows => Strength::Alpha(10.0),
            Self::HsicNormalised | Self::OrthogonalCosine => Strength::Alpha(1.0),
            Self::HsicUnbiased => Strength::Ratio { ratio: 0.3 },
            Self::OrthogonalOlora => Strength::Alpha(0.5),
            Self::WeightDecay => Strength::Alpha(0.1),
        }
    }

    /// Whether it compares with earlier adapters.
    pub const fn compares(self) -> bool {
        !matches!(self, Self::None | Self::WeightDecay)
    }
}

/// A penalty's weight beside the loss. In JSON a number, or `{"ratio": 0.3}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a number of at least 0, or a ratio, `{ ratio = 0.3 }`"
)]
pub enum Strength {
    /// What the penalty is multiplied by.
    Alpha(f64),
    /// What is chosen anew in every step so that the penalty's gradient is this much of the loss's, by running
    /// means; comparable across penalties.
    Ratio {
        /// 0.3: three parts of the penalty's gradient to ten of the loss's.
        ratio: f64,
    },
}

impl Default for Strength {
    fn default() -> Self {
        Self::Alpha(0.0)
    }
}

impl Strength {
    /// What the penalty and its gradient are computed at: of a ratio, what it is to be multiplied by comes after.
    pub const fn factor(self) -> f64 {
        match self {
            Self::Alpha(alpha) => alpha,
            Self::Ratio { .. } => 1.0,
        }
    }

    /// The number, of either kind.
    pub const fn number(self) -> f64 {
        match self {
            Self::Alpha(number) | Self::Ratio { ratio: number } => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_numbers_or_ratios_in_json() {
        for (strength, text) in [
            (Strength::Alpha(10.0), "10.0"),
            (Strength::Ratio { ratio: 0.3 }, "{\"ratio\":0.3}"),
        ] {
            assert_eq!(serde_json::to_string(&strength).unwrap(), text);
            assert_eq!(serde_json::from_str::<Strength>(text).unwrap(), strength);
        }
        assert_eq!(
            serde_json::from_str::<Strength>("3").unwrap(),
            Strength::Alpha(3.0)
        );
    }

    #[test]
    fn names_are_those_of_files() {
        for penalty in PenaltyKind::ALL {
            let text = serde_json::to_value(penalty).unwrap();
            assert_eq!(text, penalty.name());
        }
    }
}
