//! A model wherever it computes: on our own kernels, or on candle's tensors.

use super::left_out::in_words;
use super::tensor::TensorLlama;
use super::{Llama, LlamaConfig, LoadProgress, RowCache, SideExperts, StepRow};
use crate::device::Backend;
use crate::mixture::{Bank, Tap};
use crate::weights::{Checkpoint, Digest, LoraFactor, RouterSite};
use crate::{Error, Result};

/// A model with its experts. Both kinds take the same rows to the same numbers, within rounding.
#[derive(Debug)]
pub enum Decoder {
    /// Packed weights on the CPU.
    Packed(Box<Llama>),
    /// Tensors of any type on any device.
    Tensors(Box<TensorLlama>),
}

impl Decoder {
    /// Loads a causal model and lays out the bank's experts in it.
    pub fn load(
        backend: &Backend,
        config: LlamaConfig,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let checkpoint = &asked_for(&config, checkpoint)?;
        Ok(match backend {
            Backend::Packed(panels) => Self::Packed(Box::new(Llama::load(
                config, *panels, checkpoint, bank, digest, progress,
            )?)),
            Backend::Tensors { device, dtype } => Self::Tensors(Box::new(TensorLlama::load(
                (device, *dtype),
                config,
                checkpoint,
                bank,
                digest,
                progress,
            )?)),
        })
    }

    /// Loads all but the output layer.
    pub fn load_body(
        backend: &Backend,
        config: LlamaConfig,
        checkpoint: &Checkpoint,
        bank: &mut Bank,
        digest: &mut Digest,
        progress: LoadProgress<'_>,
    ) -> Result<Self> {
        let checkpoint = &asked_for(&config, checkpoint)?;
        Ok(match backend {
            Backend::Packed(panels) => Self::Packed(Box::new(Llama::load_body(
                config, *panels, checkpoint, bank, digest, progress,
            )?)),
            Backend::Tensors { device, dtype } => Self::Tensors(Box::new(TensorLlama::load_body(
                (device, *dtype),
                config,
                checkpoint,
                bank,
                digest,
                progress,
            )?)),
        })
    }

    /// The model's shape.
    pub fn config(&self) -> &LlamaConfig {
        match self {
            Self::Packed(model) => model.config(),
            Self::Tensors(model) => model.config(),
        }
    }

    /// Gives router `router` of the bank new numbers at module `path`: a router in training changes between
    /// rollouts. Refuses a module where it has no layer of this size.
    pub fn set_router(&mut self, router: usize, path: &str, site: &RouterSite) -> Result<()> {
        let mut found = false;
        match self {
            Self::Packed(model) => {
                for group in model.groups_mut() {
                    found |= group.set_router(router, path, site);
                }
            }
            Self::Tensors(model) => {
                for group in model.groups_mut() {
                    found |= group.set_router(router, path, site)?;
                }
            }
        }
        placed(found, "router", router, path)
    }

    /// Gives adapter `adapter` of the bank new numbers at module `path`. Refuses a module where it has none of this size.
    pub fn set_adapter(&mut self, adapter: usize, path: &str, factor: &LoraFactor) -> Result<()> {
        let mut found = false;
        match self {
            Self::Packed(model) => {
                for group in model.groups_mut() {
                    found |= group.set_adapter(adapter, path, factor);
                }
            }
            Self::Tensors(model) => {
                for group in model.groups_mut() {
                    found |= group.set_adapter(adapter, path, factor)?;
                }
            }
        }
        placed(found, "adapter", adapter, path)
    }

    /// Lays out experts for rows to carry beside the bank's; their numbers are released from `bank`.
    pub fn side(&self, bank: &mut Bank) -> Result<SideExperts> {
        Ok(match self {
            Self::Packed(model) => SideExperts::Packed(model.side(bank)),
            Self::Tensors(model) => SideExperts::Tensors(model.side(bank)?),
        })
    }

