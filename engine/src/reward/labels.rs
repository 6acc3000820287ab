//! Which outputs a reward model has, by its config.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Result;
use crate::weights::read_json;

/// How many outputs a config promises, in the ways that configs say it.
#[derive(Debug, Deserialize)]
pub(super) struct Labels {
    #[serde(rename = "num_labels")]
    number: Option<usize>,
    id2label: Option<Map<String, Value>>,
    score_dim: Option<usize>,
    /// Outputs that transformers leaves unnamed in this architecture's configs, at most.
    #[serde(skip, default = "two")]
    pub(super) unnamed: usize,
}

const fn two() -> usize {
    2
}

impl Labels {
    /// The number of outputs, where the config says it.
    pub(super) fn count(&self) -> Option<usize> {
        self.score_dim
            .or(self.number)
            .or(self.id2label.as_ref().map(Map::len))
    }

    /// What the config calls each output; empty where it has no names.
    pub(super) fn names(folder: &Path) -> Result<Vec<String>> {
        let labels: Self = read_json(&folder.join("config.json"))?;
        let named = labels.id2label.unwrap_or_default();
        Ok((0..named.len())
            .map_while(|i| Some(named.get(&i.to_string())?.as_str()?.to_owned()))
            .collect())
    }
}
