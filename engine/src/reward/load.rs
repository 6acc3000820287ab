//! Which architecture a folder holds.

use std::path::Path;

use candle_core::Device;
use serde::Deserialize;

use super::deberta::CandleDeberta;
use super::source::Source;
use super::{Bart, Causal, Deberta, DistilBert, Gpt2, RewardModel};
use crate::weights::read_json;
use crate::{Error, Result};

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
    load_from(&Source::of(folder, None)?, device)
}

/// [`load_model`] of a folder, or of an adapter with its base.
pub(super) fn load_from(source: &Source, device: &Device) -> Result<Box<dyn RewardModel>> {
    let path = source.config().join("config.json");
    let kind: Kind = read_json(&path)?;
    let architecture = kind
        .architectures
        .iter()
        .flatten()
        .next()
        .map_or("", String::as_str);
    let model_type = kind.model_type.as_deref().unwrap_or_default();
    let is = |name: &str| model_type == name || architecture.to_lowercase().starts_with(name);
    if is("llama") || is("mistral") || crate::model::reads(model_type) {
        return Ok(Box::new(Causal::load_from(source, device)?));
    }
    if source.adapter {
        return Err(Error::file(
            &source.folder,
            "is a PEFT adapter; only those of bodies that answer too (Llama, Mistral, Qwen and others) are merged here, so merge it with its base first (PEFT's `merge_and_unload()`) and give that folder",
        ));
    }
    let folder = source.folder.as_path();
    if is("gpt2") {
        return Ok(Box::new(Gpt2::load(folder, device)?));
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
            "`{value}` is not a reward model that can be read (GPT-2, DistilBERT, DeBERTa-v2, BART and all bodies that a base model may have can)"
        ),
    ))
}
