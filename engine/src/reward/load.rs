//! Which architecture a folder holds.

use std::path::Path;

use candle_core::Device;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Causal, Gpt2, RewardModel, RewardText};
use crate::weights::read_json;
use crate::{Error, Result};

/// How many outputs a config promises, in the ways that configs say it.
#[derive(Deserialize, Default)]
pub(super) struct Labels {
    #[serde(rename = "num_labels")]
    number: Option<usize>,
    id2label: Option<Map<String, Value>>,
    score_dim: Option<usize>,
}

impl Labels {
    /// The number of outputs, where the config says it.
    pub(super) fn count(&self) -> Option<usize> {
        self.score_dim
            .or(self.number)
            .or(self.id2label.as_ref().map(Map::len))
    }
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(default)]
    model_type: Option<String>,
}

/// Loads the reward model of a Hugging Face folder, by `architectures` and `model_type` of its
/// `config.json`. A file without the score head is refused: other programs would make one up.
pub fn load_model(folder: &Path, device: &Device) -> Result<Box<dyn RewardModel>> {
    let path = folder.join("config.json");
    let kind: Kind = read_json(&path)?;
    let architecture = kind
        .architectures
        .iter()
        .flatten()
        .next()
        .map_or("", String::as_str);
    let model_type = kind.model_type.as_deref().unwrap_or_default();
    let is = |name: &str| model_type == name || architecture.to_lowercase().starts_with(name);
    if is("gpt2") {
        return Ok(Box::new(Gpt2::load(folder, device)?));
    }
    if is("llama") || is("mistral") {
        return Ok(Box::new(Causal::load(folder, device)?));
    }
    let (field, value) = if architecture.is_empty() {
        ("model_type", model_type)
    } else {
        ("architectures", architecture)
    };
    Err(Error::field(
        &path,
        field,
        format!("`{value}` is not a reward model that can be read (GPT-2 and Llama bodies can)"),
    ))
}

/// Ids of all texts, each padded on the right to the longest; and that length.
pub(super) fn pad_right(texts: &[RewardText]) -> (Vec<u32>, usize) {
    let length = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
    let mut ids = Vec::with_capacity(length * texts.len());
    for text in texts {
        ids.extend_from_slice(&text.ids);
        ids.resize(ids.len() + length - text.ids.len(), 0);
    }
    (ids, length)
}
