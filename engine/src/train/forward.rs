//! The differentiable forward of a Llama-family model over a flat batch.
//!
//! Written for clarity over speed of decoding: no cache, and one router at most. The inference forward is held against
//! it in tests.

use candle_core::{Tensor, Var};

use super::batch::{FlatBatch, PredictionBatch, index_tensor};
use super::mixture::{self, Electorate, SiteMixture};
use super::ops::{self, AttentionShape, Rotation};
use super::params::{self, NamedTensors, NamedVars};
use crate::model::LlamaConfig;
use crate::types::{LoraConfig, Method};
use crate::{Error, Result};

/// Whether adapters take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapters {
    /// As trained.
    On,
    /// The base model alone: the reference of preference optimisation.
    Off,
}

/// Which form of the operations runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// Hand-written, CPU only.
    Fused,
    /// candle's own operations, on any device: the reference.
    Plain,
}

#[derive(Debug)]
struct Lora {
    a: Tensor,
    b: Tensor,
    scale: f64,
}

/// What is added to a linear module's own product.
#[derive(Debug)]
enum Update {
    None,
    /// An adapter in training.
    Lora(Lora),
    /// Frozen experts under a router in training.
    Mixture(Box<SiteMixture>),
}

#[derive(Debug)]
struct Linear {
    weight: Tensor,
    update: Update,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    q: Linear,
    k: Linear,
    v: Linear,
    o: Linear,
    feed_forward_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// A model in training: frozen tensors and variables, joined by name.
#[derive(Debug)]
pub struct TrainModel {
    shape: LlamaConfig,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Tensor,
    score: Option<Tensor>,
    frequencies: Vec<f32>,
    kernels: Kernels,
    vars: NamedVars,
}

/// What one forward pass over a batch needs besides the weights.
struct Context<'a> {
    attention: AttentionShape,
    rotation: Rotation,
    adapters: Adapters,
    model: &'a TrainModel,
}

impl TrainModel {
    /// Joins `weights` (all of [`LlamaConfig::weights`], and `score.weight` for a reward model) with what
    /// `method` makes trainable; adapters are drawn from `seed`.
    pub fn new(
        shape: LlamaConfig,
        weights: &NamedTensors,
        method: &Method,
        seed: u64,
    ) -> Result<Self> {
        let (vars, lora) = match method {
            Method::Full => (params::trainable(weights)?, None),
            Method::Lora(config) => {
                let mut adapters = params::lora(&shape, config, seed)?;
                if let Some(weight) = weights.values().next() {
                    adapters = params::to_device(&adapters, weight.device())?;
                }
                (params::trainable(&adapters)?, Some(config))
            }
        };
        Self::join(
            shape,
            weights,
            vars,
            &lora.map_or(Updates::None, Updates::Lora),
        )
    }

    /// A model without anything to train.
    pub fn frozen(shape: LlamaConfig, weights: &NamedTensors) -> Result<Self> {
        Self::join(shape, weights, NamedVars::new(), &Updates::None)
    }

    /// Everything frozen but `router` (see [`Electorate::fresh`]), which mixes the experts of `electorate`.
    pub(super) fn routed(
        shape: LlamaConfig,
        weights: &NamedTensors,
        electorate: &Electorate<'_>,
        router: &NamedTensors,
    ) -> Result<Self> {
        let vars = params::trainable(router)?;
        Self::join(shape, weights, vars, &Updates::Mixture(electorate))
    }

    /// This model with a value head `[values, hidden]` and its bias, zero, for every state's expected reward.
    pub(super) fn with_values(mut self, values: usize) -> Result<Self> {
        let (hidden, device) = (self.shape.hidden_size, self.embedding.device());
        let weight = Tensor::zeros((values, hidden), candle_core::DType::F32, device)?;
        let bias = Tensor::zeros(values, candle_core::DType::F32, device)?;
        for (name, tensor) in [(VALUE_WEIGHT, weight), (VALUE_BIAS, bias)] {
            self.vars
                .insert(name.to_owned(), Var::from_tensor(&tensor)?);
        }
        Ok(self)
    }

    fn join(
        shape: LlamaConfig,
        weights: &NamedTensors,
        vars: NamedVars,
        updates: &Updates<'_>,
    ) -> Result<Self> {
        let source = Source {
            weights,
            vars: &vars,
            updates,
        };
        let layers = (0..shape.layers)
            .map(|i| source.layer(i))
            .collect::<Result<Vec<_>>>()?;
        let embedding = source.tensor("model.embed_tokens.weight")?;
        let score = weights
            .contains_key("score.weight")
            .then(|| source.tensor("score.weight"))
            .transpose()?;
        // A reward model has no output projection of its own.
        let tied = shape.tied_embeddings || score.is_some();
        let head = if tied {
            embedding.clone()
        } else {
            source.tensor("lm_head.weight")?
        };
        let norm = source.tensor("model.norm.weight")?;
        let kernels = if embedding.device().is_cpu() {
            Kernels::Fused
        } else {
            Kernels::Plain
        };
        let frequencies = shape.inverse_frequencies();
        let frequencies = frequencies.into_iter().map(|f| f as f32).collect();
        Ok(Self {
            shape,
            embedding,
            layers,
            norm,
            head,
            score,
            frequencies,
            kernels,
            vars,
        })
    }

