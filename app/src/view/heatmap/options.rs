//! How a person looks at the heatmap, and what they ask for.

use serde::{Deserialize, Serialize};

/// What the panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HeatmapMode {
    /// The text, coloured by expert.
    #[default]
    Strip,
    /// Layers × tokens for one expert.
    Layers,
    /// Experts × tokens for the chosen modules.
    Experts,
}

/// What colours the tokens of the strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StripColor {
    /// The loudest expert.
    #[default]
    Top,
    /// The share of one expert.
    Share,
    /// How evenly the experts speak: entropy over its largest value.
    Entropy,
}

/// Which layers are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LayerChoice {
    /// The mean over all layers.
    Mean,
    /// The last one.
    #[default]
    Last,
    /// One, from zero.
    One(usize),
}

/// Which modules of a layer are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ModuleChoice {
    /// The mean over all modules.
    Mean,
    /// `self_attn.q_proj` where it is adapted, else the first that is.
    #[default]
    Usual,
    /// One, by its path within a layer.
    One(String),
}

/// How a person looks at the heatmap.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HeatmapOptions {
    /// Strip or matrix.
    pub mode: HeatmapMode,
    /// What colours the strip.
    pub color: StripColor,
    /// Which layers.
    pub layer: LayerChoice,
    /// Which modules.
    pub module: ModuleChoice,
    /// Which adapter, by index, where one is shown.
    pub adapter: usize,
    /// The pinned run instead of the current one.
    pub pinned: bool,
    /// The token under the cursor.
    #[serde(skip)]
    pub token: Option<usize>,
}

/// What a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum HeatmapAction {
    /// Look at it differently.
    Options(HeatmapOptions),
    /// Generate the run again, with its routing recorded.
    Regenerate,
}
