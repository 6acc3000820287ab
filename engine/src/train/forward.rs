//! The differentiable forward of a model over a flat batch.
//!
//! Written for clarity over speed of decoding: no cache, and one router or one preference at most. The inference
//! forward is held against it in tests.

use candle_core::{Tensor, Var};

use super::batch::{FlatBatch, PredictionBatch};
use super::ensemble::Ensemble;
pub use super::layer::Adapters;
use super::layer::{Context, Layer, Linear, Lora, Update};
use super::mixture::{self, Electorate};
use super::ops::{AttentionShape, Rotation, linear_plain};
use super::params::{self, NamedTensors, NamedVars};
use super::steered::Layout;
use super::tape::{Tape, Traced};
use super::trace::{Back, Pass, Trace};
use crate::model::{Frequencies, LlamaConfig};
use crate::types::{LoraConfig, Method};
use crate::{Error, Result};

/// Which form of the operations runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernels {
    /// Hand-written, on a tape of our own, CPU only.
    Fused,
    /// candle's own operations and graph, on any device: the reference.
    Plain,
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
    frequencies: (Frequencies, Option<Frequencies>),
    kernels: Kernels,
    vars: NamedVars,
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
            .map(|i| source.layer(i, &shape))
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
        let frequencies = (shape.frequencies(), shape.local_frequencies());
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
        let rotation = |of: &Frequencies| {
            let inverse: Vec<f32> = of.inverse.iter().map(|f| *f as f32).collect();
            let frequencies = (inverse.as_slice(), of.factor as f32);
            Rotation::new(&batch.positions, frequencies, self.shape.head_dim)
        };
        let (global, local) = &self.frequencies;
        Context {
            preference: Vec::new(),
            attention: AttentionShape {
                offsets: std::sync::Arc::clone(&batch.offsets),
                heads: self.shape.heads,
                kv_heads: self.shape.kv_heads,
                head_dim: self.shape.head_dim,
                scoring: self.shape.scoring(0),
            },
            rotations: (rotation(global), local.as_ref().map(rotation)),
            adapters,
            eps: self.shape.rms_norm_eps,
            variant: self.shape.variant.clone(),
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
        x = context.scaled(x, context.variant.embedding_multiplier)?;
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
        let cool = (temperature - 1.0).abs() < f64::EPSILON;
        let logits = if cool {
            self.head(&states, context)?
        } else if context.variant.logits_cap.is_some() {
            trace.scale(&self.head(&states, context)?, 1.0 / temperature)?
        } else {
            // States are fewer numbers than logits.
            self.head(&trace.scale(&states, 1.0 / temperature)?, context)?
        };
        let log_probs = trace.log_prob(&logits, &batch.targets)?;
        Ok((states, log_probs))
    }

    /// Logits of states: `[rows, vocabulary]`.
    fn head(&self, states: &Traced, context: &Context) -> Result<Traced> {
        let (trace, variant) = (&context.trace, &context.variant);
        let logits = trace.linear(states, &trace.weight(&self.head))?;
        let logits = context.scaled(logits, 1.0 / variant.logits_divisor)?;
        Ok(match variant.logits_cap {
            Some(cap) => trace.soft_cap(&logits, cap as f32)?,
            None => logits,
        })
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
        let logits = self.head(&states, &context)?;
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

    fn has(&self, name: &str) -> bool {
        self.vars.contains_key(name) || self.weights.contains_key(name)
    }

    fn linear(&self, path: &str, shape: &LlamaConfig) -> Result<Linear> {
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
        // A checkpoint may lack a bias, which is zero then.
        let name = format!("{path}.bias");
        let has = shape.has_bias(path) && self.has(&name);
        let bias = has.then(|| self.tensor(&name)).transpose()?;
        Ok(Linear {
            weight,
            bias,
            update,
        })
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

    fn layer(&self, index: usize, shape: &LlamaConfig) -> Result<Layer> {
        let at = |name: &str| format!("model.layers.{index}.{name}");
        let linear = |name: &str| self.linear(&at(name), shape);
        let norms = shape.layer_norms();
        Ok(Layer {
            kind: shape.layer_kind(index),
            norms: norms.try_map(|(name, _)| self.tensor(&at(&format!("{name}.weight"))))?,
            q: linear("self_attn.q_proj")?,
            k: linear("self_attn.k_proj")?,
            v: linear("self_attn.v_proj")?,
            o: linear("self_attn.o_proj")?,
            gate: linear("mlp.gate_proj")?,
            up: linear("mlp.up_proj")?,
            down: linear("mlp.down_proj")?,
        })
    }
}
