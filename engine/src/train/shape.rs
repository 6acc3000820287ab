//! The shape of a Llama-family model, read from and written to Hugging Face's `config.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Error, Result, files};

/// What the forward pass must know of a Llama-family model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlamaShape {
    /// Tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub num_hidden_layers: usize,
    /// Heads of the queries.
    pub num_attention_heads: usize,
    /// Heads of keys and values.
    pub num_key_value_heads: usize,
    /// Numbers per head.
    pub head_dim: usize,
    /// Added to the mean square under the root.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Positions at most.
    pub max_position_embeddings: usize,
    /// Whether the output projection is the embedding.
    pub tie_word_embeddings: bool,
    /// The token that ends an answer.
    pub eos_token_id: Option<u32>,
    /// The token that a text begins with.
    pub bos_token_id: Option<u32>,
}

impl LlamaShape {
    /// Reads `config.json` of a model's folder and refuses what training cannot do, by name.
    pub fn read(folder: &Path) -> Result<(Self, Value)> {
        let path = folder.join("config.json");
        let text = files::read_text(&path, files::SETTINGS)?;
        let value: Value = serde_json::from_str(&text)
            .map_err(|e| Error::file(&path, format!("is not JSON: {e}")))?;
        let shape = Self::from_json(&path, &value)?;
        Ok((shape, value))
    }

    fn from_json(path: &Path, value: &Value) -> Result<Self> {
        let number = |field: &str| -> Result<usize> {
            let found = value.get(field).and_then(Value::as_u64).map(|v| v as usize);
            let size = found
                .filter(|&v| v > 0)
                .ok_or_else(|| Error::field(path, field, "must be a whole number above zero"))?;
            crate::model::check_size(path, field, size)?;
            Ok(size)
        };
        let or = |field: &str, default: usize| -> Result<usize> {
            if value.get(field).is_none_or(Value::is_null) {
                Ok(default)
            } else {
                number(field)
            }
        };
        refuse_what_training_lacks(path, value)?;
        let heads = number("num_attention_heads")?;
        let hidden = number("hidden_size")?;
        let rope = value.get("rope_parameters").unwrap_or(value);
        let shape = Self {
            vocab_size: number("vocab_size")?,
            hidden_size: hidden,
            intermediate_size: number("intermediate_size")?,
            num_hidden_layers: number("num_hidden_layers")?,
            num_attention_heads: heads,
            num_key_value_heads: or("num_key_value_heads", heads)?,
            head_dim: or("head_dim", hidden / heads)?,
            rms_norm_eps: value
                .get("rms_norm_eps")
                .and_then(Value::as_f64)
                .unwrap_or(1e-6),
            rope_theta: rope
                .get("rope_theta")
                .and_then(Value::as_f64)
                .unwrap_or(10_000.0),
            max_position_embeddings: or("max_position_embeddings", 2048)?,
            tie_word_embeddings: value
                .get("tie_word_embeddings")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            eos_token_id: first_token(value.get("eos_token_id")),
            bos_token_id: first_token(value.get("bos_token_id")),
        };
        shape
            .check()
            .map_err(|(field, problem)| Error::field(path, field, problem))?;
        Ok(shape)
    }

