//! The decoder on candle's tensors: any device, any floating type. The semantics of [`super::Llama`],
//! row for row.
#![allow(
    clippy::disallowed_methods,
    reason = "candle's fused norm, rope and softmax end gradients, and nothing here has any"
)]

mod attend;
mod gates;
mod group;
mod load;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Tensor};

use self::attend::{RowSpan, StepPlan};
use self::gates::{Recorder, StepGates};
pub(super) use self::group::TensorGroup;
pub use self::group::TensorSide;
use self::group::{Placer, StepSide, bytes};
pub(super) use self::slots::SlotLease;
use self::slots::{SlotPool, lock};
use super::llama::wanted_tokens;
use super::variant::{Activation, Norms};
use super::{Frequencies, LlamaConfig, RowCache, SideExperts, StepRow};
use crate::mixture::{Bank, Side, Tap, TokenGates};
use crate::{Error, Result};

/// A model with its experts, as tensors.
#[derive(Debug)]
pub struct TensorLlama {
    config: LlamaConfig,
    /// `[vocabulary, hidden]`.
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    /// Of layers that positions turn, and of those that have frequencies of their own.
    frequencies: (Frequencies, Option<Frequencies>),
    /// The output layer; `None` for a body that only gives hidden states.
    head: Option<TensorGroup>,
    /// Keys and values of its rows, which hold leases.
    pool: Arc<Mutex<SlotPool>>,
    device: Device,
    dtype: DType,
}

#[derive(Debug)]
struct Layer {
    norms: Norms<Tensor>,
    qkv: TensorGroup,
    output: TensorGroup,
    gate_up: TensorGroup,
    down: TensorGroup,
}

/// What goes on to the output layer.
struct Body<'g> {
    /// Hidden states of the wanted tokens after the last norm; `None` where none is wanted.
    hidden: Option<Tensor>,
    /// Indices of the wanted tokens.
    wanted: Vec<usize>,
    gates: TokenGates<'g, TensorSide>,
}

impl TensorLlama {
    /// The model's shape.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// Type of the weights.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Bytes of weights on the device, experts included.
    pub fn bytes(&self) -> usize {
        let layers = self.layers.iter().map(|l| {
            let groups = [&l.qkv, &l.output, &l.gate_up, &l.down];
            let norms = l.norms.all().map(bytes);
            norms.sum::<usize>() + groups.into_iter().map(TensorGroup::bytes).sum::<usize>()
        });
        let table = if self.config.tied_embeddings && self.head.is_some() {
            0
        } else {
            bytes(&self.embedding)
        };
        let head = self.head.as_ref().map_or(0, TensorGroup::bytes);
        layers.sum::<usize>() + table + head
    }

    /// All groups of linear modules, to change the experts on them.
    pub(super) fn groups_mut(&mut self) -> impl Iterator<Item = &mut TensorGroup> {
        self.layers
            .iter_mut()
            .flat_map(|l| [&mut l.qkv, &mut l.output, &mut l.gate_up, &mut l.down])
            .chain(self.head.as_mut())
    }

    /// Lays out a bank of experts for rows to carry beside the model's own.
    pub(super) fn side(&self, bank: &mut Bank) -> Result<TensorSide> {
        let layers = self.layers.iter();
        let groups = layers.flat_map(|l| [&l.qkv, &l.output, &l.gate_up, &l.down]);
        let mut placer = Placer::new(&self.device, self.dtype);
        let side = TensorSide::new(groups.chain(self.head.as_ref()), bank, &mut placer);
        side.map_err(|e| self.trouble(e))
    }

    /// Gives a cache an empty slot with room for `positions`.
    pub fn reset(&self, cache: &mut RowCache, positions: usize) -> Result<()> {
        cache.retire();
        let lease = SlotLease::new(&self.pool, positions).map_err(|e| self.trouble(e))?;
        cache.rent(lease, positions);
        Ok(())
    }

