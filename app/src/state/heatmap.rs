//! How a person looks at the heatmap and the tiers of routing: which modules, which way.

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

/// The adapted modules by layer and by their path within it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteMap {
    sites: Vec<String>,
    /// Layer and module of each site.
    places: Vec<(usize, usize)>,
    /// Layers that are adapted, ascending.
    pub layers: Vec<usize>,
    /// Paths within a layer, in order of execution.
    pub modules: Vec<String>,
}

/// Splits `model.layers.3.self_attn.q_proj` into 3 and `self_attn.q_proj`; a path without a layer is layer 0.
fn split(site: &str) -> (usize, &str) {
    let mut rest = site;
    while let Some((_, tail)) = rest.split_once("layers.") {
        if let Some((number, module)) = tail.split_once('.')
            && let Ok(layer) = number.parse()
        {
            return (layer, module);
        }
        rest = tail;
    }
    (0, site)
}

impl SiteMap {
    /// Whether it was read from these paths.
    pub fn is_of(&self, sites: &[String]) -> bool {
        self.sites == sites
    }

    /// Reads the paths.
    pub fn new(sites: &[String]) -> Self {
        let mut map = Self {
            sites: sites.to_vec(),
            ..Self::default()
        };
        for site in sites {
            let (layer, module) = split(site);
            if !map.layers.contains(&layer) {
                map.layers.push(layer);
            }
            let place = map
                .modules
                .iter()
                .position(|m| m == module)
                .unwrap_or_else(|| {
                    map.modules.push(module.to_owned());
                    map.modules.len() - 1
                });
            map.places.push((layer, place));
        }
        map.layers.sort_unstable();
        map
    }

    /// The layer that a choice means here; `None` for the mean over all.
    pub fn layer(&self, choice: LayerChoice) -> Option<usize> {
        match choice {
            LayerChoice::Mean => None,
            LayerChoice::One(layer) if self.layers.contains(&layer) => Some(layer),
            LayerChoice::One(_) | LayerChoice::Last => self.layers.last().copied(),
        }
    }

    /// The module that a choice means here; `None` for the mean over all.
    pub fn module(&self, choice: &ModuleChoice) -> Option<usize> {
        let find = |path: &str| self.modules.iter().position(|m| m == path);
        match choice {
            ModuleChoice::Mean => None,
            ModuleChoice::One(path) if find(path).is_some() => find(path),
            ModuleChoice::One(_) | ModuleChoice::Usual => find("self_attn.q_proj").or(Some(0)),
        }
    }

    /// Sites of a layer and a module, each `None` for all.
    pub fn sites(&self, layer: Option<usize>, module: Option<usize>) -> Vec<usize> {
        let wanted = |place: &(usize, usize)| {
            layer.is_none_or(|layer| place.0 == layer)
                && module.is_none_or(|module| place.1 == module)
        };
        self.places
            .iter()
            .enumerate()
            .filter(|(_, place)| wanted(place))
            .map(|(site, _)| site)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        assert_eq!(
            split("model.layers.12.self_attn.q_proj"),
            (12, "self_attn.q_proj")
        );
        assert_eq!(split("lm_head"), (0, "lm_head"));
        assert_eq!(split("layers.x.layers.2.w"), (2, "w"));
    }

    #[test]
    fn default_is_the_last_layers_query() {
        let sites = [
            "model.layers.0.self_attn.q_proj",
            "model.layers.0.mlp.up_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.mlp.up_proj",
        ]
        .map(str::to_owned);
        let map = SiteMap::new(&sites);
        let options = HeatmapOptions::default();
        assert_eq!(
            map.sites(map.layer(options.layer), map.module(&options.module)),
            [2]
        );
        assert_eq!(map.layer(LayerChoice::One(9)), Some(1));
        assert_eq!(map.module(&ModuleChoice::One("none".to_owned())), Some(0));
    }

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