    /// Whether the numbers fit each other; the field and the problem where they do not.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let heads = (self.num_attention_heads, self.num_key_value_heads);
        if heads.0 == 0 || heads.1 == 0 || !heads.0.is_multiple_of(heads.1) {
            return Err((
                "num_key_value_heads",
                format!("{} must divide the {} heads", heads.1, heads.0),
            ));
        }
        if self.head_dim == 0 || !self.head_dim.is_multiple_of(2) {
            return Err((
                "head_dim",
                format!(
                    "is {}; rotary embedding needs an even number",
                    self.head_dim
                ),
            ));
        }
        for (field, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
        ] {
            if value == 0 {
                return Err((field, "must be above zero".to_owned()));
            }
        }
        Ok(())
    }

    /// `config.json` as Hugging Face writes it for a causal model in f32.
    pub fn to_json(&self) -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_id,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "initializer_range": 0.02,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "mlp_bias": false,
            "model_type": "llama",
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "pretraining_tp": 1,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": null,
            "rope_theta": self.rope_theta,
            "tie_word_embeddings": self.tie_word_embeddings,
            "torch_dtype": "float32",
            "use_cache": true,
            "vocab_size": self.vocab_size,
        })
    }

    /// `theta^(-2i / head_dim)` for every pair of a head.
    pub fn frequencies(&self) -> Vec<f32> {
        let dim = self.head_dim as f64;
        (0..self.head_dim / 2)
            .map(|i| self.rope_theta.powf(-2.0 * i as f64 / dim) as f32)
            .collect()
    }

    /// Names and shapes of all linear projections of the decoder, `[d_out, d_in]`, in order of execution.
    pub fn linears(&self) -> Vec<(String, [usize; 2])> {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let wide = self.num_attention_heads * self.head_dim;
        let narrow = self.num_key_value_heads * self.head_dim;
        let of_layer = [
            ("self_attn.q_proj", [wide, hidden]),
            ("self_attn.k_proj", [narrow, hidden]),
            ("self_attn.v_proj", [narrow, hidden]),
            ("self_attn.o_proj", [hidden, wide]),
            ("mlp.gate_proj", [inner, hidden]),
            ("mlp.up_proj", [inner, hidden]),
            ("mlp.down_proj", [hidden, inner]),
        ];
        (0..self.num_hidden_layers)
            .flat_map(|layer| {
                of_layer.map(|(name, shape)| (format!("model.layers.{layer}.{name}"), shape))
            })
            .collect()
    }

    /// Names and shapes of all weights of the causal model.
    pub fn weights(&self) -> Vec<(String, Vec<usize>)> {
        let mut all = vec![(
            "model.embed_tokens.weight".to_owned(),
            vec![self.vocab_size, self.hidden_size],
        )];
        all.extend(
            self.linears()
                .into_iter()
                .map(|(name, shape)| (format!("{name}.weight"), shape.to_vec())),
        );
        for layer in 0..self.num_hidden_layers {
            for norm in ["input_layernorm", "post_attention_layernorm"] {
                all.push((
                    format!("model.layers.{layer}.{norm}.weight"),
                    vec![self.hidden_size],
                ));
            }
        }
        all.push(("model.norm.weight".to_owned(), vec![self.hidden_size]));
        if !self.tie_word_embeddings {
            all.push((
                "lm_head.weight".to_owned(),
                vec![self.vocab_size, self.hidden_size],
            ));
        }
        all
    }
}

fn first_token(value: Option<&Value>) -> Option<u32> {
    let value = value?;
    value
        .as_u64()
        .or_else(|| value.as_array()?.first()?.as_u64())
        .map(|id| id as u32)
}

fn refuse_what_training_lacks(path: &Path, value: &Value) -> Result<()> {
    let rope_type = |v: &Value| {
        let kind = v
            .get("rope_type")
            .or_else(|| v.get("type"))
            .and_then(Value::as_str);
        kind.is_some_and(|kind| kind != "default")
    };
    for field in ["rope_scaling", "rope_parameters"] {
        if value.get(field).is_some_and(rope_type) {
            return Err(Error::field(
                path,
                field,
                "scaled rotary embeddings cannot be trained here; use a base without them",
            ));
        }
    }
    for field in ["attention_bias", "mlp_bias"] {
        if value.get(field).and_then(Value::as_bool) == Some(true) {
            return Err(Error::field(
                path,
                field,
                "biases cannot be trained here; use a base without them",
            ));
        }
    }
    match value.get("hidden_act").and_then(Value::as_str) {
        None | Some("silu") => Ok(()),
        Some(other) => Err(Error::field(
            path,
            "hidden_act",
            format!("is `{other}`; only `silu` can be trained here"),
        )),
    }
}
