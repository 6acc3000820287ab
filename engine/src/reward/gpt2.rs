//! GPT-2 with a score head (`GPT2ForSequenceClassification`), in f32.
//!
//! Pre-norm blocks, learned positions, and one fused projection for q, k and v.

use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Deserialize;

use super::cost;
use super::head::Head;
use super::labels::Labels;
use super::last::Last;
use super::loader::{Loader, activation, check_heads, check_sizes};
use super::ops::{Activation, Attention, Batch, Compute, Linear, Norm, add};
use super::{Patience, RewardModel, RewardText};
use crate::Result;
use crate::weights::{Checkpoint, read_json};

#[derive(Deserialize)]
struct Raw {
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    n_positions: usize,
    vocab_size: usize,
    n_inner: Option<usize>,
    pad_token_id: Option<i64>,
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

#[derive(Debug)]
struct Block {
    norm_1: Norm,
    qkv: [Linear; 3],
    attention: Attention,
    attention_out: Linear,
    norm_2: Norm,
    mlp_in: Linear,
    mlp_out: Linear,
}

impl Block {
    /// All tokens `[tokens, width]`; with `wanted`, one per text, only these come out.
    fn forward(
        &self,
        x: &Tensor,
        batch: &Batch<'_>,
        wanted: Option<&Tensor>,
        activation: Activation,
    ) -> candle_core::Result<Tensor> {
        let input = self.norm_1.forward(x)?;
        let [query, key, value] = &self.qkv;
        let (x, q, k, v, queries) = match wanted {
            None => {
                let [q, k, v] = Linear::forward_all([query, key, value], &input)?;
                (x.clone(), q, k, v, batch.lengths().to_vec())
            }
            Some(wanted) => {
                let [k, v] = Linear::forward_all([key, value], &input)?;
                let q = query.forward(&input.index_select(wanted, 0)?)?;
                (x.index_select(wanted, 0)?, q, k, v, batch.ones())
            }
        };
        let mixed = self
            .attention
            .forward([&q, &k, &v], &queries, batch.lengths())?;
        let x = add(&x, &self.attention_out.forward(&mixed)?)?;
        let inner = self
            .mlp_in
            .activated(&self.norm_2.forward(&x)?, activation)?;
        add(&x, &self.mlp_out.forward(&inner)?)
    }
}

/// GPT-2 with a score head, which reads the last token.
#[derive(Debug)]
pub struct Gpt2 {
    tokens: Tensor,
    positions: Tensor,
    blocks: Vec<Block>,
    norm: Norm,
    head: Head,
    activation: Activation,
    last: Last,
    device: Device,
}

impl Gpt2 {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        Self::load_at(folder, &Compute::on(device))
    }

    pub(super) fn load_at(folder: &Path, place: &Compute) -> Result<Self> {
        let path = folder.join("config.json");
        let config: Raw = read_json(&path)?;
        let width = config.n_embd;
        let inner = config.n_inner.unwrap_or(width.saturating_mul(4));
        check_sizes(
            &path,
            &[
                ("n_embd", width),
                ("n_head", config.n_head),
                ("n_layer", config.n_layer),
                ("n_positions", config.n_positions),
                ("vocab_size", config.vocab_size),
                ("n_inner", inner),
            ],
        )?;
        check_heads(&path, ("n_embd", width), config.n_head)?;
        let activation = activation(&path, "activation_function", &config.activation_function)?;
        let checkpoint = Checkpoint::open_folder(folder)?;
        let head = Head::load(&checkpoint, "score", width, &config.labels, place)?;
        let loader = Loader::new(&checkpoint, "transformer.", "wte.weight", place);
        let blocks = (0..config.n_layer).map(|layer| block(&loader, &config, inner, layer));
        let blocks = blocks.collect::<Result<_>>()?;
        Ok(Self {
            tokens: loader.table("wte.weight", [config.vocab_size, width])?,
            positions: loader.table("wpe.weight", [config.n_positions, width])?,
            blocks,
            norm: loader.norm("ln_f", width, config.layer_norm_epsilon)?,
            head,
            activation,
            last: Last::of_folder(folder, config.pad_token_id)?,
            device: place.device.clone(),
        })
    }

    /// State of the last token of each text, `[texts, width]`.
    fn last_states(&self, batch: &Batch<'_>) -> candle_core::Result<Tensor> {
        let tokens = self.tokens.index_select(&batch.ids(&self.device)?, 0)?;
        let places = batch.positions(0, &self.device)?;
        let mut x = add(&tokens, &self.positions.index_select(&places, 0)?)?;
        let lasts = batch.lasts(&self.device)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            batch.go_on()?;
            // After the last layer nothing but each text's last token is read.
            let wanted = (layer + 1 == self.blocks.len()).then_some(&lasts);
            x = block.forward(&x, batch, wanted, self.activation)?;
        }
        self.norm.forward(&x)
    }
}

fn block(loader: &Loader<'_>, config: &Raw, inner: usize, layer: usize) -> Result<Block> {
    let width = config.n_embd;
    let at = |part: &str| format!("h.{layer}.{part}");
    let mut scale = if config.scale_attn_weights {
        ((width / config.n_head) as f32).powf(-0.5)
    } else {
        1.0
    };
    if config.scale_attn_by_inverse_layer_idx {
        scale /= (layer + 1) as f32;
    }
    Ok(Block {
        norm_1: loader.norm(&at("ln_1"), width, config.layer_norm_epsilon)?,
        qkv: loader.split_conv1d(&at("attn.c_attn"), [width, width])?,
        attention: Attention {
            heads: config.n_head,
            scale,
            causal: true,
            kernels: loader.place.kernels,
        },
        attention_out: loader.conv1d(&at("attn.c_proj"), [width, width])?,
        norm_2: loader.norm(&at("ln_2"), width, config.layer_norm_epsilon)?,
        mlp_in: loader.conv1d(&at("mlp.c_fc"), [inner, width])?,
        mlp_out: loader.conv1d(&at("mlp.c_proj"), [width, inner])?,
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

    fn context_from(&self) -> &'static str {
        "n_positions"
    }

    fn reads_at(&self, ids: &[u32]) -> usize {
        self.last.place(ids)
    }

    fn multiply_adds(&self, tokens: usize) -> u64 {
        let width = self.tokens.dims().last().copied().unwrap_or(0);
        let inner = self.blocks.first().map_or(0, |b| b.mlp_in.outputs());
        cost::layers(self.blocks.len(), tokens, |wanted| {
            cost::block([width, inner], tokens, wanted, true)
        })
    }

    fn score_while(&self, texts: &[RewardText], patience: &Patience<'_>) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let texts = self.last.cut_all(texts);
        self.head
            .score(&self.last_states(&Batch::new(&texts, patience))?)
    }
}
