//! Attention of a step's tokens over the slots of their rows.
//!
//! Rows with one new token each are served by one product over neighbouring slots, padded to the longest
//! of them and masked; the tokens of a prompt go piece by piece, each over its own slot.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

use super::slots::LayerSlots;
use crate::kernels::HeadLayout;
use crate::model::{Frequencies, LayerKind, LayerRope, LlamaConfig};

/// Queries of a prompt that go together at most, so that their scores stay small.
const MOST_QUERIES: usize = 512;

/// One row of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowSpan {
    /// Its slot.
    pub(super) slot: usize,
    /// Position of its first new token.
    pub(super) position: usize,
    /// New tokens.
    pub(super) tokens: usize,
}

/// What all layers of a step have in common.
pub(super) struct StepPlan {
    layout: HeadLayout,
    dtype: DType,
    /// Rows of the slots, seen as `[slots * kv heads * positions, head dim]`, that take the new keys and
    /// values: `[tokens * kv heads, head dim]`.
    targets: Tensor,
    /// Cosines and sines.
    global: (Tensor, Tensor),
    /// Those of layers that have frequencies of their own.
    local: Option<(Tensor, Tensor)>,
    /// Dimensions of a head that are turned.
    turned: usize,
    /// What queries are multiplied by, and the cap of their scores.
    scale: f64,
    cap: Option<f64>,
    /// By the window of their layers.
    parts: Vec<(Option<usize>, Vec<Part>)>,
    /// Where each token's output lies among those of the parts, unless it is in order.
    order: Option<Tensor>,
}

/// Queries that are served by one product.
enum Part {
    /// One token of each of some rows in neighbouring slots.
    Step {
        slots: Range<usize>,
        /// Token per slot; any for a slot whose row rests.
        picks: Tensor,
        /// Positions that the longest sees.
        length: usize,
        /// `[slots, 1, 1, length]`; `None` where all are of one length.
        mask: Option<Tensor>,
    },
    /// Some tokens of one row.
    Prompt {
        slot: usize,
        tokens: Range<usize>,
        /// Positions that the last sees.
        length: usize,
        /// `[tokens, length]`; `None` for a single token that sees all.
        mask: Option<Tensor>,
    },
}

impl StepPlan {
    /// For rows whose tokens follow each other. `frequencies` are those of the model and of its layers that have their
    /// own, slots hold `positions` each.
    pub(super) fn new(
        rows: &[RowSpan],
        config: &LlamaConfig,
        positions: usize,
        (global, local): (&Frequencies, Option<&Frequencies>),
        (device, dtype): (&Device, DType),
    ) -> Result<Self> {
        let layout = config.head_layout();
        let mut targets = Vec::new();
        for row in rows {
            if row.position + row.tokens > positions {
                candle_core::bail!(
                    "a row of {} positions was given {} more, beyond its {positions}",
                    row.position,
                    row.tokens
                );
            }
            for position in row.position..row.position + row.tokens {
                for head in 0..layout.kv_heads {
                    let target = (row.slot * layout.kv_heads + head) * positions + position;
                    targets.extend(std::iter::repeat_n(target as u32, layout.head_dim));
                }
            }
        }
        let tokens: usize = rows.iter().map(|row| row.tokens).sum();
        let tables = |of: &Frequencies| -> Result<(Tensor, Tensor)> {
            let positions = rows
                .iter()
                .flat_map(|row| row.position..row.position + row.tokens);
            let (mut cos, mut sin) = (Vec::new(), Vec::new());
            for position in positions {
                for frequency in &of.inverse {
                    // The angle is rounded to f32 before the cosine, as in the packed path.
                    let angle = f64::from(position as f32 * *frequency as f32);
                    cos.push(angle.cos() as f32 * of.factor as f32);
                    sin.push(angle.sin() as f32 * of.factor as f32);
                }
            }
            let place = |values: Vec<f32>| {
                Tensor::from_vec(values, (tokens, 1, of.inverse.len()), &Device::Cpu)?
                    .to_dtype(dtype)?
                    .to_device(device)
            };
            Ok((place(cos)?, place(sin)?))
        };
        let mut windows: Vec<Option<usize>> = (0..config.layers)
            .map(|layer| config.layer_kind(layer).window)
            .collect();
        windows.sort_unstable();
        windows.dedup();
        let (mut parts_by_window, mut order) = (Vec::new(), None);
        for window in windows {
            let (parts, places) = parts(rows, window, device)?;
            parts_by_window.push((window, parts));
            order = places;
        }
        Ok(Self {
            layout,
            dtype,
            targets: Tensor::from_vec(
                targets,
                (tokens * layout.kv_heads, layout.head_dim),
                device,
            )?,
            global: tables(global)?,
            local: local.map(tables).transpose()?,
            turned: 2 * global.inverse.len(),
            scale: config.attention_scale(),
            cap: config.variant.attention_cap,
            parts: parts_by_window,
            order,
        })
    }

