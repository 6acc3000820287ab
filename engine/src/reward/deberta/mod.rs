//! DeBERTa-v2 and v3 with a classification head (`DebertaV2ForSequenceClassification`), in f32.
//!
//! Post-norm blocks with disentangled attention over relative positions (He et al., 2021,
//! arXiv 2006.03654, equation 4; buckets of DeBERTa-v2); the first token's state goes through a
//! pooler to the outputs. On the CPU the body is our own: candle-transformers' agrees with the
//! reference, but gathers positions through index tensors, and stops at a convolution. Elsewhere
//! it is candle-transformers' (`candle`), which the tests hold ours against.

mod attention;
mod candle;
mod config;
mod position;

use std::path::Path;

use candle_core::{Device, Result as CandleResult, Tensor};

use self::attention::Disentangled;
pub(super) use self::candle::CandleDeberta;
use self::config::Config;
use super::cost;
use super::encoder::{Attend, EncoderBlock, EncoderNames};
use super::head::Head;
use super::loader::Loader;
use super::ops::{Activation, Batch, Compute, Linear, Norm, add};
use super::{Patience, RewardModel, RewardText};
use crate::Result;
use crate::weights::Checkpoint;

const NAMES: EncoderNames = EncoderNames {
    qkv: [
        "attention.self.query_proj",
        "attention.self.key_proj",
        "attention.self.value_proj",
    ],
    attention_out: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    mlp_in: "intermediate.dense",
    mlp_out: "output.dense",
    mlp_norm: "output.LayerNorm",
};

type Block = EncoderBlock<Disentangled>;

impl Attend for Disentangled {
    fn attend(&self, qkv: [&Tensor; 3], queries: &[usize], keys: &[usize]) -> CandleResult<Tensor> {
        self.forward(qkv, queries, keys)
    }
}

/// What DeBERTa-v2's larger models add to the first layer: a convolution over the embeddings.
#[derive(Debug)]
struct Convolution {
    layer: Linear,
    size: usize,
    activation: Activation,
    norm: Norm,
}

impl Convolution {
    /// The norm of the first layer's output plus the convolution of its input.
    fn forward(&self, input: &Tensor, output: &Tensor, batch: &Batch<'_>) -> CandleResult<Tensor> {
        let (tokens, width) = input.dims2()?;
        let reach = self.size / 2;
        // Row `tokens` is the zero that stands beyond either end of a text.
        let zero = Tensor::zeros((1, width), input.dtype(), input.device())?;
        let rows = Tensor::cat(&[input, &zero], 0)?;
        let mut neighbours = Vec::with_capacity(tokens * self.size);
        let mut start = 0;
        for &length in batch.lengths() {
            for token in 0..length {
                for step in 0..self.size {
                    let inside = (token + step).checked_sub(reach).filter(|&t| t < length);
                    neighbours.push(inside.map_or(tokens, |t| start + t) as u32);
                }
            }
            start += length;
        }
        let neighbours = Tensor::from_vec(neighbours, tokens * self.size, input.device())?;
        let side_by_side = rows
            .index_select(&neighbours, 0)?
            .reshape((tokens, self.size * width))?;
        let convolved = self.layer.activated(&side_by_side, self.activation)?;
        self.norm.of_sum(output, &convolved)
    }
}

/// DeBERTa-v2 or v3 with a classification head, which reads the first token.
#[derive(Debug)]
pub struct Deberta {
    tokens: Tensor,
    positions: Option<Tensor>,
    projection: Option<Linear>,
    norm: Norm,
    blocks: Vec<Block>,
    convolution: Option<Convolution>,
    pooler: Linear,
    pooler_activation: Activation,
    head: Head,
    context: usize,
    device: Device,
}

