//! `config.json` of a Llama-family model, in the older and the newer spelling.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::rope::RopeScaling;
use crate::kernels::HeadLayout;
use crate::weights::read_json;
use crate::{Error, Result};

/// The shape of a Llama-family decoder, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head, even.
    pub head_dim: usize,
    /// Tokens.
    pub vocabulary: usize,
    /// Positions at most.
    pub context: usize,
    /// Positions that the model was made for, where attention slides over a window of `context` beyond which
    /// results would differ.
    pub positions: usize,
    /// Epsilon of the norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How the frequencies are stretched.
    pub rope_scaling: RopeScaling,
    /// Whether the output layer is the embedding.
    pub tied_embeddings: bool,
    /// Whether q, k, v and o have biases.
    pub attention_bias: bool,
    /// Whether gate, up and down have biases.
    pub mlp_bias: bool,
    /// The token that a text begins with.
    pub bos_token_id: Option<u32>,
    /// The token that ends an answer, the first where there are several.
    pub eos_token_id: Option<u32>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    model_type: Option<String>,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    #[serde(default = "default_context")]
    max_position_embeddings: usize,
    #[serde(default = "default_eps")]
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    hidden_act: Option<String>,
    sliding_window: Option<usize>,
    /// Qwen's switch, which others have taken over.
    use_sliding_window: Option<bool>,
    quantization_config: Option<Value>,
    partial_rotary_factor: Option<f64>,
    final_logit_softcapping: Option<f64>,
    attn_logit_softcapping: Option<f64>,
    bos_token_id: Option<Value>,
    eos_token_id: Option<Value>,
}

/// Sizes that `config.json` may state, at most: several times those of the largest models. What a model takes
/// is allocated by them before a tensor is read.
const LIMITS: [(&str, usize); 8] = [
    ("num_hidden_layers", 1 << 10),
    ("hidden_size", 1 << 17),
    ("intermediate_size", 1 << 19),
    ("num_attention_heads", 1 << 12),
    ("num_key_value_heads", 1 << 12),
    ("head_dim", 1 << 13),
    ("vocab_size", 1 << 24),
    ("max_position_embeddings", 1 << 26),
];

/// Refuses a size of `config.json` that is 0, or so large that no model has it.
pub fn check_size(path: &Path, field: &str, value: usize) -> Result<()> {
    if value == 0 {
        return Err(Error::field(path, field, "is 0; it must be at least 1"));
    }
    match LIMITS.iter().find(|(name, _)| *name == field) {
        Some((_, limit)) if value > *limit => Err(Error::field(
            path,
            field,
            format!(
                "is {value}; at most {limit} is read, several times what the largest models have"
            ),
        )),
        _ => Ok(()),
    }
}

const fn default_context() -> usize {
    2048
}

const fn default_eps() -> f64 {
    1e-6
}

impl Raw {
    /// Refuses by name what is no Llama, or of no size, or changes what such a model computes.
    fn check(&self, path: &Path) -> Result<()> {
        let field = |name: &str, problem: String| Err(Error::field(path, name, problem));
        if let Some(kind) = self.model_type.as_deref()
            && !matches!(kind, "llama" | "mistral" | "score")
        {
            return field(
                "model_type",
                format!("`{kind}` is not a Llama-family model (llama, mistral)"),
            );
        }
        if let Some(activation) = self.hidden_act.as_deref()
            && !matches!(activation, "silu" | "swish")
        {
            return field(
                "hidden_act",
                format!("`{activation}` is not supported; Llama uses silu"),
            );
        }
        for (name, value) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            check_size(path, name, value)?;
        }
        if self
            .quantization_config
            .as_ref()
            .is_some_and(|q| !q.is_null())
        {
            let problem = "says that the weights are quantised; load the model with transformers, call `model.dequantize()`, and save it again as F16, BF16 or F32";
            return field("quantization_config", problem.to_owned());
        }
        for (name, value, neutral) in [
            ("partial_rotary_factor", self.partial_rotary_factor, 1.0),
            ("final_logit_softcapping", self.final_logit_softcapping, 0.0),
            ("attn_logit_softcapping", self.attn_logit_softcapping, 0.0),
        ] {
            if let Some(value) = value
                && value != neutral
            {
                let problem = format!(
                    "is {value}, which changes what the model computes and is not supported"
                );
                return field(name, problem);
            }
        }
        Ok(())
    }
}

