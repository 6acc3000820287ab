//! `config.json` of DeBERTa-v2 and v3.

use std::path::Path;

use candle_core::Tensor;
use serde::Deserialize;

use super::position::Buckets;
use crate::reward::labels::Labels;
use crate::reward::loader::{Loader, activation, check_heads, check_sizes};
use crate::reward::ops::Activation;
use crate::weights::read_json;
use crate::{Error, Result};

/// Neighbours that a convolution may look at; published models have 3.
const MOST_NEIGHBOURS: usize = 255;

#[derive(Deserialize)]
struct Raw {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "default_positions")]
    max_position_embeddings: usize,
    #[serde(default)]
    type_vocab_size: usize,
    #[serde(default = "default_eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    relative_attention: bool,
    #[serde(default = "minus_one")]
    max_relative_positions: i64,
    #[serde(default = "minus_one")]
    position_buckets: i64,
    #[serde(default)]
    share_att_key: bool,
    #[serde(default)]
    norm_rel_ebd: Option<String>,
    #[serde(default)]
    pos_att_type: Option<Kinds>,
    #[serde(default = "yes")]
    position_biased_input: bool,
    embedding_size: Option<usize>,
    attention_head_size: Option<usize>,
    #[serde(default)]
    conv_kernel_size: usize,
    #[serde(default)]
    conv_groups: Option<usize>,
    #[serde(default = "tanh")]
    conv_act: String,
    pooler_hidden_size: Option<usize>,
    #[serde(default = "gelu")]
    pooler_hidden_act: String,
    #[serde(flatten)]
    labels: Labels,
}

/// `["p2c", "c2p"]`, or `"p2c|c2p"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kinds {
    List(Vec<String>),
    Text(String),
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn tanh() -> String {
    "tanh".to_owned()
}

const fn default_positions() -> usize {
    512
}

const fn default_eps() -> f64 {
    1e-7
}

const fn minus_one() -> i64 {
    -1
}

const fn yes() -> bool {
    true
}

/// The shape of a DeBERTa encoder, checked.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) vocabulary: usize,
    pub(super) width: usize,
    /// Width of the embeddings, if another.
    pub(super) embedding: usize,
    pub(super) inner: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) max_positions: usize,
    pub(super) eps: f64,
    pub(super) activation: Activation,
    /// Whether positions are added to the embeddings.
    pub(super) absolute: bool,
    pub(super) relative: Option<Relative>,
    /// Size and activation.
    pub(super) convolution: Option<(usize, Activation)>,
    pub(super) pooled: usize,
    pub(super) pooler_activation: Activation,
    pub(super) labels: Labels,
}

/// Relative attention.
#[derive(Debug)]
pub(super) struct Relative {
    pub(super) buckets: Buckets,
    /// Whether queries look at positions.
    pub(super) content_to_position: bool,
    /// Whether positions look at keys.
    pub(super) position_to_content: bool,
    /// Whether positions go through the layers' own projections.
    pub(super) shared: bool,
    normed: bool,
}

impl Relative {
    /// The embeddings of relative positions, `[2 span, width]`.
    pub(super) fn embeddings(&self, loader: &Loader<'_>, config: &Config) -> Result<Tensor> {
        let shape = [2 * self.buckets.span(), config.width];
        let table = loader.table("encoder.rel_embeddings.weight", shape)?;
        if !self.normed {
            return Ok(table);
        }
        let norm = loader.norm("encoder.LayerNorm", config.width, config.eps)?;
        Ok(norm.forward(&table)?)
    }
}

