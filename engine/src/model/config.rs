//! `config.json` of a causal model, in the older and the newer spelling.

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::family::Family;
use super::rope::RopeScaling;
use super::variant::Variant;
use crate::kernels::HeadLayout;
use crate::weights::gguf;
use crate::weights::{from_value, read_json};
use crate::{Error, Result};

/// The shape of a decoder, checked: Llama's, with what sets other families apart in [`Variant`].
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
    /// Positions that the model was made for; more than `context` where its frequencies change beyond that.
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
    /// What sets it apart from Llama's decoder.
    pub variant: Variant,
}

/// `config.json`, as far as it bears on what is computed.
#[derive(Deserialize)]
pub(super) struct Raw {
    model_type: Option<String>,
    pub(super) hidden_size: usize,
    intermediate_size: usize,
    pub(super) num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: Option<usize>,
    pub(super) original_max_position_embeddings: Option<usize>,
    rms_norm_eps: Option<f64>,
    pub(super) rope_theta: Option<f64>,
    pub(super) rope_local_base_freq: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    pub(super) partial_rotary_factor: Option<f64>,
    pub(super) no_rope_layers: Option<Vec<u8>>,
    pub(super) no_rope_layer_interval: Option<usize>,
    tie_word_embeddings: Option<bool>,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    pub(super) hidden_act: Option<String>,
    pub(super) hidden_activation: Option<String>,
    #[serde(default)]
    pub(super) sliding_window: Stated<usize>,
    /// Qwen's switch, which others have taken over.
    pub(super) use_sliding_window: Option<bool>,
    pub(super) max_window_layers: Option<usize>,
    pub(super) layer_types: Option<Vec<String>>,
    pub(super) sliding_window_pattern: Option<usize>,
    pub(super) use_bidirectional_attention: Option<bool>,
    #[serde(default)]
    pub(super) final_logit_softcapping: Stated<f64>,
    #[serde(default)]
    pub(super) attn_logit_softcapping: Stated<f64>,
    pub(super) query_pre_attn_scalar: Option<f64>,
    pub(super) attention_multiplier: Option<f64>,
    pub(super) embedding_multiplier: Option<f64>,
    pub(super) residual_multiplier: Option<f64>,
    pub(super) logits_scaling: Option<f64>,
    quantization_config: Option<Value>,
    bos_token_id: Option<Value>,
    eos_token_id: Option<Value>,
}

/// A field that families have defaults of their own for: null is not the same as nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Stated<T> {
    #[default]
    Nothing,
    Null,
    Value(T),
}