    /// This model with another form of the operations.
    pub fn with_kernels(self, kernels: Kernels) -> Self {
        Self { kernels, ..self }
    }

    /// How many threads share a step when `asked` may: a GPU is parallel by itself.
    pub fn workers(&self, asked: usize) -> usize {
        if self.embedding.device().is_cpu() {
            asked
        } else {
            1
        }
    }

    /// What is trained.
    pub fn vars(&self) -> &NamedVars {
        &self.vars
    }

    /// The model's shape.
    pub fn shape(&self) -> &LlamaConfig {
        &self.shape
    }

    /// The residual stream after the last layer, before the last norm: `[rows, hidden]`.
    pub fn hidden(&self, batch: &FlatBatch, adapters: Adapters) -> Result<Tensor> {
        let context = Context {
            attention: AttentionShape {
                offsets: std::sync::Arc::clone(&batch.offsets),
                heads: self.shape.heads,
                kv_heads: self.shape.kv_heads,
                head_dim: self.shape.head_dim,
            },
            rotation: Rotation::new(&batch.positions, &self.frequencies),
            adapters,
            model: self,
        };
        let mut x = self
            .embedding
            .index_select(&index_tensor(&batch.tokens, self.embedding.device())?, 0)?;
        for layer in &self.layers {
            x = layer.forward(&x, &context)?;
        }
        Ok(x)
    }

    /// Log-probabilities of the batch's targets: `[rows that predict]`.
    pub fn log_probs(&self, batch: &PredictionBatch, adapters: Adapters) -> Result<Tensor> {
        self.log_probs_of(&self.states(batch, adapters)?, batch, 1.0)
    }

    /// Hidden states after the last norm of the rows that predict: `[rows that predict, hidden]`.
    pub(super) fn states(&self, batch: &PredictionBatch, adapters: Adapters) -> Result<Tensor> {
        let hidden = self.hidden(&batch.flat, adapters)?;
        let rows = index_tensor(&batch.rows, hidden.device())?;
        self.norm(&hidden.index_select(&rows, 0)?, &self.norm)
    }

    /// Log-probabilities of the batch's targets from [`TrainModel::states`], logits divided by
    /// `temperature`: `[rows that predict]`.
    pub(super) fn log_probs_of(
        &self,
        states: &Tensor,
        batch: &PredictionBatch,
        temperature: f64,
    ) -> Result<Tensor> {
        let logits = if (temperature - 1.0).abs() < f64::EPSILON {
            self.product(states, &self.head)?
        } else {
            self.product(&(states / temperature)?, &self.head)?
        };
        Ok(match self.kernels {
            Kernels::Fused => ops::log_prob(&logits, &batch.targets)?,
            Kernels::Plain => ops::log_prob_plain(&logits, &batch.targets)?,
        })
    }

    /// Expected rewards of states, `[rows, values]`. The states' own gradient ends here: a value is read
    /// from what the model does and does not pull at it.
    pub(super) fn values(&self, states: &Tensor) -> Result<Tensor> {
        let var = |name: &str| {
            self.vars
                .get(name)
                .map(Var::as_tensor)
                .ok_or_else(|| Error::internal("a model without a value head was asked for values"))
        };
        let product = self.product(&states.detach(), var(VALUE_WEIGHT)?)?;
        Ok(product.broadcast_add(var(VALUE_BIAS)?)?)
    }

    /// Logits of every row: `[rows, vocabulary]`.
    pub fn logits(&self, batch: &FlatBatch, adapters: Adapters) -> Result<Tensor> {
        let hidden = self.hidden(batch, adapters)?;
        self.product(&self.norm(&hidden, &self.norm)?, &self.head)
    }

    /// The score of every sequence, read at its last token: `[sequences]`.
    pub fn scores(&self, batch: &FlatBatch) -> Result<Tensor> {
        let Some(score) = &self.score else {
            return Err(Error::internal(
                "a model without a score head was asked for scores",
            ));
        };
        let hidden = self.hidden(batch, Adapters::On)?;
        let rows = index_tensor(&batch.last_rows(), hidden.device())?;
        let last = self.norm(&hidden.index_select(&rows, 0)?, &self.norm)?;
        Ok(self.product(&last, score)?.squeeze(1)?)
    }

    fn norm(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let eps = self.shape.rms_norm_eps;
        Ok(match self.kernels {
            Kernels::Fused => ops::rms_norm(x, weight, eps)?,
            Kernels::Plain => ops::rms_norm_plain(x, weight, eps)?,
        })
    }

    fn product(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        Ok(match self.kernels {
            Kernels::Fused => ops::linear(x, weight)?,
            Kernels::Plain => ops::linear_plain(x, weight)?,
        })
    }
}

