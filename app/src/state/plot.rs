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

/// What is large in the panel; all else is small beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Large {
    /// Two objectives, by their places in [`Front::axes`](super::Front::axes): to the right, and up.
    Pair(usize, usize),
    /// Three objectives, as a cube that can be turned.
    Space,
}

impl Large {
    /// All that can be shown of so many axes.
    pub fn all(axes: usize) -> &'static [Self] {
        const ALL: [Large; 4] = [
            Large::Pair(0, 1),
            Large::Pair(1, 2),
            Large::Pair(0, 2),
            Large::Space,
        ];
        if axes == 3 { &ALL } else { &ALL[..1] }
    }
}

/// How a person looks at the plot. Remembered, and never changed by data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlotOptions {
    /// The table instead of the plot.
    pub table: bool,
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Whether ±1 SE is drawn for all points, rather than for the one that is looked at.
    pub all_whiskers: bool,
    /// What is large.
    pub large: Large,
    /// Raw or against the base model.
    pub units: Units,
    /// The part of each plotted objective that a person chose to see, in raw scores; the plot fits its points where `None`.
    pub zoom: Option<Vec<[f64; 2]>>,
    /// Counts "Fit" commands: the plot fits when this differs from what it saw last.
    #[serde(skip)]
    pub fits: u64,
}

impl Default for PlotOptions {
    fn default() -> Self {
        Self {
            table: false,
            dominated: true,
            all_whiskers: false,
            large: Large::Pair(0, 1),
            units: Units::Raw,
            zoom: None,
            fits: 0,
        }
    }
}