impl LlamaConfig {
    /// Reads and checks `config.json` of a Hugging Face folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        Self::from_raw(read_json(&path)?, &path)
    }

    fn from_raw(raw: Raw, path: &Path) -> Result<Self> {
        raw.check(path)?;
        let field = |name: &str, problem: String| Err(Error::field(path, name, problem));
        let (heads, kv_heads) = (
            raw.num_attention_heads,
            raw.num_key_value_heads.unwrap_or(raw.num_attention_heads),
        );
        check_size(path, "num_key_value_heads", kv_heads)?;
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return field(
                "num_key_value_heads",
                format!("is {kv_heads}; it must divide the {heads} query heads"),
            );
        }
        let head_dim = match raw.head_dim {
            Some(width) => width,
            None if raw.hidden_size.is_multiple_of(heads) => raw.hidden_size / heads,
            None => {
                return field(
                    "hidden_size",
                    format!(
                        "{} does not divide by {heads} heads, and no head_dim is given",
                        raw.hidden_size
                    ),
                );
            }
        };
        check_size(path, "head_dim", head_dim)?;
        if head_dim == 0 || head_dim % 2 != 0 {
            return field(
                "head_dim",
                format!("is {head_dim}; rotary positions need an even width of at least 2"),
            );
        }
        if !(raw.rms_norm_eps.is_finite() && raw.rms_norm_eps >= 0.0) {
            return field(
                "rms_norm_eps",
                format!("is {}; it must be a small number >= 0", raw.rms_norm_eps),
            );
        }
        let positions = raw.max_position_embeddings;
        // Within the window attention is that of a model without one.
        let window = raw
            .sliding_window
            .filter(|_| raw.use_sliding_window != Some(false));
        if window == Some(0) {
            return field(
                "sliding_window",
                "is 0; it is a number of tokens, or null".to_owned(),
            );
        }
        let context = window.map_or(positions, |window| window.min(positions));
        let rope = raw
            .rope_parameters
            .as_ref()
            .or(raw.rope_scaling.as_ref())
            .filter(|v| !v.is_null());
        let nested_theta = rope
            .and_then(|v| v.get("rope_theta"))
            .and_then(Value::as_f64);
        let rope_theta = nested_theta.or(raw.rope_theta).unwrap_or(10_000.0);
        if !(rope_theta.is_finite() && rope_theta > 1.0) {
            return field("rope_theta", format!("is {rope_theta}; it must be above 1"));
        }
        let rope_scaling = RopeScaling::from_json(rope, path)?;
        Ok(Self {
            hidden_size: raw.hidden_size,
            intermediate_size: raw.intermediate_size,
            layers: raw.num_hidden_layers,
            heads,
            kv_heads,
            head_dim,
            vocabulary: raw.vocab_size,
            context,
            positions,
            rms_norm_eps: raw.rms_norm_eps,
            rope_theta,
            rope_scaling,
            tied_embeddings: raw.tie_word_embeddings,
            attention_bias: raw.attention_bias,
            mlp_bias: raw.mlp_bias,
            bos_token_id: first_token(raw.bos_token_id.as_ref()),
            eos_token_id: first_token(raw.eos_token_id.as_ref()),
        })
    }

    /// Of a folder whose model is to be trained: refuses by name what the differentiable forward lacks.
    pub fn load_to_train(folder: &Path) -> Result<Self> {
        let config = Self::load(folder)?;
        for (field, has) in [
            ("attention_bias", config.attention_bias),
            ("mlp_bias", config.mlp_bias),
        ] {
            if has {
                let problem = "biases cannot be trained here; use a base without them";
                return Err(Error::field(&folder.join("config.json"), field, problem));
            }
        }
        Ok(config)
    }

    /// `config.json` as Hugging Face writes it for a causal model in f32.
    pub fn to_json(&self) -> Value {
        let mut value = json!({
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": self.attention_bias,
            "attention_dropout": 0.0,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_id,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "initializer_range": 0.02,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.positions,
            "mlp_bias": self.mlp_bias,
            "model_type": "llama",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads,
            "pretraining_tp": 1,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": self.rope_scaling.to_json(),
            "rope_theta": self.rope_theta,
            "tie_word_embeddings": self.tied_embeddings,
            "torch_dtype": "float32",
            "use_cache": true,
            "vocab_size": self.vocabulary,
        });
        if self.context < self.positions {
            value["sliding_window"] = json!(self.context);
        }
        value
    }

    /// What is said of a context that the sliding window caps.
    pub fn window_warning(&self) -> Option<String> {
        (self.context < self.positions).then(|| {
            format!(
                "attention slides over {} tokens (sliding_window); up to there it is exact, so the context is {} and not {}",
                self.context, self.context, self.positions
            )
        })
    }

    /// The shape of attention.
    pub fn head_layout(&self) -> HeadLayout {
        HeadLayout {
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.head_dim,
        }
    }

    /// One inverse frequency per pair of a head's dimensions.
    pub fn inverse_frequencies(&self) -> Vec<f64> {
        self.rope_scaling
            .inverse_frequencies(self.head_dim, self.rope_theta)
    }

    /// Path and shape `[out, in]` of every linear module, in order of execution, `lm_head` last.
    pub fn linears(&self) -> Vec<(String, [usize; 2])> {
        let mut linears = self.projections();
        linears.push(("lm_head".to_owned(), [self.vocabulary, self.hidden_size]));
        linears
    }

    /// Path and shape `[out, in]` of the decoder layers' linear modules, in order of execution: what can be adapted
    /// in training.
    pub fn projections(&self) -> Vec<(String, [usize; 2])> {
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let mut linears = Vec::with_capacity(self.layers * 7);
        for layer in 0..self.layers {
            for (name, shape) in [
                ("self_attn.q_proj", [q, hidden]),
                ("self_attn.k_proj", [kv, hidden]),
                ("self_attn.v_proj", [kv, hidden]),
                ("self_attn.o_proj", [hidden, q]),
                ("mlp.gate_proj", [inner, hidden]),
                ("mlp.up_proj", [inner, hidden]),
                ("mlp.down_proj", [hidden, inner]),
            ] {
                linears.push((format!("model.layers.{layer}.{name}"), shape));
            }
        }
        linears
    }

    /// Names and shapes of all weights of the causal model, biases left out.
    pub fn weights(&self) -> Vec<(String, Vec<usize>)> {
        let table = vec![self.vocabulary, self.hidden_size];
        let mut all = vec![("model.embed_tokens.weight".to_owned(), table.clone())];
        let projections = self.projections().into_iter();
        all.extend(projections.map(|(path, shape)| (format!("{path}.weight"), shape.to_vec())));
        for layer in 0..self.layers {
            for norm in ["input_layernorm", "post_attention_layernorm"] {
                let name = format!("model.layers.{layer}.{norm}.weight");
                all.push((name, vec![self.hidden_size]));
            }
        }
        all.push(("model.norm.weight".to_owned(), vec![self.hidden_size]));
        if !self.tied_embeddings {
            all.push(("lm_head.weight".to_owned(), table));
        }
        all
    }
}