    /// Rotates queries and keys, files keys and values, and returns
    /// `softmax(scale q k^T) v`, each token seeing its own row up to itself, as far back as the window goes. `queries` is
    /// `[tokens, heads * head dim]`, and so is the result.
    pub(super) fn attend(
        &self,
        [queries, keys, values]: [&Tensor; 3],
        kind: LayerKind,
        (key_slots, value_slots): &LayerSlots,
    ) -> Result<Tensor> {
        let HeadLayout {
            heads,
            kv_heads,
            head_dim,
        } = self.layout;
        let tables = match kind.rope {
            LayerRope::Global => Some(&self.global),
            LayerRope::Local => self.local.as_ref(),
            LayerRope::None => None,
        };
        let rotate = |x: &Tensor, heads: usize| {
            let x = x.reshape(((), heads, 1, head_dim))?;
            match tables {
                None => Ok(x),
                Some((cos, sin)) if self.turned == head_dim => {
                    candle_nn::rotary_emb::rope(&x, cos, sin)
                }
                Some((cos, sin)) => {
                    let turned = x.narrow(3, 0, self.turned)?.contiguous()?;
                    let rest = x.narrow(3, self.turned, head_dim - self.turned)?;
                    Tensor::cat(&[candle_nn::rotary_emb::rope(&turned, cos, sin)?, rest], 3)
                }
            }
        };
        let queries = (rotate(queries, heads)? * self.scale)?;
        let queries = queries.reshape(((), kv_heads, heads / kv_heads, head_dim))?;
        for (slots, new) in [(key_slots, &rotate(keys, kv_heads)?), (value_slots, values)] {
            slots.reshape(((), head_dim))?.scatter_set(
                &self.targets,
                &new.reshape(((), head_dim))?,
                0,
            )?;
        }
        let parts = self.parts.iter().find(|(window, _)| *window == kind.window);
        let outputs = parts
            .into_iter()
            .flat_map(|(_, parts)| parts)
            .map(|part| self.part(part, &queries, key_slots, value_slots))
            .collect::<Result<Vec<_>>>()?;
        let output = match outputs.as_slice() {
            [only] => only.clone(),
            several => Tensor::cat(several, 0)?,
        };
        match &self.order {
            Some(order) => output.index_select(order, 0),
            None => Ok(output),
        }
    }

    /// `queries` is `[tokens, kv heads, group, head dim]`; the result `[queries of the part, heads * head dim]`.
    fn part(
        &self,
        part: &Part,
        queries: &Tensor,
        key_slots: &Tensor,
        value_slots: &Tensor,
    ) -> Result<Tensor> {
        let HeadLayout {
            heads,
            kv_heads,
            head_dim,
        } = self.layout;
        let group = heads / kv_heads;
        match part {
            Part::Step {
                slots,
                picks,
                length,
                mask,
            } => {
                let of = |all: &Tensor| {
                    all.narrow(0, slots.start, slots.len())?
                        .narrow(2, 0, *length)
                };
                let queries = queries.index_select(picks, 0)?;
                let output = self.scores(&queries, &of(key_slots)?, |scores| match mask {
                    Some(mask) => scores.broadcast_add(mask),
                    None => Ok(scores),
                })?;
                output
                    .matmul(&of(value_slots)?)?
                    .reshape((slots.len(), heads * head_dim))
            }
            Part::Prompt {
                slot,
                tokens,
                length,
                mask,
            } => {
                let count = tokens.len();
                let of = |all: &Tensor| all.narrow(0, *slot, 1)?.narrow(2, 0, *length);
                // All queries of a group of heads meet the same keys: [1, kv heads, group * tokens, head dim].
                let queries = queries
                    .narrow(0, tokens.start, count)?
                    .permute((1, 2, 0, 3))?
                    .contiguous()?
                    .reshape((1, kv_heads, group * count, head_dim))?;
                let output = self.scores(&queries, &of(key_slots)?, |scores| match mask {
                    Some(mask) => scores
                        .reshape((kv_heads, group, count, *length))?
                        .broadcast_add(mask)?
                        .reshape((1, kv_heads, group * count, *length)),
                    None => Ok(scores),
                })?;
                output
                    .matmul(&of(value_slots)?)?
                    .reshape((kv_heads, group, count, head_dim))?
                    .permute((2, 0, 1, 3))?
                    .contiguous()?
                    .reshape((count, heads * head_dim))
            }
        }
    }

