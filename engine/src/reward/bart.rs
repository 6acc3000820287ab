//! BART with a classification head (`BartForSequenceClassification`), in f32.
//!
//! The decoder reads the same text as the encoder, moved one token to the right; its state at the
//! last end token goes through a dense layer with tanh to the outputs. Post-norm blocks; learned
//! positions whose table begins with two rows that are never used.

use std::path::Path;

use candle_core::{Device, Result as CandleResult, Tensor};
use serde::Deserialize;

use super::cost;
use super::encoder::{EncoderBlock, EncoderNames, Mlp};
use super::head::Head;
use super::labels::Labels;
use super::loader::{Loader, activation, check_heads, check_sizes};
use super::ops::{Activation, Attention, Batch, Compute, Linear, Norm, add};
use super::{Patience, RewardModel, RewardText};
use crate::weights::{Checkpoint, read_json};
use crate::{Error, Result};

/// Fixed in the reference; no config says it.
const EPS: f64 = 1e-5;
/// Rows of the position table before the first position.
const OFFSET: usize = 2;

const NAMES: EncoderNames = EncoderNames {
    qkv: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    attention_out: "self_attn.out_proj",
    attention_norm: "self_attn_layer_norm",
    mlp_in: "fc1",
    mlp_out: "fc2",
    mlp_norm: "final_layer_norm",
};

#[derive(Deserialize)]
struct Raw {
    d_model: usize,
    encoder_layers: usize,
    decoder_layers: usize,
    encoder_attention_heads: usize,
    decoder_attention_heads: usize,
    encoder_ffn_dim: usize,
    decoder_ffn_dim: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_activation")]
    activation_function: String,
    #[serde(default)]
    scale_embedding: bool,
    #[serde(default = "two")]
    eos_token_id: u32,
    #[serde(default = "two")]
    decoder_start_token_id: u32,
    #[serde(flatten)]
    labels: Labels,
}

fn default_activation() -> String {
    "gelu".to_owned()
}

const fn two() -> u32 {
    2
}

/// BART with a classification head, which reads the decoder's state at the last end token.
#[derive(Debug)]
pub struct Bart {
    tokens: Tensor,
    embedding_scale: f64,
    encoder: Side,
    encoder_blocks: Vec<EncoderBlock>,
    decoder: Side,
    decoder_blocks: Vec<DecoderBlock>,
    dense: Linear,
    head: Head,
    end: u32,
    start: u32,
    context: usize,
    device: Device,
}

/// What the encoder and the decoder each do to the embeddings.
#[derive(Debug)]
struct Side {
    positions: Tensor,
    norm: Norm,
}

#[derive(Debug)]
struct DecoderBlock {
    qkv: [Linear; 3],
    attention: Attention,
    attention_out: Linear,
    attention_norm: Norm,
    cross_query: Linear,
    cross_keys: [Linear; 2],
    cross: Attention,
    cross_out: Linear,
    cross_norm: Norm,
    mlp: Mlp,
}

impl DecoderBlock {
    /// Tokens of the decoder and states of the encoder, `[tokens, width]` each; with `wanted`, one
    /// per text, only these tokens come out.
    fn forward(
        &self,
        x: &Tensor,
        encoded: &Tensor,
        batch: &Batch<'_>,
        wanted: Option<&Tensor>,
    ) -> CandleResult<Tensor> {
        let [query, key, value] = &self.qkv;
        let (x, q, k, v, queries, seen) = match wanted {
            None => {
                let [q, k, v] = Linear::forward_all([query, key, value], x)?;
                let lengths = batch.lengths().to_vec();
                (x.clone(), q, k, v, lengths.clone(), lengths)
            }
            Some(wanted) => {
                // The wanted token sees what stands before it, so the keys end with it.
                let (x, kept, seen) = up_to(x, batch, wanted)?;
                let [k, v] = Linear::forward_all([key, value], &kept)?;
                let q = query.forward(&x)?;
                (x, q, k, v, batch.ones(), seen)
            }
        };
        let mixed = self.attention.forward([&q, &k, &v], &queries, &seen)?;
        let x = self
            .attention_norm
            .of_sum(&x, &self.attention_out.forward(&mixed)?)?;
        let q = self.cross_query.forward(&x)?;
        let [key, value] = &self.cross_keys;
        let [k, v] = Linear::forward_all([key, value], encoded)?;
        let mixed = self
            .cross
            .forward([&q, &k, &v], &queries, batch.lengths())?;
        let x = self
            .cross_norm
            .of_sum(&x, &self.cross_out.forward(&mixed)?)?;
        self.mlp.forward(&x)
    }
}

