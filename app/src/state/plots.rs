//! How a person looks at the plots: remembered, and never changed by data.

use serde::{Deserialize, Serialize};

/// How the Pareto panel is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParetoView {
    /// The table instead of the plot.
    pub table: bool,
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Whether ±1 SE is drawn.
    pub whiskers: bool,
    /// Two objectives by index for one large plot; `None` = all pairs.
    pub pair: Option<(usize, usize)>,
    /// Counts "Fit" commands: a plot fits when this differs from what it saw last.
    #[serde(skip)]
    pub fits: u64,
}

impl Default for ParetoView {
    fn default() -> Self {
        Self {
            table: false,
            dominated: true,
            whiskers: true,
            pair: None,
            fits: 0,
        }
    }
}

/// What the heatmap panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HeatmapMode {
    /// Text coloured by the loudest expert.
    #[default]
    Strip,
    /// Layers × tokens for one expert.
    Layers,
    /// Experts × tokens for one module.
    Experts,
}

/// Which adapted module is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SiteChoice {
    /// The mean over all of them.
    #[default]
    Mean,
    /// One, by index into the bundle's sites.
    One(usize),
}

/// How the heatmap panel is looked at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HeatmapView {
    /// Strip or matrix.
    pub mode: HeatmapMode,
    /// Which module.
    pub site: SiteChoice,
    /// Which adapter, by index into the bundle's adapters.
    pub adapter: usize,
    /// The pinned run instead of the current one.
    pub pinned: bool,
    /// The token under the cursor.
    #[serde(skip)]
    pub token: Option<usize>,
}
