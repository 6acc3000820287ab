//! The differentiable forward of a Llama-family model over a flat batch.
//!
//! Written for clarity over speed of decoding: no cache, and one router or one preference at most. The inference
//! forward is held against it in tests.

use candle_core::{Tensor, Var};

use super::batch::{FlatBatch, PredictionBatch};
use super::ensemble::Ensemble;
use super::mixture::{self, Electorate, SiteMixture};
use super::ops::{AttentionShape, Rotation, linear_plain};
use super::params::{self, NamedTensors, NamedVars};
use super::steered::{Layout, SteeredSite};
use super::tape::{Tape, Traced};
use super::trace::{Back, Pass, Trace};
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
    /// Hand-written, on a tape of our own, CPU only.
    Fused,
    /// candle's own operations and graph, on any device: the reference.
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
    /// Experts, frozen or not, under a router in training.
    Mixture(Box<SiteMixture>),
    /// Factors in training that a preference steers.
    Steered(Box<SteeredSite>),
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
struct Context {
    /// What steers factors that a preference steers; empty where there are none.
    preference: Vec<f64>,
    attention: AttentionShape,
    rotation: Rotation,
    adapters: Adapters,
    eps: f64,
    trace: Trace,
}

/// How the rows that predict are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Whether adapters take part.
    pub(super) adapters: Adapters,
    /// What logits are divided by.
    pub(super) temperature: f64,
}

/// Log-probabilities of a batch's targets, and the states that they were read from.
#[derive(Debug)]
pub(super) struct Predictions<L> {
    /// `[rows that predict]`.
    pub(super) log_probs: L,
    /// After the last norm, without a gradient: `[rows that predict, hidden]`.
    pub(super) states: Tensor,
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

    /// Everything frozen but factors that a preference steers (see [`Layout::fresh`]).
    pub(super) fn steered(
        shape: LlamaConfig,
        weights: &NamedTensors,
        layout: Layout<'_>,
        seed: u64,
    ) -> Result<Self> {
        let fresh = layout.fresh(&shape.projections(), seed)?;
        Self::beside(shape, weights, fresh, &Updates::Steered(layout))
    }

    /// Everything frozen but experts and the routers over them (see [`Ensemble::fresh`]).
    pub(super) fn of_experts(
        shape: LlamaConfig,
        weights: &NamedTensors,
        ensemble: Ensemble<'_>,
        seed: u64,
    ) -> Result<Self> {
        let fresh = ensemble.fresh(&shape.projections(), seed)?;
        Self::beside(shape, weights, fresh, &Updates::Experts(ensemble))
    }