/// The wanted rows, each text's rows up to its wanted one, and how many those are.
fn up_to(
    x: &Tensor,
    batch: &Batch<'_>,
    wanted: &Tensor,
) -> CandleResult<(Tensor, Tensor, Vec<usize>)> {
    let rows: Vec<u32> = wanted.to_vec1()?;
    let mut start = 0;
    let mut kept: Vec<u32> = Vec::new();
    let mut seen = Vec::with_capacity(rows.len());
    for (&row, &length) in rows.iter().zip(batch.lengths()) {
        kept.extend(start..=row);
        seen.push((row - start + 1) as usize);
        start += length as u32;
    }
    let count = kept.len();
    let kept = x.index_select(&Tensor::from_vec(kept, count, x.device())?, 0)?;
    Ok((x.index_select(wanted, 0)?, kept, seen))
}

impl Bart {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        Self::load_at(folder, &Compute::on(device))
    }

    pub(super) fn load_at(folder: &Path, place: &Compute) -> Result<Self> {
        let path = folder.join("config.json");
        let mut config: Raw = read_json(&path)?;
        config.labels.unnamed = 3;
        let width = config.d_model;
        check_sizes(
            &path,
            &[
                ("d_model", width),
                ("encoder_layers", config.encoder_layers),
                ("decoder_layers", config.decoder_layers),
                ("encoder_attention_heads", config.encoder_attention_heads),
                ("decoder_attention_heads", config.decoder_attention_heads),
                ("encoder_ffn_dim", config.encoder_ffn_dim),
                ("decoder_ffn_dim", config.decoder_ffn_dim),
                ("vocab_size", config.vocab_size),
                ("max_position_embeddings", config.max_position_embeddings),
            ],
        )?;
        check_heads(&path, ("d_model", width), config.encoder_attention_heads)?;
        check_heads(&path, ("d_model", width), config.decoder_attention_heads)?;
        if config.decoder_start_token_id as usize >= config.vocab_size {
            let problem = format!(
                "is {}, outside the vocabulary of {} tokens",
                config.decoder_start_token_id, config.vocab_size
            );
            return Err(Error::field(&path, "decoder_start_token_id", problem));
        }
        let activation = activation(&path, "activation_function", &config.activation_function)?;
        let checkpoint = Checkpoint::open_folder(folder)?;
        let head = Head::load(
            &checkpoint,
            "classification_head.out_proj",
            width,
            &config.labels,
            place,
        )?;
        let loader = Loader::new(&checkpoint, "model.", "shared.weight", place);
        // One table in three places; old files have it under its first name, new ones drop copies.
        let table = ["shared.weight", "encoder.embed_tokens.weight"]
            .into_iter()
            .find(|name| loader.has(name))
            .unwrap_or("shared.weight");
        let attention = |heads: usize, causal| Attention {
            heads,
            scale: ((width / heads) as f32).powf(-0.5),
            causal,
            kernels: place.kernels,
        };
        let encoder_blocks = (0..config.encoder_layers)
            .map(|layer| {
                EncoderBlock::load(
                    &loader,
                    &format!("encoder.layers.{layer}"),
                    &NAMES,
                    [width, config.encoder_ffn_dim],
                    (EPS, activation),
                    |_| Ok(attention(config.encoder_attention_heads, false)),
                )
            })
            .collect::<Result<_>>()?;
        let heads = config.decoder_attention_heads;
        let decoder_blocks = (0..config.decoder_layers)
            .map(|layer| {
                decoder_block(
                    &loader,
                    layer,
                    [width, config.decoder_ffn_dim],
                    activation,
                    [attention(heads, true), attention(heads, false)],
                )
            })
            .collect::<Result<_>>()?;
        let positions = [config.max_position_embeddings + OFFSET, width];
        let side = |name: &str| -> Result<Side> {
            Ok(Side {
                positions: loader.table(&format!("{name}.embed_positions.weight"), positions)?,
                norm: loader.norm(&format!("{name}.layernorm_embedding"), width, EPS)?,
            })
        };
        let (encoder, decoder) = (side("encoder")?, side("decoder")?);
        let tokens = loader.table(table, [config.vocab_size, width])?;
        let outside = Loader::new(&checkpoint, "", "", place);
        Ok(Self {
            tokens,
            embedding_scale: if config.scale_embedding {
                (width as f64).sqrt()
            } else {
                1.0
            },
            encoder,
            encoder_blocks,
            decoder,
            decoder_blocks,
            dense: outside.linear("classification_head.dense", [width, width])?,
            head,
            end: config.eos_token_id,
            start: config.decoder_start_token_id,
            context: config.max_position_embeddings,
            device: place.device.clone(),
        })
    }

    fn embed(&self, side: &Side, batch: &Batch<'_>) -> CandleResult<Tensor> {
        let mut tokens = self.tokens.index_select(&batch.ids(&self.device)?, 0)?;
        if self.embedding_scale != 1.0 {
            tokens = (tokens * self.embedding_scale)?;
        }
        let places = batch.positions(OFFSET, &self.device)?;
        side.norm
            .forward(&add(&tokens, &side.positions.index_select(&places, 0)?)?)
    }

    fn end_states(
        &self,
        texts: &[RewardText],
        ends: &[usize],
        patience: &Patience<'_>,
    ) -> CandleResult<Tensor> {
        let batch = Batch::new(texts, patience);
        let mut encoded = self.embed(&self.encoder, &batch)?;
        for block in &self.encoder_blocks {
            batch.go_on()?;
            encoded = block.forward(&encoded, &batch, None)?;
        }
        let moved: Vec<RewardText> = texts
            .iter()
            .map(|text| {
                let before = &text.ids[..text.ids.len() - 1];
                RewardText {
                    ids: [&[self.start], before].concat(),
                }
            })
            .collect();
        let mut x = self.embed(&self.decoder, &Batch::new(&moved, patience))?;
        let wanted = batch.rows(&self.device, |text, start, _| start + ends[text])?;
        for (layer, block) in self.decoder_blocks.iter().enumerate() {
            batch.go_on()?;
            let wanted = (layer + 1 == self.decoder_blocks.len()).then_some(&wanted);
            x = block.forward(&x, &encoded, &batch, wanted)?;
        }
        self.dense.activated(&x, Activation::Tanh)
    }
}