    /// One step; the logits `[wanted tokens, vocabulary]`, in f32, of every row's wanted tokens, in order.
    /// A tap is filled as by [`super::Llama::forward`].
    pub fn forward(&self, rows: &mut [StepRow<'_>], tap: Option<&mut Tap>) -> Result<Vec<f32>> {
        self.logits(rows, tap).map_err(|e| self.trouble(e))
    }

    /// One step; the hidden states after the last norm, `[wanted tokens, hidden]`, in f32.
    pub fn hidden(&self, rows: &mut [StepRow<'_>]) -> Result<Vec<f32>> {
        let body = self.body(rows, None, &mut |_layer, _x| Ok(()));
        let hidden = body.and_then(|body| match body.hidden {
            Some(hidden) => to_host(&hidden),
            None => Ok(Vec::new()),
        });
        hidden.map_err(|e| self.trouble(e))
    }

    /// See [`super::Llama::states`]; in f32.
    pub(super) fn states(
        &self,
        rows: &mut [StepRow<'_>],
        layers: &[usize],
    ) -> Result<Vec<Vec<f32>>> {
        let wanted: Vec<u32> = wanted_tokens(rows).iter().map(|&t| t as u32).collect();
        let mut states = vec![Vec::new(); layers.len()];
        let passed = self.body(rows, None, &mut |index, x| {
            for (_, states) in layers
                .iter()
                .zip(&mut states)
                .filter(|(at, _)| **at == index)
            {
                let read = Tensor::from_slice(&wanted, wanted.len(), &self.device)?;
                *states = to_host(&x.index_select(&read, 0)?)?;
            }
            Ok(())
        });
        passed.map(|_body| states).map_err(|e| self.trouble(e))
    }

    /// An error of the device with a way out, where there is one.
    fn trouble(&self, error: candle_core::Error) -> Error {
        Error::on_device(&self.device, error)
    }

    fn logits(
        &self,
        rows: &mut [StepRow<'_>],
        mut tap: Option<&mut Tap>,
    ) -> candle_core::Result<Vec<f32>> {
        let body = self.body(rows, tap.as_deref_mut(), &mut |_layer, _x| Ok(()))?;
        let (Some(head), Some(hidden)) = (&self.head, &body.hidden) else {
            return Ok(Vec::new());
        };
        let wanted = body.gates.select(&body.wanted);
        let mut gates = StepGates::new(&wanted, &self.device, self.dtype)?;
        let mut sides = StepSide::all(&wanted, &self.device, self.dtype)?;
        let mut recorder = tap.map(|tap| Recorder::new(tap, body.wanted));
        let logits = head.forward(hidden, &mut gates, &mut sides, recorder.as_mut())?;
        if let Some(recorder) = recorder {
            recorder.finish()?;
        }
        let Some(logits) = logits.first() else {
            return Ok(Vec::new());
        };
        let variant = &self.config.variant;
        let mut logits = logits.to_dtype(DType::F32)?;
        if variant.logits_divisor != 1.0 {
            logits = (logits / variant.logits_divisor)?;
        }
        if let Some(cap) = variant.logits_cap {
            logits = ((logits / cap)?.tanh()? * cap)?;
        }
        to_host(&logits)
    }

    fn body<'g>(
        &self,
        rows: &mut [StepRow<'g>],
        tap: Option<&mut Tap>,
        watch: &mut dyn FnMut(usize, &Tensor) -> candle_core::Result<()>,
    ) -> candle_core::Result<Body<'g>> {
        let gates = TokenGates::with_sides(rows.iter().map(|row| {
            let side = row.side.and_then(|side| match side.bank {
                SideExperts::Tensors(bank) => Some(Side {
                    bank,
                    gates: side.gates,
                }),
                SideExperts::Packed(_) => None,
            });
            (row.tokens.len(), row.gates, side)
        }));
        let (spans, positions, slots) = self.spans(rows)?;
        let ids: Vec<u32> = rows.iter().flat_map(|row| row.tokens).copied().collect();
        let tokens = ids.len();
        let mut step_gates = StepGates::new(&gates, &self.device, self.dtype)?;
        let mut sides = StepSide::all(&gates, &self.device, self.dtype)?;
        let mut recorder = tap.map(|tap| Recorder::new(tap, (0..tokens).collect()));
        let plan = StepPlan::new(
            &spans,
            &self.config,
            positions,
            (&self.frequencies.0, self.frequencies.1.as_ref()),
            (&self.device, self.dtype),
        )?;
        let ids = Tensor::from_vec(ids, tokens, &self.device)?;
        let mut x = self.embedding.index_select(&ids, 0)?;
        let multiplier = self.config.variant.embedding_multiplier;
        if multiplier != 1.0 {
            x = (x * multiplier)?;
        }
        for (index, (layer, slots)) in self.layers.iter().zip(&slots).enumerate() {
            let mixed = (&mut step_gates, sides.as_mut_slice());
            x = self.layer((index, layer), &x, &plan, slots, mixed, recorder.as_mut())?;
            if let Some(shift) = self.shift(rows, index, tokens)? {
                x = (x + shift)?;
            }
            watch(index, &x)?;
        }
        if let Some(recorder) = recorder {
            recorder.finish()?;
        }
        let wanted = wanted_tokens(rows);
        for row in rows.iter_mut() {
            row.cache.advance(row.tokens.len());
        }
        let hidden = if wanted.is_empty() {
            None
        } else {
            if wanted.len() < tokens {
                let ids: Vec<u32> = wanted.iter().map(|&t| t as u32).collect();
                x = x.index_select(&Tensor::from_vec(ids, wanted.len(), &self.device)?, 0)?;
            }
            // Squares that overflow would leave a norm of 0, and logits that say nothing: NaN says that it blew up.
            let overflow = (x.to_dtype(DType::F32)?.sqr()?.sum_keepdim(1)? * 0.0)?;
            let hidden = self.rms_norm(&x, &self.norm)?;
            Some(hidden.broadcast_add(&overflow.to_dtype(hidden.dtype())?)?)
        };
        Ok(Body {
            hidden,
            wanted,
            gates,
        })
    }

    /// What is added after layer `index`, `[tokens, hidden]`; `None` where nothing is.
    fn shift(
        &self,
        rows: &[StepRow<'_>],
        index: usize,
        tokens: usize,
    ) -> candle_core::Result<Option<Tensor>> {
        let hidden = self.config.hidden_size;
        let mut added: Option<Vec<f32>> = None;
        let mut token = 0;
        for row in rows {
            if let Some((vector, from)) = row.shift.and_then(|shift| shift.at(index)) {
                let added = added.get_or_insert_with(|| vec![0.0; tokens * hidden]);
                let skipped = from.saturating_sub(row.cache.len()).min(row.tokens.len());
                let end = (token + row.tokens.len()) * hidden;
                let places = added[(token + skipped) * hidden..end].chunks_exact_mut(hidden);
                places.for_each(|to| to.copy_from_slice(vector));
            }
            token += row.tokens.len();
        }
        added
            .map(|added| {
                Tensor::from_vec(added, (tokens, hidden), &self.device)?.to_dtype(self.dtype)
            })
            .transpose()
    }

    /// The rows as attention sees them, positions of their slots, and the slots themselves.
    fn spans(
        &self,
        rows: &[StepRow<'_>],
    ) -> candle_core::Result<(Vec<RowSpan>, usize, Vec<slots::LayerSlots>)> {
        let mut spans = Vec::with_capacity(rows.len());
        for row in rows {
            let lease = row.cache.lease.as_ref();
            let Some(slot) = lease.and_then(|lease| lease.slot(&self.pool)) else {
                candle_core::bail!("a row's cache was not made for this model");
            };
            spans.push(RowSpan {
                slot,
                position: row.cache.len(),
                tokens: row.tokens.len(),
            });
        }
        let pool = lock(&self.pool);
        Ok((spans, pool.positions(), pool.layers()))
    }

    fn layer(
        &self,
        (index, layer): (usize, &Layer),
        x: &Tensor,
        plan: &StepPlan,
        slots: &slots::LayerSlots,
        (gates, sides): (&mut StepGates, &mut [StepSide<'_>]),
        mut recorder: Option<&mut Recorder<'_>>,
    ) -> candle_core::Result<Tensor> {
        let mut apply = |group: &TensorGroup, x: &Tensor| {
            group.forward(x, gates, sides, recorder.as_deref_mut())
        };
        let (config, norms) = (&self.config, &layer.norms);
        let input = self.normed(x, norms.before_attention.as_ref())?;
        let qkv = apply(&layer.qkv, &input)?;
        let queries = self.normed(&qkv[0], norms.queries.as_ref())?;
        let keys = self.normed(&qkv[1], norms.keys.as_ref())?;
        let kind = config.layer_kind(index);
        let attended = plan.attend([&queries, &keys, &qkv[2]], kind, slots)?;
        let output = &apply(&layer.output, &attended)?[0];
        let x = self.sum(x, output, norms.after_attention.as_ref())?;
        let input = self.normed(&x, norms.before_mlp.as_ref())?;
        let gate_up = apply(&layer.gate_up, &input)?;
        let gate = match config.variant.activation {
            Activation::Silu => gate_up[0].silu()?,
            // candle's `gelu` is the form with tanh.
            Activation::Gelu => gate_up[0].gelu()?,
        };
        let output = &apply(&layer.down, &(gate * &gate_up[1])?)?[0];
        self.sum(&x, output, norms.after_mlp.as_ref())
    }

    /// `x + multiplier * norm(y)`: what attention or the MLP gives goes into the residual stream.
    fn sum(&self, x: &Tensor, y: &Tensor, norm: Option<&Tensor>) -> candle_core::Result<Tensor> {
        let y = self.normed(y, norm)?;
        let multiplier = self.config.variant.residual_multiplier;
        if multiplier == 1.0 {
            x + y
        } else {
            x + (y * multiplier)?
        }
    }

    /// `norm(x)`, or `x` itself where there is no such norm; one that is narrower than the rows goes over their heads.
    fn normed(&self, x: &Tensor, norm: Option<&Tensor>) -> candle_core::Result<Tensor> {
        match norm {
            None => Ok(x.clone()),
            Some(norm) if norm.dims() == &x.dims()[1..] => self.rms_norm(x, norm),
            Some(norm) => {
                let heads = x.reshape(((), norm.elem_count()))?;
                self.rms_norm(&heads, norm)?.reshape(x.shape())
            }
        }
    }

    fn rms_norm(&self, x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
        candle_nn::ops::rms_norm(x, weight, self.config.rms_norm_eps as f32)
    }
}

fn to_host(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}