    /// `fresh` in training beside frozen weights, on their device.
    fn beside(
        shape: LlamaConfig,
        weights: &NamedTensors,
        mut fresh: NamedTensors,
        updates: &Updates<'_>,
    ) -> Result<Self> {
        if let Some(weight) = weights.values().next() {
            fresh = params::to_device(&fresh, weight.device())?;
        }
        let vars = params::trainable(&fresh)?;
        Self::join(shape, weights, vars, updates)
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

    /// What depends on the batch, for a pass that is kept for its gradient if it `learns`.
    fn context(&self, batch: &FlatBatch, adapters: Adapters, learns: bool) -> Context {
        Context {
            preference: Vec::new(),
            attention: AttentionShape {
                offsets: std::sync::Arc::clone(&batch.offsets),
                heads: self.shape.heads,
                kv_heads: self.shape.kv_heads,
                head_dim: self.shape.head_dim,
            },
            rotation: Rotation::new(&batch.positions, &self.frequencies),
            adapters,
            eps: self.shape.rms_norm_eps,
            trace: match self.kernels {
                Kernels::Plain => Trace::Graph,
                Kernels::Fused => Trace::Tape {
                    tape: Tape::default(),
                    learns,
                },
            },
        }
    }

    /// The residual stream after the last layer, before the last norm: `[rows, hidden]`.
    fn hidden(&self, batch: &FlatBatch, context: &Context) -> Result<Traced> {
        let trace = &context.trace;
        let mut x = trace.rows(&trace.weight(&self.embedding), &batch.tokens)?;
        for layer in &self.layers {
            x = layer.forward(&x, context)?;
        }
        Ok(x)
    }

    /// States after the last norm, and log-probabilities of the targets, of the rows that predict.
    fn predicted(
        &self,
        batch: &PredictionBatch,
        temperature: f64,
        context: &Context,
    ) -> Result<(Traced, Traced)> {
        let trace = &context.trace;
        let hidden = trace.rows(&self.hidden(&batch.flat, context)?, &batch.rows)?;
        let states = context.norm(&hidden, &self.norm)?;
        let logits = if (temperature - 1.0).abs() < f64::EPSILON {
            trace.linear(&states, &trace.weight(&self.head))?
        } else {
            let states = trace.scale(&states, 1.0 / temperature)?;
            trace.linear(&states, &trace.weight(&self.head))?
        };
        let log_probs = trace.log_prob(&logits, &batch.targets)?;
        Ok((states, log_probs))
    }

    /// Log-probabilities of the batch's targets, `[rows that predict]`; nothing is kept for a gradient.
    pub fn log_probs(&self, batch: &PredictionBatch, adapters: Adapters) -> Result<Tensor> {
        let reading = Reading {
            adapters,
            temperature: 1.0,
        };
        Ok(self.predictions(batch, reading)?.log_probs)
    }

    /// Log-probabilities and states of the rows that predict; nothing is kept for a gradient.
    pub(super) fn predictions(
        &self,
        batch: &PredictionBatch,
        Reading {
            adapters,
            temperature,
        }: Reading,
    ) -> Result<Predictions<Tensor>> {
        let context = self.context(&batch.flat, adapters, false);
        let (states, log_probs) = self.predicted(batch, temperature, &context)?;
        Ok(Predictions {
            log_probs: log_probs.value.detach(),
            states: states.value.detach(),
        })
    }

    /// [`TrainModel::predictions`] of the model as trained, to learn from.
    pub(super) fn learn(
        &self,
        batch: &PredictionBatch,
        temperature: f64,
    ) -> Result<Predictions<Pass>> {
        let context = self.context(&batch.flat, Adapters::On, true);
        let (states, log_probs) = self.predicted(batch, temperature, &context)?;
        Ok(Predictions {
            log_probs: context.trace.finish(log_probs)?,
            states: states.value.detach(),
        })
    }

    /// Log-probabilities of the batch's targets at a preference, `[rows that predict]`, to learn from.
    pub(super) fn learn_at(&self, batch: &PredictionBatch, preference: &[f64]) -> Result<Pass> {
        let context = Context {
            preference: preference.to_vec(),
            ..self.context(&batch.flat, Adapters::On, true)
        };
        let (_, log_probs) = self.predicted(batch, 1.0, &context)?;
        Ok(context.trace.finish(log_probs)?)
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
        let product = linear_plain(&states.detach(), var(VALUE_WEIGHT)?)?;
        Ok(product.broadcast_add(var(VALUE_BIAS)?)?)
    }

    /// Logits of every row: `[rows, vocabulary]`.
    pub fn logits(&self, batch: &FlatBatch, adapters: Adapters) -> Result<Pass> {
        let context = self.context(batch, adapters, true);
        let hidden = self.hidden(batch, &context)?;
        let states = context.norm(&hidden, &self.norm)?;
        let trace = &context.trace;
        let logits = trace.linear(&states, &trace.weight(&self.head))?;
        Ok(context.trace.finish(logits)?)
    }

    /// The score of every sequence, read at its last token: `[sequences]`.
    pub fn scores(&self, batch: &FlatBatch) -> Result<Pass> {
        let Some(score) = &self.score else {
            return Err(Error::internal(
                "a model without a score head was asked for scores",
            ));
        };
        let context = self.context(batch, Adapters::On, true);
        let trace = &context.trace;
        let last = trace.rows(&self.hidden(batch, &context)?, &batch.last_rows())?;
        let last = context.norm(&last, &self.norm)?;
        let scores = trace.linear(&last, &trace.weight(score))?;
        Ok(context.trace.finish(scores)?)
    }

    /// The gradients of a `loss` that was made of `pass`, in the order of the variables' names; `None` where
    /// nothing leads from it to a variable.
    pub fn gradients(&self, loss: &Tensor, pass: Pass) -> Result<Vec<Option<Tensor>>> {
        let mut store = loss.backward()?;
        let vars = self.vars.values();
        let mut gradients: Vec<_> = vars.map(|var| store.remove(var)).collect();
        if let Back::Tape { tape, end } = pass.back
            && let Some(gradient) = store.remove(&pass.output)
        {
            let mut taped = tape.backward(end, gradient)?;
            for (gradient, var) in gradients.iter_mut().zip(self.vars.values()) {
                if let Some(taped) = taped.take(var) {
                    *gradient = Some(match gradient.take() {
                        Some(other) => (other + taped)?,
                        None => taped,
                    });
                }
            }
        }
        Ok(gradients)
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
    Steered(Layout<'a>),
    Experts(Ensemble<'a>),
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
            Updates::Steered(layout) => {
                let site = layout.site(path, |name| self.tensor(name))?;
                site.map_or(Update::None, |site| Update::Steered(Box::new(site)))
            }
            Updates::Experts(ensemble) => {
                let site = ensemble.site(path, |name| self.tensor(name))?;
                site.map_or(Update::None, |site| Update::Mixture(Box::new(site)))
            }
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

impl Context {
    fn norm(&self, x: &Traced, weight: &Tensor) -> Result<Traced> {
        let trace = &self.trace;
        Ok(trace.rms_norm(x, &trace.weight(weight), self.eps)?)
    }
}

impl Linear {
    /// `W x`, plus `scale · B A x` or the mixture of experts.
    fn forward(&self, x: &Traced, context: &Context) -> Result<Traced> {
        let trace = &context.trace;
        let y = trace.linear(x, &trace.weight(&self.weight))?;
        let update = match &self.update {
            _ if context.adapters == Adapters::Off => return Ok(y),
            Update::None => return Ok(y),
            Update::Lora(Lora { a, b, scale }) => {
                let low = trace.scale(&trace.linear(x, &trace.weight(a))?, *scale)?;
                trace.linear(&low, &trace.weight(b))?
            }
            Update::Mixture(mixture) => mixture.forward(x, trace)?,
            Update::Steered(site) => site.forward(x, &context.preference, trace)?,
        };
        Ok(trace.sum(&y, &update)?)
    }
}

impl Layer {
    fn forward(&self, x: &Traced, context: &Context) -> Result<Traced> {
        let trace = &context.trace;
        let h = context.norm(x, &self.attention_norm)?;
        let q = trace.rope(&self.q.forward(&h, context)?, &context.rotation)?;
        let k = trace.rope(&self.k.forward(&h, context)?, &context.rotation)?;
        let v = self.v.forward(&h, context)?;
        let mixed = trace.attention([&q, &k, &v], &context.attention)?;
        let x = trace.sum(x, &self.o.forward(&mixed, context)?)?;
        let h = context.norm(&x, &self.feed_forward_norm)?;
        let gate = self.gate.forward(&h, context)?;
        let up = self.up.forward(&h, context)?;
        let inner = trace.swiglu(&gate, &up)?;
        Ok(trace.sum(&x, &self.down.forward(&inner, context)?)?)
    }
}
