//! The decoder: one forward pass for prefill, decoding, recording and scoring, over rows of any
//! length, position and gates.

use std::collections::BTreeSet;

use super::LlamaConfig;
use super::beside::{RowSide, Shift, SideExperts};
use super::cache::RowCache;
use super::rope::Frequencies;
use super::variant::{Activation, LayerRope, Norms};
use crate::kernels::{
    AttentionRow, CacheType, PackedMatrix, Rotation, add_in_place, attend, geglu, rms_norm,
    scale_in_place, soft_cap_in_place, swiglu,
};
use crate::mixture::{Bank, MixedGroup, Side, SideBank, Tap, TokenGates};
use crate::types::RowGates;

/// Which of a row's tokens are read out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// None: the row's prompt goes on in the next step.
    Nothing,
    /// The last token.
    Last,
    /// Every token.
    All,
}

/// One row's share of a step: its next tokens, at the position where its cache ends.
///
/// `tokens` must be inside the vocabulary, and fit the cache.
#[derive(Debug)]
pub struct StepRow<'a> {
    /// New tokens, at least one.
    pub tokens: &'a [u32],
    /// What came before.
    pub cache: &'a mut RowCache,
    /// Its mixture.
    pub gates: &'a RowGates,
    /// Experts beside the bank's.
    pub side: Option<RowSide<'a>>,
    /// What is added to its hidden states.
    pub shift: Option<&'a Shift>,
    /// What is read out.
    pub wanted: Wanted,
}

/// A model with its experts.
#[derive(Debug)]
pub struct Llama {
    pub(super) config: LlamaConfig,
    pub(super) embedding: Embedding,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Vec<f32>,
    /// Of layers that positions turn, and of those that have frequencies of their own.
    pub(super) frequencies: (Frequencies, Option<Frequencies>),
    /// The output layer; `None` for a body that only gives hidden states.
    pub(super) head: Option<MixedGroup>,
}

#[derive(Debug)]
pub(super) enum Embedding {
    /// `[vocabulary, hidden]`.
    Table(PackedMatrix),
    /// Rows of the output layer's weight.
    TiedToHead,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) norms: Norms<Vec<f32>>,
    pub(super) qkv: MixedGroup,
    pub(super) output: MixedGroup,
    pub(super) gate_up: MixedGroup,
    pub(super) down: MixedGroup,
}