/// One token, or the first of a list.
fn first_token(value: Option<&Value>) -> Option<u32> {
    let value = value?;
    let first = value.as_array().map_or(Some(value), |list| list.first())?;
    first.as_u64().and_then(|id| u32::try_from(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(more: &Value) -> Result<LlamaConfig> {
        let mut config = json!({"model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "vocab_size": 50, "max_position_embeddings": 256});
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        LlamaConfig::load(folder.path())
    }

    #[test]
    fn a_sliding_window_caps_the_context() {
        for (more, context) in [
            (json!({"sliding_window": 64}), 64),
            (
                json!({"sliding_window": 64, "use_sliding_window": false}),
                256,
            ),
            (json!({"sliding_window": null}), 256),
            (json!({"sliding_window": 4096}), 256),
        ] {
            let config = load(&more).unwrap();
            assert_eq!(config.context, context);
            assert_eq!(config.window_warning().is_some(), context < 256);
        }
    }

    #[test]
    fn sizes_are_bounded_and_what_changes_a_model_is_refused_by_name() {
        for (field, value) in [
            ("num_hidden_layers", json!(10_000_000)),
            ("num_hidden_layers", json!(1_u64 << 63)),
            ("vocab_size", json!(1_u64 << 40)),
            ("num_key_value_heads", json!(0)),
            (
                "quantization_config",
                json!({"quant_method": "bitsandbytes"}),
            ),
            ("partial_rotary_factor", json!(0.5)),
            ("rope_scaling", json!({"factor": 2.0})),
            ("rope_scaling", json!({"rope_type": 5})),
        ] {
            let error = load(&json!({field: value})).unwrap_err();
            assert!(
                error.is_input() && error.to_string().contains(field),
                "{error}"
            );
        }
        assert!(load(&json!({"rope_parameters": {"rope_theta": 1e6}})).is_ok());
    }
}
