//! What the trainers start from and what they leave behind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::batch::Example;
use super::config::Start;
use super::files;
use super::forward::TrainModel;
use super::ops::product;
use super::params::{self, NamedTensors};
use crate::digest::hexadecimal;
use crate::model::{LlamaConfig, Variant, causal_part};
use crate::reward::TrainedReading;
use crate::types::{Method, TrainConfig};
use crate::weights::{Adapter, read_json};
use crate::{Error, Result};

/// A causal model before training.
pub(super) struct Base {
    pub(super) shape: LlamaConfig,
    pub(super) config: Value,
    pub(super) weights: NamedTensors,
    folder: Option<PathBuf>,
    /// Types in which the folder stores them; none where they were drawn.
    types: BTreeSet<String>,
    /// Of all the bytes that were read.
    digest: Option<String>,
}

impl Base {
    /// Reads or draws the weights, onto `device`.
    pub(super) fn open(start: &Start, seed: u64, device: &Device) -> Result<Self> {
        let mut base = Self::on_cpu(start, seed)?;
        base.weights = params::to_device(&base.weights, device)?;
        Ok(base)
    }

    fn on_cpu(start: &Start, seed: u64) -> Result<Self> {
        match start {
            Start::Random(shape) => {
                if shape.variant != Variant::default() {
                    let problem =
                        "draws models of Llama's own kind; train another family from its weights";
                    return Err(Error::option("config", problem));
                }
                params::check_drawn(shape)?;
                let weights = params::random(shape, seed)?;
                Ok(Self {
                    shape: shape.clone(),
                    config: shape.to_json(),
                    weights,
                    folder: None,
                    types: BTreeSet::new(),
                    digest: None,
                })
            }
            Start::Folder(folder) => {
                let shape = LlamaConfig::load(folder)?;
                let config = causal_part(&read_json(&folder.join("config.json"))?);
                let stored = params::read(folder, &shape)?;
                Ok(Self {
                    shape,
                    config,
                    weights: stored.weights,
                    folder: Some(folder.clone()),
                    types: stored.types,
                    digest: Some(stored.digest),
                })
            }
        }
    }

    /// [`settings`] with digests of what the run starts from; random weights follow from shape and seed.
    pub(super) fn settings(
        &self,
        kind: &str,
        config: &impl serde::Serialize,
        data: String,
    ) -> Value {
        let mut settings = settings(kind, config, data);
        let text = self.config.to_string();
        settings["base"] = json!({
            "weights": self.digest,
            "config": crate::stage::digest([text.as_str()].into_iter()),
        });
        settings
    }

    /// Adds `s B A` of an adapter to the weights: the previous model is the new base.
    pub(super) fn merge(&mut self, adapter: &Adapter) -> Result<()> {
        self.weights = self.with(adapter)?;
        Ok(())
    }

    /// The weights with `s B A` of an adapter added.
    pub(super) fn with(&self, adapter: &Adapter) -> Result<NamedTensors> {
        let mut weights = self.weights.clone();
        for (module, factor) in &adapter.factors {
            let name = format!("{module}.weight");
            let Some(weight) = weights.get_mut(&name) else {
                return Err(Error::MissingTensor {
                    path: adapter.path.clone(),
                    tensor: name,
                });
            };
            let (out, inner) = weight.dims2()?;
            let device = weight.device();
            let a = Tensor::from_slice(&factor.a, (factor.rank, inner), device)?;
            let b = Tensor::from_slice(&factor.b, (out, factor.rank), device)?;
            *weight = (&*weight + (product(&b, &a)? * f64::from(factor.scale))?)?;
        }
        Ok(weights)
    }

    /// What adapters name as their base.
    pub(super) fn place(&self) -> String {
        let folder = self.folder.as_deref();
        folder.map_or_else(String::new, |folder| folder.display().to_string())
    }

    /// The longest sequence that the model and the settings allow.
    pub(super) fn longest(&self, config: &TrainConfig) -> usize {
        config.max_length.min(self.shape.context)
    }