/// Names of the value head's tensors.
pub(super) const VALUE_WEIGHT: &str = "value.weight";
pub(super) const VALUE_BIAS: &str = "value.bias";

/// What stands beside frozen weights.
enum Updates<'a> {
    None,
    Lora(&'a LoraConfig),
    Mixture(&'a Electorate<'a>),
}

/// Where a layer finds its tensors.
struct Source<'a> {
    weights: &'a NamedTensors,
    vars: &'a NamedVars,
    updates: &'a Updates<'a>,
}

impl Source<'_> {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        let var = self.vars.get(name).map(Var::as_tensor);
        var.or_else(|| self.weights.get(name))
            .cloned()
            .ok_or_else(|| Error::internal(format!("no weight in memory is called `{name}`")))
    }

    fn linear(&self, path: &str) -> Result<Linear> {
        let weight = self.tensor(&format!("{path}.weight"))?;
        let update = match self.updates {
            Updates::Lora(config) if config.targets(path) => Update::Lora(Lora {
                a: self.tensor(&format!("{path}.lora_A.weight"))?,
                b: self.tensor(&format!("{path}.lora_B.weight"))?,
                scale: config.scale(),
            }),
            Updates::Mixture(electorate) => self.mixture(electorate, path, &weight)?,
            Updates::Lora(_) | Updates::None => Update::None,
        };
        Ok(Linear { weight, update })
    }

    /// The router's mixture at a module, if it has a layer there.
    fn mixture(&self, electorate: &Electorate<'_>, path: &str, weight: &Tensor) -> Result<Update> {
        let (rows, bias) = mixture::names(path);
        if !self.vars.contains_key(&rows) {
            return Ok(Update::None);
        }
        let (d_out, d_in) = weight.dims2()?;
        let layer = (self.tensor(&rows)?, self.tensor(&bias)?);
        let site = electorate.site(path, [d_out, d_in], layer)?;
        Ok(site.map_or(Update::None, |site| Update::Mixture(Box::new(site))))
    }

    fn layer(&self, index: usize) -> Result<Layer> {
        let at = |name: &str| format!("model.layers.{index}.{name}");
        Ok(Layer {
            attention_norm: self.tensor(&at("input_layernorm.weight"))?,
            q: self.linear(&at("self_attn.q_proj"))?,
            k: self.linear(&at("self_attn.k_proj"))?,
            v: self.linear(&at("self_attn.v_proj"))?,
            o: self.linear(&at("self_attn.o_proj"))?,
            feed_forward_norm: self.tensor(&at("post_attention_layernorm.weight"))?,
            gate: self.linear(&at("mlp.gate_proj"))?,
            up: self.linear(&at("mlp.up_proj"))?,
            down: self.linear(&at("mlp.down_proj"))?,
        })
    }
}

impl Linear {
    /// `W x`, plus `scale · B A x` or the mixture of experts.
    fn forward(&self, x: &Tensor, context: &Context<'_>) -> Result<Tensor> {
        let model = context.model;
        let y = model.product(x, &self.weight)?;
        match &self.update {
            _ if context.adapters == Adapters::Off => Ok(y),
            Update::None => Ok(y),
            Update::Lora(Lora { a, b, scale }) => {
                let low = (model.product(x, a)? * *scale)?;
                Ok((y + model.product(&low, b)?)?)
            }
            Update::Mixture(mixture) => Ok((y + mixture.forward(x, |x, w| model.product(x, w))?)?),
        }
    }
}

impl Layer {
    fn forward(&self, x: &Tensor, context: &Context<'_>) -> Result<Tensor> {
        let model = context.model;
        let h = model.norm(x, &self.attention_norm)?;
        let (q, k, v) = (
            self.q.forward(&h, context)?,
            self.k.forward(&h, context)?,
            self.v.forward(&h, context)?,
        );
        let mixed = match model.kernels {
            Kernels::Fused => {
                let (q, k) = (
                    ops::rope(&q, &context.rotation)?,
                    ops::rope(&k, &context.rotation)?,
                );
                ops::attention(&q, &k, &v, &context.attention)?
            }
            Kernels::Plain => {
                let (q, k) = (
                    ops::rope_plain(&q, &context.rotation)?,
                    ops::rope_plain(&k, &context.rotation)?,
                );
                ops::attention_plain(&q, &k, &v, &context.attention)?
            }
        };
        let x = (x + self.o.forward(&mixed, context)?)?;
        let h = model.norm(&x, &self.feed_forward_norm)?;
        let (gate, up) = (
            self.gate.forward(&h, context)?,
            self.up.forward(&h, context)?,
        );
        let inner = match model.kernels {
            Kernels::Fused => ops::swiglu(&gate, &up)?,
            Kernels::Plain => ops::swiglu_plain(&gate, &up)?,
        };
        Ok((x + self.down.forward(&inner, context)?)?)
    }
}
