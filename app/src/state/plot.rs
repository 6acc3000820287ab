//! How a person looks at the Pareto plot.

use serde::{Deserialize, Serialize};

/// Raw scores, or in deviations of the base model's own answers from their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Units {
    /// As the reward model gives them, sign applied.
    #[default]
    Raw,
    /// (score - mean of the base model) / deviation of the base model's scores.
    Base,
}

/// How a person looks at the plot. Remembered, and never changed by data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlotOptions {
    /// The table instead of the plot.
    pub table: bool,
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Whether ±1 SE is drawn.
    pub whiskers: bool,
    /// Two places of [`Front::axes`](super::Front::axes) for one large plot; `None` shows all pairs.
    pub pair: Option<(usize, usize)>,
    /// Raw or against the base model.
    pub units: Units,
    /// Counts "Fit" commands: the plot fits when this differs from what it saw last.
    #[serde(skip)]
    pub fits: u64,
}

impl Default for PlotOptions {
    fn default() -> Self {
        Self {
            table: false,
            dominated: true,
            whiskers: true,
            pair: None,
            units: Units::Raw,
            fits: 0,
        }
    }
}
