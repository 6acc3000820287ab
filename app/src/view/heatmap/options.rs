//! How a person looks at the heatmap, and what they ask for.

use serde::{Deserialize, Serialize};

use super::shares::SiteMap;

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

/// Which modules the three tiers of routing are shown of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TierOptions {
    /// Which layers.
    pub layer: LayerChoice,
    /// Which of their modules.
    pub module: ModuleChoice,
}

impl Default for TierOptions {
    fn default() -> Self {
        Self {
            layer: LayerChoice::Mean,
            module: ModuleChoice::Mean,
        }
    }
}

impl TierOptions {
    /// The next layer or the one before, the mean over all among them.
    pub fn step_layer(&mut self, map: &SiteMap, by: isize) {
        let places = map.layers.len();
        let now = map.layer(self.layer);
        let at = now.and_then(|layer| map.layers.iter().position(|l| *l == layer));
        let next = stepped(at, places, by).and_then(|at| map.layers.get(at));
        self.layer = next.map_or(LayerChoice::Mean, |&layer| LayerChoice::One(layer));
    }

    /// The next module of a layer or the one before, the mean over all among them.
    pub fn step_module(&mut self, map: &SiteMap, by: isize) {
        let at = map.module(&self.module);
        let next = stepped(at, map.modules.len(), by).and_then(|at| map.modules.get(at));
        self.module = next.map_or(ModuleChoice::Mean, |m| ModuleChoice::One(m.clone()));
    }
}

/// Round through `None` and all of `0..places`.
fn stepped(at: Option<usize>, places: usize, by: isize) -> Option<usize> {
    let round = places as isize + 1;
    let now = at.map_or(0, |at| at as isize + 1);
    usize::try_from((now + by).rem_euclid(round) - 1).ok()
}

/// What a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum HeatmapAction {
    /// Look at it differently.
    Options(HeatmapOptions),
    /// Generate the run again, with its routing recorded.
    Regenerate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stepping_goes_round_through_the_mean() {
        let sites = ["model.layers.1.a", "model.layers.1.b", "model.layers.4.a"];
        let map = SiteMap::new(&sites.map(str::to_owned));
        let mut tiers = TierOptions::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            tiers.step_layer(&map, 1);
            seen.push(map.layer(tiers.layer));
        }
        assert_eq!(seen, [Some(1), Some(4), None]);
        tiers.step_module(&map, -1);
        assert_eq!(tiers.module, ModuleChoice::One("b".to_owned()));
        assert_eq!(map.sites(None, map.module(&tiers.module)), [1]);
    }
}