impl Deberta {
    /// Reads `config.json` and the checkpoint of a Hugging Face folder, for the CPU.
    pub fn load(folder: &Path) -> Result<Self> {
        let place = Compute::on(&Device::Cpu);
        let config = Config::load(folder)?;
        let checkpoint = Checkpoint::open_folder(folder)?;
        let (width, eps) = (config.width, config.eps);
        let head = Head::load(
            &checkpoint,
            "classifier",
            config.pooled,
            &config.labels,
            &place,
        )?;
        let probe = "embeddings.word_embeddings.weight";
        let loader = Loader::new(&checkpoint, "deberta.", probe, &place);
        let relative = match &config.relative {
            Some(relative) => Some(relative.embeddings(&loader, &config)?),
            None => None,
        };
        let blocks = (0..config.layers)
            .map(|layer| block(&loader, &config, relative.as_ref(), layer))
            .collect::<Result<_>>()?;
        let convolution = match config.convolution {
            Some((size, activation)) => Some(Convolution {
                layer: loader.convolution("encoder.conv.conv", [width, width, size])?,
                size,
                activation,
                norm: loader.norm("encoder.conv.LayerNorm", width, eps)?,
            }),
            None => None,
        };
        let narrow = config.embedding;
        let positions = if config.absolute {
            let shape = [config.max_positions, narrow];
            Some(loader.table("embeddings.position_embeddings.weight", shape)?)
        } else {
            None
        };
        let projection = if narrow == width {
            None
        } else {
            Some(loader.projection("embeddings.embed_proj", [width, narrow])?)
        };
        let (tokens, norm) = (
            loader.table(probe, [config.vocabulary, narrow])?,
            loader.norm("embeddings.LayerNorm", width, eps)?,
        );
        let outside = Loader::new(&checkpoint, "", "", &place);
        Ok(Self {
            tokens,
            positions,
            projection,
            norm,
            blocks,
            convolution,
            pooler: outside.linear("pooler.dense", [config.pooled, width])?,
            pooler_activation: config.pooler_activation,
            head,
            context: config.context(),
            device: place.device,
        })
    }

    fn pooled(&self, batch: &Batch<'_>) -> CandleResult<Tensor> {
        let mut x = self.tokens.index_select(&batch.ids(&self.device)?, 0)?;
        if let Some(positions) = &self.positions {
            let places = batch.positions(0, &self.device)?;
            x = add(&x, &positions.index_select(&places, 0)?)?;
        }
        if let Some(projection) = &self.projection {
            x = projection.forward(&x)?;
        }
        let embedded = self.norm.forward(&x)?;
        let firsts = batch.firsts(&self.device)?;
        let mut x = embedded.clone();
        for (layer, block) in self.blocks.iter().enumerate() {
            batch.go_on()?;
            // After the last layer nothing but each text's first token is read; a convolution
            // beside the only layer wants all of them.
            let convolution = self.convolution.as_ref().filter(|_| layer == 0);
            let last = layer + 1 == self.blocks.len();
            let wanted = (last && convolution.is_none()).then_some(&firsts);
            x = block.forward(&x, batch, wanted)?;
            if let Some(convolution) = convolution {
                x = convolution.forward(&embedded, &x, batch)?;
                if last {
                    x = x.index_select(&firsts, 0)?;
                }
            }
        }
        self.pooler.activated(&x, self.pooler_activation)
    }
}

fn block(
    loader: &Loader<'_>,
    config: &Config,
    relative: Option<&Tensor>,
    layer: usize,
) -> Result<Block> {
    let at = format!("encoder.layer.{layer}");
    let sides = [config.width, config.inner];
    let kind = (config.eps, config.activation);
    Block::load(loader, &at, &NAMES, sides, kind, |[query, key, _]| {
        Disentangled::load(loader, config, relative, &at, [query, key])
    })
}

impl RewardModel for Deberta {
    fn kind(&self) -> &'static str {
        "deberta-v2"
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
        let width = self.pooler.outputs();
        let inner = self.blocks.first().map_or(0, |b| b.inner());
        let rows = self
            .blocks
            .first()
            .map_or(0, |b| b.attention().rows(tokens));
        let blocks = cost::layers(self.blocks.len(), tokens, |wanted| {
            let positions = width * rows * (wanted + tokens);
            cost::block([width, inner], tokens, wanted, false) + positions as u64
        });
        blocks + (width * width) as u64
    }

    fn score_while(&self, texts: &[RewardText], patience: &Patience<'_>) -> Result<Vec<Vec<f32>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        self.head.score(&self.pooled(&Batch::new(texts, patience))?)
    }
}
