//! Attention of a step's tokens over the slots of their rows.
//!
//! Rows with one new token each are served by one product over neighbouring slots, padded to the longest
//! of them and masked; the tokens of a prompt go piece by piece, each over its own slot.

use std::ops::Range;

use candle_core::{DType, Device, Result, Tensor};

use super::slots::LayerSlots;
use crate::kernels::HeadLayout;

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
    cos: Tensor,
    sin: Tensor,
    parts: Vec<Part>,
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
        /// `[tokens, length]`; `None` for a single token.
        mask: Option<Tensor>,
    },
}

impl StepPlan {
    /// For rows whose tokens follow each other. `frequencies` are the inverse ones of each pair of
    /// dimensions, `slots` hold `positions` each.
    pub(super) fn new(
        rows: &[RowSpan],
        layout: HeadLayout,
        positions: usize,
        frequencies: &[f64],
        (device, dtype): (&Device, DType),
    ) -> Result<Self> {
        let mut targets = Vec::new();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
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
                for frequency in frequencies {
                    // The angle is rounded to f32 before the cosine, as in the packed path.
                    let angle = f64::from(position as f32 * *frequency as f32);
                    cos.push(angle.cos() as f32);
                    sin.push(angle.sin() as f32);
                }
            }
        }
        let tokens: usize = rows.iter().map(|row| row.tokens).sum();
        let place = |values: Vec<f32>| {
            Tensor::from_vec(values, (tokens, 1, frequencies.len()), &Device::Cpu)?
                .to_dtype(dtype)?
                .to_device(device)
        };
        let (parts, order) = parts(rows, device)?;
        Ok(Self {
            layout,
            dtype,
            targets: Tensor::from_vec(
                targets,
                (tokens * layout.kv_heads, layout.head_dim),
                device,
            )?,
            cos: place(cos)?,
            sin: place(sin)?,
            parts,
            order,
        })
    }

    /// Rotates queries and keys, files keys and values, and returns
    /// `softmax(q k^T / sqrt(head dim)) v`, each token seeing its own row up to itself. `queries` is
    /// `[tokens, heads * head dim]`, and so is the result.
    pub(super) fn attend(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        (key_slots, value_slots): &LayerSlots,
    ) -> Result<Tensor> {
        let HeadLayout {
            heads,
            kv_heads,
            head_dim,
        } = self.layout;
        let rotate = |x: &Tensor, heads: usize| {
            let x = x.reshape(((), heads, 1, head_dim))?;
            candle_nn::rotary_emb::rope(&x, &self.cos, &self.sin)
        };
        let queries = (rotate(queries, heads)? * (1.0 / (head_dim as f64).sqrt()))?;
        let queries = queries.reshape(((), kv_heads, heads / kv_heads, head_dim))?;
        for (slots, new) in [(key_slots, &rotate(keys, kv_heads)?), (value_slots, values)] {
            slots.reshape(((), head_dim))?.scatter_set(
                &self.targets,
                &new.reshape(((), head_dim))?,
                0,
            )?;
        }
        let outputs = self
            .parts
            .iter()
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

    /// `softmax(mask(q k^T))`, in f32 whatever the type of the model.
    fn scores(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        mask: impl FnOnce(Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let scores = queries.matmul(&keys.t()?)?.to_dtype(DType::F32)?;
        candle_nn::ops::softmax_last_dim(&mask(scores)?)?.to_dtype(self.dtype)
    }
}

/// Cuts a step into parts; and where each token's output is to be found, unless it is in order.
fn parts(rows: &[RowSpan], device: &Device) -> Result<(Vec<Part>, Option<Tensor>)> {
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
        parts.push(step(&single, slots.clone(), device)?);
        for (row, token) in &single {
            order[*token] = row.slot - low;
        }
        outputs += slots.len();
    }
    for (row, start) in spans.iter().filter(|s| !together || s.0.tokens != 1) {
        let mut done = 0;
        while done < row.tokens {
            let count = (row.tokens - done).min(MOST_QUERIES);
            parts.push(prompt(row, *start, done..done + count, device)?);
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

fn step(rows: &[(RowSpan, usize)], slots: Range<usize>, device: &Device) -> Result<Part> {
    let length = rows
        .iter()
        .map(|(row, _)| row.position + 1)
        .max()
        .unwrap_or(1);
    let mut picks = vec![0_u32; slots.len()];
    // A resting row sees everything: what comes out is not used, but must be no NaN.
    let mut seen = vec![length; slots.len()];
    for (row, token) in rows {
        picks[row.slot - slots.start] = *token as u32;
        seen[row.slot - slots.start] = row.position + 1;
    }
    let even = seen.iter().all(|&seen| seen == length);
    let mask = (!even).then(|| {
        let rows = seen.iter().flat_map(|&seen| masked(seen, length));
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
fn prompt(row: &RowSpan, start: usize, which: Range<usize>, device: &Device) -> Result<Part> {
    let length = row.position + which.end;
    let mask = (which.len() > 1).then(|| {
        let rows = which
            .clone()
            .flat_map(|t| masked(row.position + t + 1, length));
        Tensor::from_vec(rows.collect(), (which.len(), length), device)
    });
    Ok(Part::Prompt {
        slot: row.slot,
        tokens: start + which.start..start + which.end,
        length,
        mask: mask.transpose()?,
    })
}

/// Zero for the first `seen` of `length` positions, minus infinity for the rest.
fn masked(seen: usize, length: usize) -> impl Iterator<Item = f32> {
    (0..length).map(move |position| {
        if position < seen {
            0.0
        } else {
            f32::NEG_INFINITY
        }
    })
}
