//! GPT-2 with a score head (`GPT2ForSequenceClassification`), in f32.
//!
//! Pre-norm blocks, learned positions, one fused projection for q, k and v, and weights stored
//! `[in, out]` (GPT-2's Conv1D), so a product needs no transpose.

use std::path::Path;

use candle_core::{D, Device, Module as _, Tensor};
use candle_nn::LayerNorm;
use candle_nn::ops::softmax;
use serde::Deserialize;

use super::head::Head;
use super::load::{Labels, pad_right};
use super::{RewardModel, RewardText};
use crate::weights::{Checkpoint, Digest, read_json};
use crate::{Error, Result};

#[derive(Deserialize)]
struct Raw {
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    n_positions: usize,
    vocab_size: usize,
    n_inner: Option<usize>,
    #[serde(default = "default_eps")]
    layer_norm_epsilon: f64,
    #[serde(default = "default_activation")]
    activation_function: String,
    #[serde(default = "yes")]
    scale_attn_weights: bool,
    #[serde(default)]
    scale_attn_by_inverse_layer_idx: bool,
    #[serde(flatten)]
    labels: Labels,
}

const fn default_eps() -> f64 {
    1e-5
}

fn default_activation() -> String {
    "gelu_new".to_owned()
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy)]
enum Activation {
    /// The tanh form, which GPT-2 was trained with.
    GeluTanh,
    /// The exact form.
    Gelu,
    Relu,
    Silu,
}

impl Activation {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Self::GeluTanh,
            "gelu" => Self::Gelu,
            "relu" => Self::Relu,
            "silu" | "swish" => Self::Silu,
            _ => return None,
        })
    }

    fn apply(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::GeluTanh => x.gelu(),
            Self::Gelu => x.gelu_erf(),
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
        }
    }
}

/// `y = x W + b`, `W` of shape `[in, out]`.
#[derive(Debug)]
struct Conv1d {
    weight: Tensor,
    bias: Tensor,
}

impl Conv1d {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        // One flat product: a batched one would go through the weights once per text.
        let y = x
            .reshape((batch * length, width))?
            .matmul(&self.weight)?
            .broadcast_add(&self.bias)?;
        y.reshape((batch, length, ()))
    }
}

#[derive(Debug)]
struct Block {
    norm_1: LayerNorm,
    attention_in: Conv1d,
    attention_out: Conv1d,
    norm_2: LayerNorm,
    mlp_in: Conv1d,
    mlp_out: Conv1d,
    /// What the products of queries and keys are multiplied by.
    scale: f64,
}

impl Block {
    /// `x` `[texts, length, width]`, `mask` `[length, length]` added to the scores.
    fn forward(
        &self,
        x: &Tensor,
        mask: &Tensor,
        heads: usize,
        activation: Activation,
    ) -> candle_core::Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let fused = self.attention_in.forward(&self.norm_1.forward(x)?)?;
        let split = |index: usize| {
            fused
                .narrow(D::Minus1, index * width, width)?
                .reshape((batch, length, heads, width / heads))?
                .transpose(1, 2)?
                .contiguous()
        };
        let (q, k, v) = (split(0)?, split(1)?, split(2)?);
        let scores = (q.matmul(&k.t()?)? * self.scale)?.broadcast_add(mask)?;
        let mixed = softmax(&scores, D::Minus1)?
            .matmul(&v)?
            .transpose(1, 2)?
            .reshape((batch, length, width))?;
        let x = (x + self.attention_out.forward(&mixed)?)?;
        let inner = activation.apply(&self.mlp_in.forward(&self.norm_2.forward(&x)?)?)?;
        &x + self.mlp_out.forward(&inner)?
    }
}

/// GPT-2 with a score head.
#[derive(Debug)]
pub struct Gpt2 {
    tokens: Tensor,
    positions: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Head,
    heads: usize,
    activation: Activation,
    device: Device,
}

/// Reads named tensors of one checkpoint.
struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    prefix: &'static str,
    digest: Digest,
    device: &'a Device,
}

impl Loader<'_> {
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let values =
            self.checkpoint
                .read(&format!("{}{name}", self.prefix), shape, &mut self.digest)?;
        Ok(Tensor::from_vec(values, shape, self.device)?)
    }

    fn conv(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Conv1d> {
        Ok(Conv1d {
            weight: self.tensor(&format!("{name}.weight"), &[inputs, outputs])?,
            bias: self.tensor(&format!("{name}.bias"), &[outputs])?,
        })
    }

    fn norm(&mut self, name: &str, width: usize, eps: f64) -> Result<LayerNorm> {
        let weight = self.tensor(&format!("{name}.weight"), &[width])?;
        Ok(LayerNorm::new(
            weight,
            self.tensor(&format!("{name}.bias"), &[width])?,
            eps,
        ))
    }
}