impl<T: Copy> Stated<T> {
    /// What is stated, or `usual` where nothing is.
    pub(super) fn or(self, usual: Option<T>) -> Option<T> {
        match self {
            Self::Nothing => usual,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Stated<T> {
    fn deserialize<D: Deserializer<'de>>(field: D) -> std::result::Result<Self, D::Error> {
        let value = Option::deserialize(field)?;
        Ok(value.map_or(Self::Null, Self::Value))
    }
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

impl Raw {
    /// What is stated of rotary frequencies, in the newer or the older place.
    pub(super) fn rope(&self) -> Option<&Value> {
        let stated = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        stated.filter(|value| !value.is_null())
    }

    /// Refuses by name what is of no size, or quantised.
    fn check(&self, path: &Path) -> Result<()> {
        for (name, value) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("vocab_size", self.vocab_size),
        ] {
            check_size(path, name, value)?;
        }
        if self
            .quantization_config
            .as_ref()
            .is_some_and(|q| !q.is_null())
        {
            let problem = "says that the weights are quantised; load the model with transformers, call `model.dequantize()`, and save it again as F16, BF16 or F32";
            return Err(Error::field(path, "quantization_config", problem));
        }
        Ok(())
    }
}

/// The part of `config.json` that describes the causal model: of a model that also sees (Gemma-3), its language part,
/// with the tokens that the whole states.
pub fn causal_part(config: &Value) -> Value {
    let sees = config
        .get("model_type")
        .is_some_and(|kind| kind == "gemma3");
    let part = config
        .get("text_config")
        .filter(|part| part.is_object() && sees);
    let Some(mut part) = part.cloned() else {
        return config.clone();
    };
    part["architectures"] = json!(["Gemma3ForCausalLM"]);
    // What such files leave to the defaults of transformers' class.
    for (name, value) in [
        ("model_type", json!("gemma3_text")),
        ("num_attention_heads", json!(8)),
        ("num_key_value_heads", json!(4)),
        ("vocab_size", json!(262_208)),
    ] {
        if part.get(name).is_none() {
            part[name] = value;
        }
    }
    for name in [
        "bos_token_id",
        "eos_token_id",
        "pad_token_id",
        "dtype",
        "torch_dtype",
    ] {
        if part.get(name).is_none_or(Value::is_null)
            && let Some(value) = config.get(name)
        {
            part[name] = value.clone();
        }
    }
    part
}

impl LlamaConfig {
    /// Reads and checks `config.json` of a Hugging Face folder.
    pub fn load(folder: &Path) -> Result<Self> {
        if gguf::is_gguf(folder) {
            return Self::of_gguf(&gguf::Gguf::open(folder)?);
        }
        let path = folder.join("config.json");
        Self::from_json(&read_json(&path)?, &path)
    }

    /// Checks what `config.json` says, or what another format says in its words; `path` is what errors name.
    pub fn from_json(config: &Value, path: &Path) -> Result<Self> {
        let raw: Raw = from_value(path, &causal_part(config))?;
        let family = Family::of(raw.model_type.as_deref(), path)?;
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
        let head_dim = match raw.head_dim.or(family.head_dim()) {
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
        let eps = raw.rms_norm_eps.unwrap_or(family.eps());
        if !(eps.is_finite() && eps >= 0.0) {
            return field(
                "rms_norm_eps",
                format!("is {eps}; it must be a small number >= 0"),
            );
        }
        let positions = raw.max_position_embeddings.unwrap_or(family.context());
        check_size(path, "max_position_embeddings", positions)?;
        let rope = family.rope(&raw, (positions, head_dim), path)?;
        Ok(Self {
            hidden_size: raw.hidden_size,
            intermediate_size: raw.intermediate_size,
            layers: raw.num_hidden_layers,
            heads,
            kv_heads,
            head_dim,
            vocabulary: raw.vocab_size,
            context: rope.limit.map_or(positions, |limit| limit.min(positions)),
            positions,
            rms_norm_eps: eps,
            rope_theta: rope.theta,
            rope_scaling: rope.scaling,
            tied_embeddings: raw.tie_word_embeddings.unwrap_or(family.tied()),
            attention_bias: raw.attention_bias,
            mlp_bias: raw.mlp_bias,
            bos_token_id: first_token(raw.bos_token_id.as_ref()),
            eos_token_id: first_token(raw.eos_token_id.as_ref()),
            variant: family.variant(&raw, (positions, head_dim), path)?,
        })
    }

    /// `config.json` as Hugging Face writes it for a causal Llama in f32; what [`Variant`] adds is not in it.
    pub fn to_json(&self) -> Value {
        json!({
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
        })
    }

    /// What is said of a context that is shorter than what the model was made for.
    pub fn context_warning(&self) -> Option<String> {
        (self.context < self.positions).then(|| {
            format!(
                "beyond {} tokens (original_max_position_embeddings) all positions would be turned by other frequencies, those before as well; the context is {} and not {}",
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

    /// Whether the configuration asks for a bias of a decoder layer's linear module.
    pub fn has_bias(&self, module: &str) -> bool {
        let qkv = ["q_proj", "k_proj", "v_proj"]
            .iter()
            .any(|name| module.ends_with(name));
        (module.contains(".self_attn.") && (self.attention_bias || (qkv && self.variant.qkv_bias)))
            || (module.contains(".mlp.") && self.mlp_bias)
    }

    /// Names and shapes of all weights of the causal model. Checkpoints may lack biases, which are zero then.
    pub fn weights(&self) -> Vec<(String, Vec<usize>)> {
        let table = vec![self.vocabulary, self.hidden_size];
        let mut all = vec![("model.embed_tokens.weight".to_owned(), table.clone())];
        for (path, shape) in self.projections() {
            all.push((format!("{path}.weight"), shape.to_vec()));
            if self.has_bias(&path) {
                all.push((format!("{path}.bias"), vec![shape[0]]));
            }
        }
        let norms = self.layer_norms();
        for layer in 0..self.layers {
            let norms = norms.all();
            all.extend(norms.map(|&(norm, width)| {
                (format!("model.layers.{layer}.{norm}.weight"), vec![width])
            }));
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
            ("final_logit_softcapping", json!(30.0)),
            ("model_type", json!("qwen2_moe")),
            ("hidden_act", json!("gelu")),
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
