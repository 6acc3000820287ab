//! Which architecture a folder holds.

use std::path::Path;

use candle_core::Device;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::deberta::CandleDeberta;
use super::{Bart, Causal, Deberta, DistilBert, Gpt2, RewardModel};
use crate::weights::{Checkpoint, read_json};
use crate::{Error, Result};

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

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(default)]
    model_type: Option<String>,
}

/// Refuses an adapter in place of a model: its body lies elsewhere.
fn refuse_adapter(folder: &Path) -> Result<()> {
    #[derive(Deserialize)]
    struct Peft {
        base_model_name_or_path: Option<String>,
    }
    let path = folder.join("adapter_config.json");
    // A merged model may keep the adapter's settings beside it.
    if !path.exists() || Checkpoint::open_folder(folder).is_ok() {
        return Ok(());
    }
    let peft: Peft = read_json(&path)?;
    let base = peft.base_model_name_or_path.map_or_else(
        || "its base".to_owned(),
        |name| format!("its base `{name}`"),
    );
    Err(Error::file(
        folder,
        format!(
            "is a PEFT adapter of a reward model, not a whole one; merge it with {base} first and give that folder: in Python, peft's AutoPeftModelForSequenceClassification.from_pretrained(ADAPTER, num_labels=N).merge_and_unload().save_pretrained(DIR), with the tokenizer beside it"
        ),
    ))
}

/// Loads the reward model of a Hugging Face folder, by `architectures` and `model_type` of its
/// `config.json`. A file without the score head is refused: other programs would make one up.
pub fn load_model(folder: &Path, device: &Device) -> Result<Box<dyn RewardModel>> {
    refuse_adapter(folder)?;
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
    if is("distilbert") {
        return Ok(Box::new(DistilBert::load(folder, device)?));
    }
    if is("deberta-v2") || is("debertav2") {
        return Ok(if device.is_cpu() {
            Box::new(Deberta::load(folder)?)
        } else {
            Box::new(CandleDeberta::load(folder, device)?)
        });
    }
    if is("bart") {
        return Ok(Box::new(Bart::load(folder, device)?));
    }
    let (field, value) = if architecture.is_empty() {
        ("model_type", model_type)
    } else {
        ("architectures", architecture)
    };
    Err(Error::field(
        &path,
        field,
        format!(
            "`{value}` is not a reward model that can be read (GPT-2, DistilBERT, DeBERTa-v2, BART, Llama and Mistral bodies can)"
        ),
    ))
}
