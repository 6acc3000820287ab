//! Checkpoint and bank → tensors on a device.

use std::sync::{Arc, Mutex};

use candle_core::{DType, Device};

use super::group::{LinearWeights, Placer, TensorGroup};
use super::slots::SlotPool;
use super::{Layer, TensorLlama};
use crate::mixture::Bank;
use crate::model::load::GROUPS;
use crate::model::{LlamaConfig, LoadProgress};
use crate::weights::{Checkpoint, Digest};
use crate::{Error, Result};

impl TensorLlama {
    /// Loads a causal model and lays out the bank's experts in it. Tensors are read in the order of
    /// [`crate::model::Llama::load`], so that the digest is the same.
    pub fn load(
        place: (&Device, DType),
        config: LlamaConfig,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let mut placer = Placer::new(place.0, place.1);
        let mut model =
            Self::without_head(&mut placer, config, checkpoint, bank, digest, progress)?;
        let config = &model.config;
        let [vocabulary, hidden] = [config.vocabulary, config.hidden_size];
        let path = "lm_head";
        let weight = if config.tied_embeddings {
            None
        } else {
            Some(checkpoint.read(&format!("{path}.weight"), &[vocabulary, hidden], digest)?)
        };
        let bias = optional_bias(checkpoint, path, vocabulary, digest)?;
        let place = model.layers.len() * GROUPS;
        let head = match weight {
            None => TensorGroup::tied(path, &model.embedding, bias, bank, &mut placer, place),
            Some(weight) => {
                let spec = LinearWeights {
                    path: path.to_owned(),
                    shape: [vocabulary, hidden],
                    weight,
                    bias,
                };
                TensorGroup::new(vec![spec], bank, &mut placer, place)
            }
        };
        model.head = Some(head.map_err(|e| model.trouble(e))?);
        progress(1.0)?;
        Ok(model)
    }

    /// Loads all but the output layer.
    pub fn load_body(
        place: (&Device, DType),
        config: LlamaConfig,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let mut placer = Placer::new(place.0, place.1);
        Self::without_head(&mut placer, config, checkpoint, bank, digest, progress)
    }

    fn without_head(
        placer: &mut Placer,
        config: LlamaConfig,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let hidden = config.hidden_size;
        let device = placer.device.clone();
        let trouble = |error| Error::on_device(&device, error);
        let table = [config.vocabulary, hidden];
        let embedding = checkpoint.read("model.embed_tokens.weight", &table, digest)?;
        let embedding = placer.place(embedding, &table).map_err(trouble)?;
        let mut layers = Vec::with_capacity(config.layers);
        let norms = config.layer_norms();
        let mut linears = config.linears().into_iter();
        for index in 0..config.layers {
            let mut place = index * GROUPS;
            let mut group = |count: usize, placer: &mut Placer| -> Result<TensorGroup> {
                let specs = linears
                    .by_ref()
                    .take(count)
                    .map(|(path, shape)| {
                        Ok(LinearWeights {
                            weight: checkpoint.read(&format!("{path}.weight"), &shape, digest)?,
                            bias: optional_bias(checkpoint, &path, shape[0], digest)?,
                            path,
                            shape,
                        })
                    })
                    .collect::<Result<Vec<_>>>()?;
                place += 1;
                TensorGroup::new(specs, bank, placer, place - 1).map_err(trouble)
            };
            let qkv = group(3, placer)?;
            let output = group(1, placer)?;
            let gate_up = group(2, placer)?;
            let down = group(1, placer)?;
            let norms = norms.try_map(|(name, width)| {
                let name = format!("model.layers.{index}.{name}.weight");
                let weights = checkpoint.read(&name, &[*width], digest)?;
                let weights = config.norm_weights(weights);
                placer.place(weights, &[*width]).map_err(trouble)
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
        let pool = SlotPool::new(
            config.head_layout(),
            config.layers,
            &placer.device,
            placer.dtype,
        );
        Ok(Self {
            norm: placer.place(norm, &[hidden]).map_err(trouble)?,
            frequencies: (config.frequencies(), config.local_frequencies()),
            config,
            embedding,
            layers,
            head: None,
            pool: Arc::new(Mutex::new(pool)),
            device: device.clone(),
            dtype: placer.dtype,
        })
    }
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
