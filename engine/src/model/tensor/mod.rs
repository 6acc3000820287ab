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
use super::{LlamaConfig, RowCache, SideExperts, StepRow};
use crate::mixture::{Bank, Side, Tap, TokenGates};
use crate::{Error, Result};

/// A Llama-family model with its experts, as tensors.
#[derive(Debug)]
pub struct TensorLlama {
    config: LlamaConfig,
    /// `[vocabulary, hidden]`.
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    frequencies: Vec<f64>,
    /// The output layer; `None` for a body that only gives hidden states.
    head: Option<TensorGroup>,
    /// Keys and values of its rows, which hold leases.
    pool: Arc<Mutex<SlotPool>>,
    device: Device,
    dtype: DType,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    qkv: TensorGroup,
    output: TensorGroup,
    mlp_norm: Tensor,
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
            let norms = bytes(&l.attention_norm) + bytes(&l.mlp_norm);
            norms + groups.into_iter().map(TensorGroup::bytes).sum::<usize>()
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
        match logits.first() {
            Some(logits) => to_host(logits),
            None => Ok(Vec::new()),
        }
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
            self.config.head_layout(),
            positions,
            &self.frequencies,
            (&self.device, self.dtype),
        )?;
        let ids = Tensor::from_vec(ids, tokens, &self.device)?;
        let mut x = self.embedding.index_select(&ids, 0)?;
        for (index, (layer, slots)) in self.layers.iter().zip(&slots).enumerate() {
            let mixed = (&mut step_gates, sides.as_mut_slice());
            x = self.layer(layer, &x, &plan, slots, mixed, recorder.as_mut())?;
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
        layer: &Layer,
        x: &Tensor,
        plan: &StepPlan,
        slots: &slots::LayerSlots,
        (gates, sides): (&mut StepGates, &mut [StepSide<'_>]),
        mut recorder: Option<&mut Recorder<'_>>,
    ) -> candle_core::Result<Tensor> {
        let mut apply = |group: &TensorGroup, x: &Tensor| {
            group.forward(x, gates, sides, recorder.as_deref_mut())
        };
        let qkv = apply(&layer.qkv, &self.rms_norm(x, &layer.attention_norm)?)?;
        let attended = plan.attend(&qkv[0], &qkv[1], &qkv[2], slots)?;
        let x = (x + &apply(&layer.output, &attended)?[0])?;
        let gate_up = apply(&layer.gate_up, &self.rms_norm(&x, &layer.mlp_norm)?)?;
        let inner = (gate_up[0].silu()? * &gate_up[1])?;
        &x + &apply(&layer.down, &inner)?[0]
    }

    fn rms_norm(&self, x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
        candle_nn::ops::rms_norm(x, weight, self.config.rms_norm_eps as f32)
    }
}

fn to_host(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}
