//! What sets a decoder apart from Llama's own: fields that every path of the forward reads.

use crate::Result;

/// Differences from Llama's decoder; the default has none.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// Where the norms of a layer stand.
    pub norms: NormPlaces,
    /// Whether norms multiply by `1 + w` and not by `w`.
    pub norms_around_one: bool,
    /// Norms of queries and keys before they are turned.
    pub query_key_norm: QueryKeyNorm,
    /// Whether q, k and v have biases, whatever o has.
    pub qkv_bias: bool,
    /// What the gate of the MLP goes through.
    pub activation: Activation,
    /// What products of queries and keys are multiplied by, where it is not `1 / sqrt(head_dim)`.
    pub attention_scale: Option<f64>,
    /// Scores of attention become `cap * tanh(score / cap)`.
    pub attention_cap: Option<f64>,
    /// Logits become `cap * tanh(logit / cap)`.
    pub logits_cap: Option<f64>,
    /// What embeddings are multiplied by.
    pub embedding_multiplier: f64,
    /// What attention's and the MLP's output is multiplied by before it is added.
    pub residual_multiplier: f64,
    /// What logits are divided by.
    pub logits_divisor: f64,
    /// Dimensions of a head that positions turn, the first ones; `None` for all.
    pub rotary_dim: Option<usize>,
    /// Base of the rotary frequencies of [`LayerRope::Local`] layers.
    pub local_theta: f64,
    /// What attention does layer by layer; layers that are not listed are plain.
    pub layers: Vec<LayerKind>,
    /// Whether q, k, v and gate, up lie in one tensor each in the checkpoint (Phi-3).
    pub fused: bool,
}

impl Default for Variant {
    fn default() -> Self {
        Self {
            norms: NormPlaces::Before,
            norms_around_one: false,
            query_key_norm: QueryKeyNorm::None,
            qkv_bias: false,
            activation: Activation::Silu,
            attention_scale: None,
            attention_cap: None,
            logits_cap: None,
            embedding_multiplier: 1.0,
            residual_multiplier: 1.0,
            logits_divisor: 1.0,
            rotary_dim: None,
            local_theta: 10_000.0,
            layers: Vec::new(),
            fused: false,
        }
    }
}

/// Where the norms of a layer stand, relative to attention and to the MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormPlaces {
    /// Before each.
    Before,
    /// After each, before its output is added (OLMo-2).
    After,
    /// Before and after (Gemma-2 and 3).
    Both,
}

/// Norms of queries and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// None.
    None,
    /// Of every head by itself, one weight for all (Qwen3, Gemma-3).
    Heads,
    /// Over all heads together (OLMo-2).
    Whole,
}

/// What the gate of the MLP goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x / (1 + e^-x)`.
    Silu,
    /// The Gaussian error linear unit in its form with tanh.
    Gelu,
}

/// What attention does in one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerKind {
    /// Positions that a token sees, itself counted; `None` for all before it.
    pub window: Option<usize>,
    /// How positions turn queries and keys.
    pub rope: LayerRope,
}

/// How positions turn a layer's queries and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayerRope {
    /// By the model's frequencies.
    #[default]
    Global,
    /// By frequencies of their own (Gemma-3's layers with a window).
    Local,
    /// Not at all (every fourth layer of SmolLM3).
    None,
}

/// Something for each norm of a layer; `None` where the layer has no such norm.
#[derive(Debug, Clone, Default)]
pub struct Norms<T> {
    /// Of what attention reads.
    pub before_attention: Option<T>,
    /// Of what attention gives.
    pub after_attention: Option<T>,
    /// Of what the MLP reads.
    pub before_mlp: Option<T>,
    /// Of what the MLP gives.
    pub after_mlp: Option<T>,
    /// Of queries.
    pub queries: Option<T>,
    /// Of keys.
    pub keys: Option<T>,
}

impl<T> Norms<T> {
    /// All that are there, in the order in which checkpoints are read.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        [
            &self.before_attention,
            &self.after_attention,
            &self.before_mlp,
            &self.after_mlp,
            &self.queries,
            &self.keys,
        ]
        .into_iter()
        .flatten()
    }

    /// Something else for each, made in the order of [`Norms::all`].
    pub fn try_map<U>(&self, mut make: impl FnMut(&T) -> Result<U>) -> Result<Norms<U>> {
        let mut made = |of: &Option<T>| of.as_ref().map(&mut make).transpose();
        Ok(Norms {
            before_attention: made(&self.before_attention)?,
            after_attention: made(&self.after_attention)?,
            before_mlp: made(&self.before_mlp)?,
            after_mlp: made(&self.after_mlp)?,
            queries: made(&self.queries)?,
            keys: made(&self.keys)?,
        })
    }
}
