//! Checkpoint and bank → model.

use super::LlamaConfig;
use super::llama::{Embedding, Layer, Llama};
use crate::device::Panels;
use crate::kernels::PackedMatrix;
use crate::mixture::{Bank, LinearSpec, MixedGroup};
use crate::weights::{Checkpoint, Digest};
use crate::{Error, Result};

/// Groups of a layer: q, k and v; the attention's output; gate and up; down.
pub(super) const GROUPS: usize = 4;

/// Told after each layer: fraction loaded, 0 to 1. An error stops the load.
pub type LoadProgress<'a> = &'a mut dyn FnMut(f32) -> Result<()>;

impl Llama {
    /// Loads a causal model and lays out the bank's experts in it.
    pub fn load(
        config: LlamaConfig,
        panels: Panels,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let shape = [config.vocabulary, config.hidden_size];
        // Packed at once, so that it is never held twice beside the other weights.
        let packed = weight(
            checkpoint,
            "model.embed_tokens.weight",
            shape,
            panels,
            digest,
        )?;
        let (embedding, tied) = if config.tied_embeddings {
            (Embedding::TiedToHead, Some(packed))
        } else {
            (Embedding::Table(packed), None)
        };
        let mut model = Self::load_layers(
            config, panels, embedding, checkpoint, bank, digest, progress,
        )?;
        let weight = match tied {
            Some(weight) => weight,
            None => weight(checkpoint, "lm_head.weight", shape, panels, digest)?,
        };
        let bias = optional_bias(checkpoint, "lm_head", shape[0], digest)?;
        model.head = Some(MixedGroup::new(
            vec![LinearSpec {
                path: "lm_head".to_owned(),
                weight,
                bias,
            }],
            bank,
            model.layers.len() * GROUPS,
        ));
        progress_done(progress)?;
        Ok(model)
    }

    /// Loads all but the output layer.
    pub fn load_body(
        config: LlamaConfig,
        panels: Panels,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let shape = [config.vocabulary, config.hidden_size];
        let table = weight(
            checkpoint,
            "model.embed_tokens.weight",
            shape,
            panels,
            digest,
        )?;
        let embedding = Embedding::Table(table);
        Self::load_layers(
            config, panels, embedding, checkpoint, bank, digest, progress,
        )
    }

    fn load_layers(
        config: LlamaConfig,
        panels: Panels,
        embedding: Embedding,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let hidden = config.hidden_size;
        let norms = config.layer_norms();
        let mut layers = Vec::with_capacity(config.layers);
        let mut linears = config.linears().into_iter();
        for index in 0..config.layers {
            let mut spec = || -> Result<LinearSpec> {
                let (path, [out, inner]) = linears.next().ok_or(Error::EngineGone)?;
                let name = format!("{path}.weight");
                let weight = weight(checkpoint, &name, [out, inner], panels, digest)?;
                let bias = optional_bias(checkpoint, &path, out, digest)?;
                Ok(LinearSpec { path, weight, bias })
            };
            let qkv = MixedGroup::new(vec![spec()?, spec()?, spec()?], bank, index * GROUPS);
            let output = MixedGroup::new(vec![spec()?], bank, index * GROUPS + 1);
            let gate_up = MixedGroup::new(vec![spec()?, spec()?], bank, index * GROUPS + 2);
            let down = MixedGroup::new(vec![spec()?], bank, index * GROUPS + 3);
            let norms = norms.try_map(|(name, width)| {
                let name = format!("model.layers.{index}.{name}.weight");
                let weights = checkpoint.read(&name, &[*width], digest)?;
                Ok(config.norm_weights(weights))
            })?;
            layers.push(Layer {
                norms,
                qkv,
                output,
                gate_up,
                down,
            });
            progress((index + 1) as f32 / (config.layers + 1) as f32)?;
        }
        let norm = checkpoint.read("model.norm.weight", &[hidden], digest)?;
        let norm = config.norm_weights(norm);
        let frequencies = (config.frequencies(), config.local_frequencies());
        Ok(Self {
            config,
            embedding,
            layers,
            norm,
            frequencies,
            head: None,
        })
    }
}

/// A weight as it is computed with: quantised blocks as they are, unless their numbers are asked for.
fn weight(
    checkpoint: &Checkpoint,
    name: &str,
    [out, inner]: [usize; 2],
    panels: Panels,
    digest: &mut Digest,
) -> Result<PackedMatrix> {
    match checkpoint
        .blocks(name)
        .filter(|_| panels == Panels::AsStored)
    {
        Some(kind) => {
            let rows = checkpoint.read_blocks(name, &[out, inner], digest)?;
            Ok(PackedMatrix::blocks(kind, &rows, out, inner))
        }
        None => {
            let numbers = checkpoint.read(name, &[out, inner], digest)?;
            Ok(panels.pack(&numbers, out, inner))
        }
    }
}

fn progress_done(progress: LoadProgress<'_>) -> Result<()> {
    progress(1.0)
}

/// A bias where the checkpoint has one; configs do not always say so.
fn optional_bias(
    checkpoint: &Checkpoint,
    path: &str,
    out: usize,
    digest: &mut Digest,
) -> Result<Option<Vec<f32>>> {
    let name = format!("{path}.bias");
    if checkpoint.contains(&name) {
        checkpoint.read(&name, &[out], digest).map(Some)
    } else {
        Ok(None)
    }
}