    /// `softmax(mask(cap(q k^T)))`, in f32 whatever the type of the model.
    fn scores(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        mask: impl FnOnce(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let mut scores = queries.matmul(&keys.t()?)?.to_dtype(DType::F32)?;
        if let Some(cap) = self.cap {
            scores = ((scores / cap)?.tanh()? * cap)?;
        }
        candle_nn::ops::softmax_last_dim(&mask(scores)?)?.to_dtype(self.dtype)
    }
}

/// Cuts a step into parts for layers of one window; and where each token's output is to be found, unless it is in order:
/// the same for every window.
fn parts(
    rows: &[RowSpan],
    window: Option<usize>,
    device: &Device,
) -> Result<(Vec<Part>, Option<Tensor>)> {
    let mut first = 0;
    let spans: Vec<(RowSpan, usize)> = rows
        .iter()
        .map(|row| {
            let at = first;
            first += row.tokens;
            (*row, at)
        })
        .collect();
    let tokens = first;
    // Place of each token's output.
    let mut order = vec![0; tokens];
    let mut outputs = 0;
    let mut parts = Vec::new();
    let single: Vec<(RowSpan, usize)> = spans.iter().copied().filter(|s| s.0.tokens == 1).collect();
    let low = single.iter().map(|s| s.0.slot).min().unwrap_or(0);
    let high = single.iter().map(|s| s.0.slot + 1).max().unwrap_or(0);
    // Resting rows between them are computed for nothing: only while they are few.
    let together = single.len() > 1 && high - low <= 2 * single.len();
    if together {
        let slots = low..high;
        parts.push(step(&single, slots.clone(), window, device)?);
        for (row, token) in &single {
            order[*token] = row.slot - low;
        }
        outputs += slots.len();
    }
    for (row, start) in spans.iter().filter(|s| !together || s.0.tokens != 1) {
        let mut done = 0;
        while done < row.tokens {
            let count = (row.tokens - done).min(MOST_QUERIES);
            parts.push(prompt(row, *start, done..done + count, (window, device))?);
            for token in start + done..start + done + count {
                order[token] = outputs;
                outputs += 1;
            }
            done += count;
        }
    }
    let in_order = outputs == tokens && order.iter().enumerate().all(|(i, &at)| i == at);
    let order: Vec<u32> = order.into_iter().map(|at| at as u32).collect();
    let order = (!in_order)
        .then(|| Tensor::from_vec(order, tokens, device))
        .transpose()?;
    Ok((parts, order))
}

/// The positions that a token sees of which `end` are there, itself the last.
fn seen(end: usize, window: Option<usize>) -> Range<usize> {
    window.map_or(0, |window| end.saturating_sub(window))..end
}

fn step(
    rows: &[(RowSpan, usize)],
    slots: Range<usize>,
    window: Option<usize>,
    device: &Device,
) -> Result<Part> {
    let length = rows
        .iter()
        .map(|(row, _)| row.position + 1)
        .max()
        .unwrap_or(1);
    let mut picks = vec![0_u32; slots.len()];
    // A resting row sees everything: what comes out is not used, but must be no NaN.
    let mut spans = vec![0..length; slots.len()];
    for (row, token) in rows {
        picks[row.slot - slots.start] = *token as u32;
        spans[row.slot - slots.start] = seen(row.position + 1, window);
    }
    let even = spans.iter().all(|span| *span == (0..length));
    let mask = (!even).then(|| {
        let rows = spans.into_iter().flat_map(|span| masked(span, length));
        Tensor::from_vec(rows.collect(), (slots.len(), 1, 1, length), device)
    });
    Ok(Part::Step {
        picks: Tensor::from_vec(picks, slots.len(), device)?,
        slots,
        length,
        mask: mask.transpose()?,
    })
}

/// Tokens `which` of a row whose first token is `start` of the step.
fn prompt(
    row: &RowSpan,
    start: usize,
    which: Range<usize>,
    (window, device): (Option<usize>, &Device),
) -> Result<Part> {
    let length = row.position + which.end;
    let whole = which.len() == 1 && seen(length, window) == (0..length);
    let mask = (!whole).then(|| {
        let rows = which
            .clone()
            .flat_map(|t| masked(seen(row.position + t + 1, window), length));
        Tensor::from_vec(rows.collect(), (which.len(), length), device)
    });
    Ok(Part::Prompt {
        slot: row.slot,
        tokens: start + which.start..start + which.end,
        length,
        mask: mask.transpose()?,
    })
}

/// Zero for the positions of `length` that are `seen`, minus infinity for the rest.
fn masked(seen: Range<usize>, length: usize) -> impl Iterator<Item = f32> {
    (0..length).map(move |position| {
        if seen.contains(&position) {
            0.0
        } else {
            f32::NEG_INFINITY
        }
    })
}