impl Gpt2 {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        let config_path = folder.join("config.json");
        let config: Raw = read_json(&config_path)?;
        let activation = check(&config, &config_path)?;
        let checkpoint = Checkpoint::open_folder(folder)?;
        let prefix = if checkpoint.contains("transformer.wte.weight") {
            "transformer."
        } else {
            ""
        };
        let mut loader = Loader {
            checkpoint: &checkpoint,
            prefix,
            digest: Digest::default(),
            device,
        };
        let width = config.n_embd;
        let inner = config.n_inner.unwrap_or(4 * width);
        let tokens = loader.tensor("wte.weight", &[config.vocab_size, width])?;
        let positions = loader.tensor("wpe.weight", &[config.n_positions, width])?;
        let blocks = (0..config.n_layer).map(|layer| {
            let at = |part: &str| format!("h.{layer}.{part}");
            let mut scale = if config.scale_attn_weights {
                ((width / config.n_head) as f64).powf(-0.5)
            } else {
                1.0
            };
            if config.scale_attn_by_inverse_layer_idx {
                scale /= (layer + 1) as f64;
            }
            Ok(Block {
                norm_1: loader.norm(&at("ln_1"), width, config.layer_norm_epsilon)?,
                attention_in: loader.conv(&at("attn.c_attn"), width, 3 * width)?,
                attention_out: loader.conv(&at("attn.c_proj"), width, width)?,
                norm_2: loader.norm(&at("ln_2"), width, config.layer_norm_epsilon)?,
                mlp_in: loader.conv(&at("mlp.c_fc"), width, inner)?,
                mlp_out: loader.conv(&at("mlp.c_proj"), inner, width)?,
                scale,
            })
        });
        let blocks = blocks.collect::<Result<_>>()?;
        let norm = loader.norm("ln_f", width, config.layer_norm_epsilon)?;
        let mut digest = loader.digest;
        let head = Head::load(
            &checkpoint,
            "score",
            width,
            config.labels.count(),
            &mut digest,
            device,
        )?;
        Ok(Self {
            tokens,
            positions,
            blocks,
            norm,
            head,
            heads: config.n_head,
            activation,
            device: device.clone(),
        })
    }

    /// State of the last token of each text, `[texts, width]`.
    fn last_states(&self, texts: &[RewardText]) -> Result<Tensor> {
        let (ids, length) = pad_right(texts);
        let ids = Tensor::from_vec(ids, texts.len() * length, &self.device)?;
        let x = self
            .tokens
            .index_select(&ids, 0)?
            .reshape((texts.len(), length, ()))?;
        let mut x = x.broadcast_add(&self.positions.narrow(0, 0, length)?)?;
        // Padding stands on the right, so hiding what comes later hides it from every real token.
        let mask: Vec<f32> = (0..length * length)
            .map(|i| {
                if i % length > i / length {
                    f32::NEG_INFINITY
                } else {
                    0.0
                }
            })
            .collect();
        let mask = Tensor::from_vec(mask, (length, length), &self.device)?;
        for block in &self.blocks {
            x = block.forward(&x, &mask, self.heads, self.activation)?;
        }
        // By each text's own length: the padding id may well occur inside a text.
        let last = texts
            .iter()
            .enumerate()
            .map(|(row, text)| (row * length + text.ids.len() - 1) as u32);
        let last = Tensor::from_iter(last, &self.device)?;
        let x = x
            .reshape((texts.len() * length, ()))?
            .index_select(&last, 0)?;
        Ok(self.norm.forward(&x)?)
    }
}

fn check(config: &Raw, path: &Path) -> Result<Activation> {
    let sizes = [
        ("n_embd", config.n_embd),
        ("n_head", config.n_head),
        ("n_positions", config.n_positions),
        ("vocab_size", config.vocab_size),
        ("n_inner", config.n_inner.unwrap_or(1)),
    ];
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(Error::field(path, *name, "is 0; it must be at least 1"));
    }
    if !config.n_embd.is_multiple_of(config.n_head) {
        let problem = format!(
            "is {}, which the {} heads do not divide",
            config.n_embd, config.n_head
        );
        return Err(Error::field(path, "n_embd", problem));
    }
    Activation::named(&config.activation_function).ok_or_else(|| {
        let problem = format!(
            "`{}` is not supported (gelu_new, gelu, relu, silu are)",
            config.activation_function
        );
        Error::field(path, "activation_function", problem)
    })
}

impl RewardModel for Gpt2 {
    fn kind(&self) -> &'static str {
        "gpt2"
    }

    fn outputs(&self) -> usize {
        self.head.outputs()
    }

    fn vocabulary(&self) -> usize {
        self.tokens.dims().first().copied().unwrap_or(0)
    }

    fn context(&self) -> usize {
        self.positions.dims().first().copied().unwrap_or(0)
    }

    fn score(&self, texts: &[RewardText]) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        self.head.score(&self.last_states(texts)?)
    }
}