    /// Refuses tokens that the model has not.
    pub(super) fn check_tokens<'a>(
        &self,
        examples: impl IntoIterator<Item = &'a Example>,
    ) -> Result<()> {
        let vocabulary = self.shape.vocabulary;
        for example in examples {
            let mut tokens = example.prompt.iter().chain(&example.response).enumerate();
            if let Some((position, &id)) = tokens.find(|&(_, &id)| id as usize >= vocabulary) {
                return Err(Error::TokenOutOfRange {
                    position,
                    id,
                    vocabulary,
                });
            }
        }
        Ok(())
    }

    /// Writes the trained model (full) or the adapter (LoRA) into `folder`.
    pub(super) fn write(&self, folder: &Path, model: &TrainModel, method: &Method) -> Result<()> {
        let trained: NamedTensors = model
            .vars()
            .iter()
            .map(|(name, v)| (name.clone(), v.as_detached_tensor()))
            .collect();
        match method {
            Method::Full => self.write_model(folder, in_f32(&self.config), &trained),
            Method::Lora(lora) => files::write_adapter(folder, &self.place(), lora, &trained),
        }
    }

    fn write_model(&self, folder: &Path, config: Value, weights: &NamedTensors) -> Result<()> {
        let types: Vec<&str> = self.types.iter().map(String::as_str).collect();
        let fused = self.shape.variant.fused.then(|| self.fused(weights));
        let fused = fused.transpose()?;
        let weights = fused.as_ref().unwrap_or(weights);
        files::write_model(folder, &config, (weights, &types), self.folder.as_deref())
    }

    /// Weights with those modules put together that the family keeps in one tensor.
    fn fused(&self, weights: &NamedTensors) -> Result<NamedTensors> {
        let mut weights = weights.clone();
        for layer in 0..self.shape.layers {
            for (whole, parts) in [
                (
                    "self_attn.qkv_proj",
                    ["q_proj", "k_proj", "v_proj"].as_slice(),
                ),
                ("mlp.gate_up_proj", ["gate_proj", "up_proj"].as_slice()),
            ] {
                let name = format!("model.layers.{layer}.{whole}.weight");
                let place = |part: &&str| {
                    let module = whole.split('.').next().unwrap_or_default();
                    format!("model.layers.{layer}.{module}.{part}.weight")
                };
                let found: Vec<Tensor> = parts
                    .iter()
                    .filter_map(|part| weights.remove(&place(part)))
                    .collect();
                if found.len() == parts.len() {
                    weights.insert(name, Tensor::cat(&found, 0)?);
                }
            }
        }
        Ok(weights)
    }

    /// Writes a reward model: the body's weights and `score.weight`.
    pub(super) fn write_reward(
        &self,
        folder: &Path,
        model: &TrainModel,
        reading: Option<TrainedReading>,
    ) -> Result<()> {
        let mut config = in_f32(&self.config);
        if let Some(fields) = config.as_object_mut() {
            let causal = fields.get("architectures").and_then(|names| names.get(0));
            let causal = causal.and_then(Value::as_str).unwrap_or("LlamaForCausalLM");
            let scoring = causal.replace("ForCausalLM", "ForSequenceClassification");
            fields.insert("architectures".to_owned(), json!([scoring]));
            fields.insert("num_labels".to_owned(), json!(1));
            fields.insert("id2label".to_owned(), json!({"0": "LABEL_0"}));
            fields.insert("label2id".to_owned(), json!({"LABEL_0": 0}));
            // Hugging Face scores a row at its last token that is not the padding token: where that ends
            // answers, the score would be read before it. Without one it scores rows alone, and rightly.
            let closing = reading.map(|reading| reading.closing_token);
            let end = closing.or(self.shape.eos_token_id).map(u64::from);
            let pad = fields.get("pad_token_id").and_then(Value::as_u64);
            if pad.is_some() && pad == end {
                fields.insert("pad_token_id".to_owned(), Value::Null);
            }
        }
        let trained = model
            .vars()
            .iter()
            .map(|(name, v)| (name.clone(), v.as_detached_tensor()))
            .collect();
        self.write_model(folder, config, &trained)?;
        match reading {
            Some(reading) => reading.save(folder),
            None => Ok(()),
        }
    }
}

/// The configuration of weights that are written in f32: a loader that follows the type of the base would round
/// what was learnt away.
fn in_f32(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(fields) = config.as_object_mut() {
        for name in ["torch_dtype", "dtype"] {
            if let Some(field) = fields.get_mut(name) {
                *field = json!("float32");
            }
        }
    }
    config
}

/// A digest of examples, so that a checkpoint is not continued on other data.
pub(super) fn digest<'a>(examples: impl IntoIterator<Item = &'a Example>) -> String {
    let mut hash = Sha256::new();
    for example in examples {
        for part in [&example.prompt, &example.response] {
            hash.update((part.len() as u64).to_le_bytes());
            for token in part {
                hash.update(token.to_le_bytes());
            }
        }
    }
    hexadecimal(&hash.finalize()[..16])
}

/// Settings as they stand in a checkpoint: all but those that may change on the way.
pub(super) fn settings(kind: &str, config: &impl serde::Serialize, data: String) -> Value {
    let mut config = json!(config);
    if let Some(train) = config.get_mut("train").and_then(Value::as_object_mut) {
        for free in ["resume", "overwrite", "checkpoint_every", "device"] {
            train.remove(free);
        }
    }
    json!({"kind": kind, "config": config, "data": data})
}
