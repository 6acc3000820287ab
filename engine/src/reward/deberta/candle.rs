//! candle-transformers' DeBERTa: what runs on devices other than the CPU.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::debertav2 as peer;
use serde_json::{Map, Value, json};

use super::config::Config;
use crate::reward::cost;
use crate::reward::head::Head;
use crate::reward::ops::Compute;
use crate::reward::{Patience, RewardModel, RewardText};
use crate::weights::{Checkpoint, read_json};
use crate::{Error, Result};

/// DeBERTa-v2 or v3 by candle-transformers, on any device, padded and masked.
pub(in crate::reward) struct CandleDeberta {
    model: peer::DebertaV2SeqClassificationModel,
    outputs: usize,
    vocabulary: usize,
    context: usize,
    layers: u64,
    width: usize,
    inner: usize,
    device: Device,
}

impl fmt::Debug for CandleDeberta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleDeberta")
            .field("outputs", &self.outputs)
            .field("vocabulary", &self.vocabulary)
            .finish_non_exhaustive()
    }
}

impl CandleDeberta {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder.
    pub(in crate::reward) fn load(folder: &Path, device: &Device) -> Result<Self> {
        let path = folder.join("config.json");
        let config = Config::load(folder)?;
        if config.convolution.is_some() {
            return Err(Error::field(
                &path,
                "conv_kernel_size",
                "this body is computed on the CPU alone; use --device cpu",
            ));
        }
        let checkpoint = Checkpoint::open_folder(folder)?;
        let outputs = Head::load(
            &checkpoint,
            "classifier",
            config.pooled,
            &config.labels,
            &Compute::on(&Device::Cpu),
        )?
        .outputs();
        let mut tensors = HashMap::new();
        for name in checkpoint.names() {
            let known = ["deberta.", "pooler.", "classifier."]
                .iter()
                .any(|start| name.starts_with(start));
            // A buffer of positions is the one tensor that is no weight.
            if let Some(shape) = checkpoint.shape(name)
                && known
                && !name.ends_with("position_ids")
            {
                let values = checkpoint.values(name)?;
                tensors.insert(name.to_owned(), Tensor::from_vec(values, shape, device)?);
            }
        }
        let weights = VarBuilder::from_tensors(tensors, DType::F32, device);
        let settings = settings(&path, outputs)?;
        let model = peer::DebertaV2SeqClassificationModel::load(
            weights.set_prefix("deberta"),
            &settings,
            None,
        )
        .map_err(|e| Error::file(checkpoint.path(), e.to_string()))?;
        Ok(Self {
            model,
            outputs,
            vocabulary: config.vocabulary,
            // Its table of positions ends there, though relative attention would not.
            context: config.max_positions,
            layers: config.layers as u64,
            width: config.width,
            inner: config.inner,
            device: device.clone(),
        })
    }
}

/// The config with the fields that transformers leaves out where they are as usual.
fn settings(path: &Path, outputs: usize) -> Result<peer::Config> {
    let mut given: Map<String, Value> = read_json(path)?;
    let width = given.get("hidden_size").cloned().unwrap_or_default();
    let usual = json!({
        "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
        "max_position_embeddings": 512, "type_vocab_size": 0, "initializer_range": 0.02,
        "layer_norm_eps": 1e-7, "relative_attention": false, "max_relative_positions": -1,
        "position_biased_input": true, "pos_att_type": [], "pooler_dropout": 0.0,
        "pooler_hidden_act": "gelu", "pooler_hidden_size": width,
    });
    if let Value::Object(usual) = usual {
        for (name, value) in usual {
            let slot = given.entry(name).or_insert(Value::Null);
            if slot.is_null() {
                *slot = value;
            }
        }
    }
    let names: Map<String, Value> = (0..outputs)
        .map(|i| (i.to_string(), json!(i.to_string())))
        .collect();
    given.insert("id2label".to_owned(), Value::Object(names));
    given.remove("label2id");
    serde_json::from_value(Value::Object(given))
        .map_err(|e| Error::file(path, format!("not the JSON expected here: {e}")))
}

impl RewardModel for CandleDeberta {
    fn kind(&self) -> &'static str {
        "deberta-v2"
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    fn context(&self) -> usize {
        self.context
    }

    fn multiply_adds(&self, tokens: usize) -> u64 {
        self.layers * cost::block([self.width, self.inner], tokens, tokens, false)
    }

    fn score_while(&self, texts: &[RewardText], patience: &Patience<'_>) -> Result<Vec<Vec<f32>>> {
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for text in texts {
            let padding = longest - text.ids.len();
            ids.extend_from_slice(&text.ids);
            ids.resize(ids.len() + padding, 0);
            mask.resize(mask.len() + text.ids.len(), 1_u8);
            mask.resize(mask.len() + padding, 0);
        }
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let shape = (texts.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &self.device)?;
        let mask = Tensor::from_vec(mask, shape, &self.device)?;
        // One call into the library: only before it can somebody be heard.
        patience.check()?;
        let scores = self.model.forward(&ids, None, Some(mask))?;
        Ok(scores.to_vec2()?)
    }
}