/// The tokens of a step that are read out.
pub(super) fn wanted_tokens(rows: &[StepRow<'_>]) -> Vec<usize> {
    let mut wanted = Vec::new();
    let mut token = 0;
    for row in rows {
        let end = token + row.tokens.len();
        match row.wanted {
            Wanted::Nothing => {}
            Wanted::Last => wanted.push(end - 1),
            Wanted::All => wanted.extend(token..end),
        }
        token = end;
    }
    wanted
}

impl Llama {
    /// The model's shape.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// Bytes of weights in memory, experts included.
    pub fn bytes(&self) -> usize {
        let layers = self.layers.iter().map(|l| {
            l.norms.all().map(Vec::len).sum::<usize>() * size_of::<f32>()
                + [&l.qkv, &l.output, &l.gate_up, &l.down]
                    .into_iter()
                    .map(MixedGroup::bytes)
                    .sum::<usize>()
        });
        let table = match &self.embedding {
            Embedding::Table(table) => table.bytes(),
            Embedding::TiedToHead => 0,
        };
        layers.sum::<usize>() + table + self.head.as_ref().map_or(0, MixedGroup::bytes)
    }

    /// Bytes of weights that one step reads, with the experts or without.
    pub fn step_bytes(&self, mixed: bool) -> usize {
        let table = match &self.embedding {
            Embedding::Table(table) => table.bytes(),
            Embedding::TiedToHead => 0,
        };
        let experts: usize = self.groups().map(MixedGroup::expert_bytes).sum();
        self.bytes() - table - if mixed { 0 } else { experts }
    }

    /// Whether any linear module's weight is quantised.
    pub fn is_quantised(&self) -> bool {
        self.groups().any(MixedGroup::is_quantised)
    }

    /// How a row's keys and values are stored: beside quantised weights in f16, whose error is below that of rounding
    /// activations.
    pub fn cache_type(&self) -> CacheType {
        if self.is_quantised() {
            CacheType::F16
        } else {
            CacheType::F32
        }
    }

    /// How the weights of the linear modules are stored, in words.
    pub fn storage(&self) -> String {
        let kinds: BTreeSet<&str> = self.groups().flat_map(MixedGroup::storage).collect();
        kinds.into_iter().collect::<Vec<_>>().join(" and ")
    }

    /// All groups of linear modules, in order.
    fn groups(&self) -> impl Iterator<Item = &MixedGroup> {
        let layers = self.layers.iter();
        let groups = layers.flat_map(|l| [&l.qkv, &l.output, &l.gate_up, &l.down]);
        groups.chain(self.head.as_ref())
    }

    /// All groups of linear modules, to change the experts on them.
    pub(super) fn groups_mut(&mut self) -> impl Iterator<Item = &mut MixedGroup> {
        self.layers
            .iter_mut()
            .flat_map(|l| [&mut l.qkv, &mut l.output, &mut l.gate_up, &mut l.down])
            .chain(self.head.as_mut())
    }

    /// Lays out a bank of experts for rows to carry beside the model's own.
    pub(super) fn side(&self, bank: &mut Bank) -> SideBank {
        SideBank::new(self.groups(), bank)
    }

    /// One step; the logits `[wanted tokens, vocabulary]` of every row's wanted tokens, in order.
    ///
    /// With a tap, the gates of all tokens of the step are recorded (those of the output layer for
    /// wanted tokens only, since it runs on no others).
    pub fn forward(&self, rows: &mut [StepRow<'_>], tap: Option<&mut Tap>) -> Vec<f32> {
        // Inside the pool: from a thread outside, each of a step's parallel regions would be handed
        // over and waited for, which for one row takes longer than the region.
        rayon::scope(|_| self.forward_in_pool(rows, tap))
    }

    fn forward_in_pool(&self, rows: &mut [StepRow<'_>], tap: Option<&mut Tap>) -> Vec<f32> {
        let (hidden, wanted, gates) = self.body(rows, tap);
        let Some((head, tap)) = self.head.as_ref().map(|head| (head, hidden.1)) else {
            return Vec::new();
        };
        let selected = gates.select(&wanted);
        // The output layer sees the wanted tokens alone: record through a tap of their own order.
        let mut logits = match tap {
            None => head
                .forward(&hidden.0, wanted.len(), &selected, None)
                .remove(0),
            Some(tap) => {
                let mut moved = tap.view(&wanted);
                let logits = head
                    .forward(&hidden.0, wanted.len(), &selected, Some(&mut moved))
                    .remove(0);
                tap.take_back(&wanted, &moved);
                logits
            }
        };
        let variant = &self.config.variant;
        if variant.logits_divisor != 1.0 {
            scale_in_place(&mut logits, (1.0 / variant.logits_divisor) as f32);
        }
        if let Some(cap) = variant.logits_cap {
            soft_cap_in_place(&mut logits, cap as f32);
        }
        logits
    }

    /// `norm(x)`, or `x` itself where there is no such norm.
    fn normed(&self, x: Vec<f32>, norm: Option<&Vec<f32>>) -> Vec<f32> {
        let eps = self.config.rms_norm_eps as f32;
        match norm {
            Some(norm) => rms_norm(&x, norm, eps),
            None => x,
        }
    }

    /// `x += multiplier * norm(y)`: what attention or the MLP gives goes into the residual stream.
    fn add(&self, x: &mut [f32], y: Vec<f32>, norm: Option<&Vec<f32>>) {
        let mut y = self.normed(y, norm);
        let multiplier = self.config.variant.residual_multiplier;
        if multiplier != 1.0 {
            scale_in_place(&mut y, multiplier as f32);
        }
        add_in_place(x, &y);
    }

    /// One step; the hidden states after the last norm, `[wanted tokens, hidden]`.
    pub fn hidden(&self, rows: &mut [StepRow<'_>]) -> Vec<f32> {
        rayon::scope(|_| self.body(rows, None).0.0)
    }

    /// One step; the hidden states of the wanted tokens after each of `layers`, `[wanted tokens, hidden]` each, before any
    /// norm.
    pub(super) fn states(&self, rows: &mut [StepRow<'_>], layers: &[usize]) -> Vec<Vec<f32>> {
        let (hidden, wanted) = (self.config.hidden_size, wanted_tokens(rows));
        let mut states = vec![Vec::new(); layers.len()];
        rayon::scope(|_| {
            self.watched(rows, None, &mut |index, x| {
                for (_, states) in layers
                    .iter()
                    .zip(&mut states)
                    .filter(|(at, _)| **at == index)
                {
                    let read = wanted
                        .iter()
                        .flat_map(|&t| &x[t * hidden..(t + 1) * hidden]);
                    states.extend(read.copied());
                }
            });
        });
        states
    }

    fn body<'g, 't>(
        &self,
        rows: &mut [StepRow<'g>],
        tap: Option<&'t mut Tap>,
    ) -> ((Vec<f32>, Option<&'t mut Tap>), Vec<usize>, TokenGates<'g>) {
        self.watched(rows, tap, &mut |_layer, _x| {})
    }

    /// A pass through all layers; `watch` sees the hidden states of all tokens after each.
    fn watched<'g, 't>(
        &self,
        rows: &mut [StepRow<'g>],
        mut tap: Option<&'t mut Tap>,
        watch: &mut (dyn FnMut(usize, &[f32]) + Send),
    ) -> ((Vec<f32>, Option<&'t mut Tap>), Vec<usize>, TokenGates<'g>) {
        let config = &self.config;
        let (eps, layout) = (config.rms_norm_eps as f32, config.head_layout());
        let tokens: usize = rows.iter().map(|row| row.tokens.len()).sum();
        let gates = TokenGates::with_sides(rows.iter().map(|row| {
            let side = row.side.and_then(|side| match side.bank {
                SideExperts::Packed(bank) => Some(Side {
                    bank,
                    gates: side.gates,
                }),
                SideExperts::Tensors(_) => None,
            });
            (row.tokens.len(), row.gates, side)
        }));
        let mut x = self.embed(
            rows.iter().flat_map(|row| row.tokens.iter().copied()),
            tokens,
        );
        let (q_width, kv_width) = (
            layout.heads * layout.head_dim,
            layout.kv_heads * layout.head_dim,
        );
        let positions: Vec<usize> = rows
            .iter()
            .flat_map(|row| row.cache.len()..row.cache.len() + row.tokens.len())
            .collect();
        let rotation =
            |of: &Frequencies| Rotation::new(&of.inverse, &positions).times(of.factor as f32);
        let (global, local) = &self.frequencies;
        let (global, local) = (rotation(global), local.as_ref().map(rotation));
        for (index, layer) in self.layers.iter().enumerate() {
            let norms = &layer.norms;
            let input = norms.before_attention.as_ref();
            let input = input.map_or_else(|| x.clone(), |norm| rms_norm(&x, norm, eps));
            let mut qkv = layer
                .qkv
                .forward(&input, tokens, &gates, tap.as_deref_mut());
            let (values, keys, queries) = (qkv.remove(2), qkv.remove(1), qkv.remove(0));
            let mut queries = self.normed(queries, norms.queries.as_ref());
            let mut keys = self.normed(keys, norms.keys.as_ref());
            let rotation = match config.layer_kind(index).rope {
                LayerRope::Global => Some(&global),
                LayerRope::Local => local.as_ref(),
                LayerRope::None => None,
            };
            if let Some(rotation) = rotation {
                rotation.apply(&mut queries, (q_width, layout.head_dim));
                rotation.apply(&mut keys, (kv_width, layout.head_dim));
            }
            let (mut new_keys, mut new_values) = (keys.as_slice(), values.as_slice());
            for row in rows.iter_mut() {
                let start = row.cache.len();
                let (key_cache, value_cache) = &mut row.cache.layers[index];
                let (row_keys, other_keys) = new_keys.split_at(row.tokens.len() * kv_width);
                let (row_values, other_values) = new_values.split_at(row.tokens.len() * kv_width);
                key_cache.write(layout, start, row_keys);
                value_cache.write(layout, start, row_values);
                (new_keys, new_values) = (other_keys, other_values);
            }
            let attention_rows: Vec<AttentionRow<'_>> = rows
                .iter()
                .map(|row| {
                    let (keys, values) = &row.cache.layers[index];
                    AttentionRow {
                        tokens: row.tokens.len(),
                        position: row.cache.len(),
                        keys,
                        values,
                    }
                })
                .collect();
            let scoring = config.scoring(index);
            let attended = attend(&queries, &attention_rows, layout, scoring);
            drop(attention_rows);
            let output = layer
                .output
                .forward(&attended, tokens, &gates, tap.as_deref_mut())
                .remove(0);
            self.add(&mut x, output, norms.after_attention.as_ref());
            let input = norms.before_mlp.as_ref();
            let input = input.map_or_else(|| x.clone(), |norm| rms_norm(&x, norm, eps));
            let mut gate_up = layer
                .gate_up
                .forward(&input, tokens, &gates, tap.as_deref_mut());
            let (up, gate) = (gate_up.remove(1), gate_up.remove(0));
            let inner = match config.variant.activation {
                Activation::Silu => swiglu(&gate, &up),
                Activation::Gelu => geglu(&gate, &up),
            };
            let output = layer
                .down
                .forward(&inner, tokens, &gates, tap.as_deref_mut())
                .remove(0);
            self.add(&mut x, output, norms.after_mlp.as_ref());
            let mut token = 0;
            for row in rows.iter() {
                if let Some((vector, from)) = row.shift.and_then(|shift| shift.at(index)) {
                    let skipped = from.saturating_sub(row.cache.len()).min(row.tokens.len());
                    for place in token + skipped..token + row.tokens.len() {
                        let hidden = config.hidden_size;
                        add_in_place(&mut x[place * hidden..(place + 1) * hidden], vector);
                    }
                }
                token += row.tokens.len();
            }
            watch(index, &x);
        }
        let wanted = wanted_tokens(rows);
        for row in rows.iter_mut() {
            row.cache.advance(row.tokens.len());
        }
        let hidden = config.hidden_size;
        let selected: Vec<f32> = wanted
            .iter()
            .flat_map(|&t| &x[t * hidden..(t + 1) * hidden])
            .copied()
            .collect();
        ((rms_norm(&selected, &self.norm, eps), tap), wanted, gates)
    }

    fn embed(&self, ids: impl Iterator<Item = u32>, tokens: usize) -> Vec<f32> {
        let hidden = self.config.hidden_size;
        let mut x = vec![0.0; tokens * hidden];
        for (row, id) in x.chunks_exact_mut(hidden).zip(ids) {
            match (&self.embedding, &self.head) {
                (Embedding::Table(table), _) => table.copy_row(id as usize, row),
                (Embedding::TiedToHead, Some(head)) => head.weight(0).copy_row(id as usize, row),
                (Embedding::TiedToHead, None) => {}
            }
        }
        let multiplier = self.config.variant.embedding_multiplier;
        if multiplier != 1.0 {
            scale_in_place(&mut x, multiplier as f32);
        }
        x
    }
}
