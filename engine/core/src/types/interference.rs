//! How much the adapters of a bundle depend on each other, pair by pair.

use serde::{Deserialize, Serialize};

/// What is measured between two adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// HSIC of the rows of `A`, bandwidth 1, as MVA's code has it; nearly blind to dependence. Total: sum.
    HsicReleased,
    /// HSIC of the rows of `s B A`, bandwidth 1, as MVA's text has it. Total: sum.
    HsicRows,
    /// HSIC with the median distance as bandwidth, divided by `√(HSIC(K,K) HSIC(L,L))`: 0 to 1. Total:
    /// mean.
    HsicNormalised,
    /// HSIC without the bias of the diagonals (Song et al. 2012): 0 on average where adapters are independent,
    /// 1 for the same. Total: mean.
    HsicUnbiased,
    /// Of the differences as vectors: -1 to 1. Total: of all modules together.
    #[default]
    Cosine,
    /// The share of places, where both differences are not 0, at which their signs agree. Total: over all
    /// places.
    Signs,
    /// The mean squared cosine of the principal angles between their output spaces: 0 to 1. Total: mean.
    Angles,
}

/// Which of a bundle's adapters are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// LoRA experts.
    #[default]
    Experts,
    /// Value vectors; the one-hot experts where the bundle has none of its own.
    Values,
}

/// Two adapters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairInterference {
    /// Places of both in [`Interference::names`].
    pub pair: (usize, usize),
    /// Over all modules that both adapt.
    pub total: f64,
    /// Per decoder layer; `None` where they share no module.
    pub layers: Vec<Option<f64>>,
    /// What chance alone makes of the total, and of each layer; `None` for measures without a known one.
    #[serde(default)]
    pub chance: Option<Chance>,
}

/// Standard deviations of a measure over random orders of one adapter's rows, whose mean is 0: what
/// independent adapters show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Of the total.
    pub total: f64,
    /// Per decoder layer; `None` where there is no value.
    pub layers: Vec<Option<f64>>,
}

/// Every pair of some adapters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interference {
    /// Who was compared.
    pub compared: Compared,
    /// By what.
    pub measure: Measure,
    /// Names of the adapters.
    pub names: Vec<String>,
    /// Pairs in order: (0, 1), (0, 2), ..., (1, 2), ...
    pub pairs: Vec<PairInterference>,
}