impl Config {
    pub(super) fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let raw: Raw = read_json(&path)?;
        let width = raw.hidden_size;
        let pooled = raw.pooler_hidden_size.unwrap_or(width);
        check_sizes(
            &path,
            &[
                ("hidden_size", width),
                ("intermediate_size", raw.intermediate_size),
                ("num_hidden_layers", raw.num_hidden_layers),
                ("num_attention_heads", raw.num_attention_heads),
                ("vocab_size", raw.vocab_size),
                ("max_position_embeddings", raw.max_position_embeddings),
                ("embedding_size", raw.embedding_size.unwrap_or(1)),
                ("pooler_hidden_size", pooled),
                (
                    "position_buckets",
                    positive(raw.position_buckets).unwrap_or(1),
                ),
                (
                    "max_relative_positions",
                    positive(raw.max_relative_positions).unwrap_or(1),
                ),
            ],
        )?;
        check_heads(&path, ("hidden_size", width), raw.num_attention_heads)?;
        let refuse = |field: &str, problem: String| Err(Error::field(&path, field, problem));
        let head = width / raw.num_attention_heads;
        if let Some(size) = raw.attention_head_size.filter(|&size| size != head) {
            return refuse(
                "attention_head_size",
                format!("is {size}; only hidden_size / num_attention_heads = {head} is read"),
            );
        }
        if raw.type_vocab_size > 0 {
            return refuse(
                "type_vocab_size",
                format!(
                    "is {}; token types are not read (DeBERTa-v2 and v3 have none)",
                    raw.type_vocab_size
                ),
            );
        }
        if pooled != width {
            return refuse(
                "pooler_hidden_size",
                format!("is {pooled}; the pooler reads states of {width}"),
            );
        }
        if raw.conv_kernel_size > MOST_NEIGHBOURS {
            return refuse(
                "conv_kernel_size",
                format!(
                    "is {}; at most {MOST_NEIGHBOURS} is read",
                    raw.conv_kernel_size
                ),
            );
        }
        if raw.conv_kernel_size > 0
            && (raw.conv_kernel_size.is_multiple_of(2) || raw.conv_groups.unwrap_or(1) != 1)
        {
            return refuse(
                "conv_kernel_size",
                format!(
                    "is {} in {} groups; an odd size in one group is read",
                    raw.conv_kernel_size,
                    raw.conv_groups.unwrap_or(1)
                ),
            );
        }
        let convolution = match raw.conv_kernel_size {
            0 => None,
            size => Some((size, activation(&path, "conv_act", &raw.conv_act)?)),
        };
        Ok(Self {
            vocabulary: raw.vocab_size,
            width,
            embedding: raw.embedding_size.unwrap_or(width),
            inner: raw.intermediate_size,
            layers: raw.num_hidden_layers,
            heads: raw.num_attention_heads,
            max_positions: raw.max_position_embeddings,
            eps: raw.layer_norm_eps,
            activation: activation(&path, "hidden_act", &raw.hidden_act)?,
            absolute: raw.position_biased_input,
            relative: raw.relative_attention.then(|| relative(&raw)),
            convolution,
            pooled,
            pooler_activation: activation(&path, "pooler_hidden_act", &raw.pooler_hidden_act)?,
            labels: raw.labels,
        })
    }

    /// Tokens that a text may have. Relative positions reach any distance, for far ones share a
    /// bucket; four times what the model was trained on keeps the memory of attention in bounds.
    pub(super) fn context(&self) -> usize {
        if self.absolute || self.relative.is_none() {
            self.max_positions
        } else {
            4 * self.max_positions
        }
    }
}

/// A size that is not said where it is below 1.
fn positive(value: i64) -> Option<usize> {
    usize::try_from(value).ok().filter(|&v| v > 0)
}

fn relative(raw: &Raw) -> Relative {
    let kinds: Vec<String> = match &raw.pos_att_type {
        None => Vec::new(),
        Some(Kinds::List(kinds)) => kinds.clone(),
        Some(Kinds::Text(text)) => text.split('|').map(|k| k.trim().to_lowercase()).collect(),
    };
    let has = |kind: &str| kinds.iter().any(|k| k == kind);
    Relative {
        buckets: Buckets {
            count: positive(raw.position_buckets),
            reach: positive(raw.max_relative_positions).unwrap_or(raw.max_position_embeddings),
        },
        content_to_position: has("c2p"),
        position_to_content: has("p2c"),
        shared: raw.share_att_key,
        normed: raw.norm_rel_ebd.as_deref().is_some_and(|text| {
            text.to_lowercase()
                .split('|')
                .any(|k| k.trim() == "layer_norm")
        }),
    }
}