    /// Bytes of weights in memory, experts included.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Packed(model) => model.bytes(),
            Self::Tensors(model) => model.bytes(),
        }
    }

    /// Bytes of weights that one step reads: the linear modules' once, of a table of embeddings next to nothing, and those
    /// of the experts where any row mixes them.
    pub fn step_bytes(&self, mixed: bool) -> usize {
        match self {
            Self::Packed(model) => model.step_bytes(mixed),
            Self::Tensors(model) => {
                let (config, number) = (model.config(), model.dtype().size_in_bytes());
                let linears = config.linears().into_iter();
                let linears: usize = linears.map(|(_, [out, inner])| out * inner * number).sum();
                let table = if config.tied_embeddings {
                    0
                } else {
                    config.vocabulary * config.hidden_size * number
                };
                let experts = model.bytes().saturating_sub(linears + table);
                linears + if mixed { experts } else { 0 }
            }
        }
    }

    /// Whether any weight of the base is quantised in memory, so that activations are rounded.
    pub fn is_quantised(&self) -> bool {
        match self {
            Self::Packed(model) => model.is_quantised(),
            Self::Tensors(_) => false,
        }
    }

    /// How the weights of the base are stored in memory, in words, e.g. `bf16 and f32`.
    pub fn storage(&self) -> String {
        match self {
            Self::Packed(model) => model.storage(),
            Self::Tensors(model) => model.dtype().as_str().to_owned(),
        }
    }

    /// Empties a cache and makes room for `positions` of a row of this model.
    pub fn reset(&self, cache: &mut RowCache, positions: usize) -> Result<()> {
        match self {
            Self::Packed(model) => {
                cache.reset(model.config(), model.cache_type(), positions);
                Ok(())
            }
            Self::Tensors(model) => model.reset(cache, positions),
        }
    }

    /// One step; the logits `[wanted tokens, vocabulary]` of every row's wanted tokens, in order.
    ///
    /// With a tap, the gates of all tokens of the step are recorded (those of the output layer for
    /// wanted tokens only, since it runs on no others). After an error the rows' caches are of no more
    /// use.
    pub fn forward(&self, rows: &mut [StepRow<'_>], tap: Option<&mut Tap>) -> Result<Vec<f32>> {
        match self {
            Self::Packed(model) => Ok(model.forward(rows, tap)),
            Self::Tensors(model) => model.forward(rows, tap),
        }
    }

    /// One step; the hidden states of the wanted tokens after each of `layers` (counted from 0), `[wanted tokens, hidden]`
    /// each, before any norm.
    pub fn states(&self, rows: &mut [StepRow<'_>], layers: &[usize]) -> Result<Vec<Vec<f32>>> {
        match self {
            Self::Packed(model) => Ok(model.states(rows, layers)),
            Self::Tensors(model) => model.states(rows, layers),
        }
    }

    /// One step; the hidden states after the last norm, `[wanted tokens, hidden]`.
    pub fn hidden(&self, rows: &mut [StepRow<'_>]) -> Result<Vec<f32>> {
        match self {
            Self::Packed(model) => Ok(model.hidden(rows)),
            Self::Tensors(model) => model.hidden(rows),
        }
    }
}

/// A checkpoint without the biases that the configuration does not ask for.
fn asked_for(config: &LlamaConfig, checkpoint: &Checkpoint) -> Result<Checkpoint> {
    let left_out = config.biases_not_asked_for(checkpoint)?;
    if !left_out.is_empty() {
        tracing::warn!(
            "{}: {} not asked for by config.json (attention_bias, mlp_bias) and left out, as transformers does",
            checkpoint.path().display(),
            in_words(&left_out)
        );
    }
    if let Some(warning) = config.context_warning() {
        tracing::warn!("{}: {warning}", checkpoint.path().display());
    }
    Ok(checkpoint.without(&left_out))
}

fn placed(found: bool, what: &str, index: usize, path: &str) -> Result<()> {
    if found {
        return Ok(());
    }
    let problem =
        format!("{index} has no numbers of this size at `{path}`; only those can be changed");
    Err(Error::option(what, problem))
}