fn decoder_block(
    loader: &Loader<'_>,
    layer: usize,
    [width, inner]: [usize; 2],
    activation: Activation,
    [attention, cross]: [Attention; 2],
) -> Result<DecoderBlock> {
    let at = format!("decoder.layers.{layer}");
    let square = |name: &str| loader.linear(&format!("{at}.{name}"), [width, width]);
    let [q, k, v] = NAMES.qkv;
    let (qkv, attention_out) = (
        [square(q)?, square(k)?, square(v)?],
        square(NAMES.attention_out)?,
    );
    let (cross_query, cross_keys, cross_out) = (
        square("encoder_attn.q_proj")?,
        [
            square("encoder_attn.k_proj")?,
            square("encoder_attn.v_proj")?,
        ],
        square("encoder_attn.out_proj")?,
    );
    Ok(DecoderBlock {
        qkv,
        attention,
        attention_out,
        attention_norm: loader.norm(&format!("{at}.{}", NAMES.attention_norm), width, EPS)?,
        cross_query,
        cross_keys,
        cross,
        cross_out,
        cross_norm: loader.norm(&format!("{at}.encoder_attn_layer_norm"), width, EPS)?,
        mlp: Mlp::load(loader, &at, &NAMES, [width, inner], (EPS, activation))?,
    })
}

impl RewardModel for Bart {
    fn kind(&self) -> &'static str {
        "bart"
    }

    fn outputs(&self) -> usize {
        self.head.outputs()
    }

    fn vocabulary(&self) -> usize {
        self.tokens.dims().first().copied().unwrap_or(0)
    }

    fn context(&self) -> usize {
        self.context
    }

    fn multiply_adds(&self, tokens: usize) -> u64 {
        let width = self.dense.outputs();
        let inner = self.encoder_blocks.first().map_or(0, EncoderBlock::inner);
        let encoder =
            self.encoder_blocks.len() as u64 * cost::block([width, inner], tokens, tokens, false);
        let inner = self.decoder_blocks.first().map_or(0, |b| b.mlp.inner());
        let decoder = cost::layers(self.decoder_blocks.len(), tokens, |wanted| {
            cost::block([width, inner], tokens, wanted, true) + cost::cross(width, tokens, wanted)
        });
        encoder + decoder + (width * width) as u64
    }

    fn reads_at(&self, ids: &[u32]) -> usize {
        ids.iter().rposition(|&id| id == self.end).unwrap_or(0)
    }

    fn check(&self, text: &RewardText) -> Result<()> {
        if text.ids.contains(&self.end) {
            return Ok(());
        }
        let problem = format!(
            "lack the end token {}, at whose last place a BART classifier reads its score",
            self.end
        );
        Err(Error::option("tokens", problem))
    }

    fn score_while(&self, texts: &[RewardText], patience: &Patience<'_>) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let ends = texts
            .iter()
            .map(|text| {
                self.check(text)?;
                Ok(self.reads_at(&text.ids))
            })
            .collect::<Result<Vec<usize>>>()?;
        self.head.score(&self.end_states(texts, &ends, patience)?)
    }
}
