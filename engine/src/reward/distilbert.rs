//! DistilBERT with a classification head (`DistilBertForSequenceClassification`), in f32.
//!
//! Post-norm blocks and learned positions; the first token's state goes through a dense layer with
//! ReLU to the outputs. candle-transformers has this body with the tanh form of GELU, where the
//! reference has the exact one: about 1e-3 off, so it is not used.

use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Deserialize;

use super::cost;
use super::encoder::{EncoderBlock, EncoderNames};
use super::head::Head;
use super::labels::Labels;
use super::loader::{Loader, activation, check_heads, check_sizes};
use super::ops::{Activation, Attention, Batch, Compute, Linear, Norm, add};
use super::{Patience, RewardModel, RewardText};
use crate::Result;
use crate::weights::{Checkpoint, read_json};

/// Fixed in the reference; no config says it.
const EPS: f64 = 1e-12;

const NAMES: EncoderNames = EncoderNames {
    qkv: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_out: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    mlp_in: "ffn.lin1",
    mlp_out: "ffn.lin2",
    mlp_norm: "output_layer_norm",
};

#[derive(Deserialize)]
struct Raw {
    dim: usize,
    hidden_dim: usize,
    n_layers: usize,
    n_heads: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_activation")]
    activation: String,
    #[serde(flatten)]
    labels: Labels,
}

fn default_activation() -> String {
    "gelu".to_owned()
}

/// DistilBERT with a classification head, which reads the first token.
#[derive(Debug)]
pub struct DistilBert {
    tokens: Tensor,
    positions: Tensor,
    norm: Norm,
    blocks: Vec<EncoderBlock>,
    dense: Linear,
    head: Head,
    device: Device,
}

impl DistilBert {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        Self::load_at(folder, &Compute::on(device))
    }

    pub(super) fn load_at(folder: &Path, place: &Compute) -> Result<Self> {
        let path = folder.join("config.json");
        let config: Raw = read_json(&path)?;
        let width = config.dim;
        check_sizes(
            &path,
            &[
                ("dim", width),
                ("hidden_dim", config.hidden_dim),
                ("n_layers", config.n_layers),
                ("n_heads", config.n_heads),
                ("vocab_size", config.vocab_size),
                ("max_position_embeddings", config.max_position_embeddings),
            ],
        )?;
        check_heads(&path, ("dim", width), config.n_heads)?;
        let activation = activation(&path, "activation", &config.activation)?;
        let attention = Attention {
            heads: config.n_heads,
            scale: ((width / config.n_heads) as f32).powf(-0.5),
            causal: false,
            kernels: place.kernels,
        };
        let checkpoint = Checkpoint::open_folder(folder)?;
        let head = Head::load(&checkpoint, "classifier", width, &config.labels, place)?;
        let probe = "embeddings.word_embeddings.weight";
        let loader = Loader::new(&checkpoint, "distilbert.", probe, place);
        let blocks = (0..config.n_layers).map(|layer| {
            EncoderBlock::load(
                &loader,
                &format!("transformer.layer.{layer}"),
                &NAMES,
                [width, config.hidden_dim],
                (EPS, activation),
                |_| Ok(attention),
            )
        });
        let blocks = blocks.collect::<Result<_>>()?;
        let positions = [config.max_position_embeddings, width];
        let (tokens, positions, norm) = (
            loader.table(probe, [config.vocab_size, width])?,
            loader.table("embeddings.position_embeddings.weight", positions)?,
            loader.norm("embeddings.LayerNorm", width, EPS)?,
        );
        let loader = Loader::new(&checkpoint, "", "", place);
        Ok(Self {
            tokens,
            positions,
            norm,
            blocks,
            dense: loader.linear("pre_classifier", [width, width])?,
            head,
            device: place.device.clone(),
        })
    }

    fn first_states(&self, batch: &Batch<'_>) -> candle_core::Result<Tensor> {
        let tokens = self.tokens.index_select(&batch.ids(&self.device)?, 0)?;
        let places = batch.positions(0, &self.device)?;
        let x = add(&tokens, &self.positions.index_select(&places, 0)?)?;
        let x = EncoderBlock::run(&self.blocks, self.norm.forward(&x)?, batch, &self.device)?;
        self.dense.activated(&x, Activation::Relu)
    }
}

impl RewardModel for DistilBert {
    fn kind(&self) -> &'static str {
        "distilbert"
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

    fn multiply_adds(&self, tokens: usize) -> u64 {
        let width = self.dense.outputs();
        let inner = self.blocks.first().map_or(0, EncoderBlock::inner);
        let blocks = cost::layers(self.blocks.len(), tokens, |wanted| {
            cost::block([width, inner], tokens, wanted, false)
        });
        blocks + (width * width) as u64
    }

    fn score_while(&self, texts: &[RewardText], patience: &Patience<'_>) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        self.head
            .score(&self.first_states(&Batch::new(texts, patience))?)
    }
}
