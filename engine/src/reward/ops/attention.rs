//! Attention between the tokens of each text, or from one sequence of each to another.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::softmax;
use rayon::prelude::*;

use super::{Kernels, host, softmax_rows};
use crate::kernels::{PackedInput, PackedMatrix, Product, products};

/// `softmax(q k^T * scale) v` for every head of every text.
#[derive(Debug, Clone, Copy)]
pub(in crate::reward) struct Attention {
    pub(in crate::reward) heads: usize,
    /// What the products of queries and keys are multiplied by.
    pub(in crate::reward) scale: f32,
    /// Whether a query sees only the keys up to its own place, counted from the end of both.
    pub(in crate::reward) causal: bool,
    pub(in crate::reward) kernels: Kernels,
}

impl Attention {
    /// Queries `[sum of queries, width]`, keys and values `[sum of keys, width]`, where text `i`
    /// has `queries[i]` and `keys[i]` rows; as many rows as queries come out.
    pub(in crate::reward) fn forward(
        &self,
        [q, k, v]: [&Tensor; 3],
        queries: &[usize],
        keys: &[usize],
    ) -> Result<Tensor> {
        match self.kernels {
            Kernels::Packed => self.packed([q, k, v], queries, keys),
            Kernels::Plain => self.plain([q, k, v], queries, keys),
        }
    }

    fn packed(&self, [q, k, v]: [&Tensor; 3], queries: &[usize], keys: &[usize]) -> Result<Tensor> {
        let (rows, width) = q.dims2()?;
        let (q, k, v) = (host(q)?, host(k)?, host(v)?);
        let head = |values, rows, index| HeadRows::new(values, rows, width, self.heads, index);
        let mixed = per_head(self.heads, width, queries, keys, |index, query, key| {
            let (key_rows, value_rows) =
                (head(&k, key.clone(), index), head(&v, key.clone(), index));
            let weights = key_rows.packed();
            let mut scores = product(&head(&q, query.clone(), index).input(), &weights);
            let (queries, keys) = (query.len(), key.len());
            softmax_rows(&mut scores, keys, self.scale, |row| {
                if self.causal {
                    (row + 1 + keys).saturating_sub(queries)
                } else {
                    keys
                }
            });
            value_rows.mix(&scores, queries)
        });
        Tensor::from_vec(mixed, (rows, width), &candle_core::Device::Cpu)
    }

    /// With candle alone, padded to the longest.
    fn plain(&self, [q, k, v]: [&Tensor; 3], queries: &[usize], keys: &[usize]) -> Result<Tensor> {
        let longest = |lengths: &[usize]| lengths.iter().copied().max().unwrap_or(0);
        let (most_queries, most_keys) = (longest(queries), longest(keys));
        let split = |x: &Tensor, lengths: &[usize], most: usize| {
            let width = x.dim(1)?;
            pad(x, lengths, most)?
                .reshape((lengths.len(), most, self.heads, width / self.heads))?
                .transpose(1, 2)?
                .contiguous()
        };
        let (q, k, v) = (
            split(q, queries, most_queries)?,
            split(k, keys, most_keys)?,
            split(v, keys, most_keys)?,
        );
        let mut mask = Vec::with_capacity(queries.len() * most_queries * most_keys);
        for (&queries, &keys) in queries.iter().zip(keys) {
            for row in 0..most_queries {
                // Rows of padding see the first key, so that they are not NaN.
                let seen = if self.causal {
                    (row + 1 + keys).saturating_sub(queries).clamp(1, keys)
                } else {
                    keys
                };
                mask.extend((0..most_keys).map(|c| if c < seen { 0.0 } else { f32::NEG_INFINITY }));
            }
        }
        let mask = Tensor::from_vec(
            mask,
            (queries.len(), 1, most_queries, most_keys),
            q.device(),
        )?;
        let scores = (q.matmul(&k.t()?)? * f64::from(self.scale))?.broadcast_add(&mask)?;
        let mixed = softmax(&scores, D::Minus1)?.matmul(&v)?.transpose(1, 2)?;
        let mixed = mixed.reshape((queries.len() * most_queries, ()))?;
        let kept = queries
            .iter()
            .enumerate()
            .flat_map(|(text, &n)| (0..n).map(move |row| (text * most_queries + row) as u32));
        mixed.index_select(&Tensor::from_iter(kept, q.device())?, 0)
    }
}

/// `[rows of all texts, width]` to `[texts * most, width]`; padding repeats the first row.
fn pad(x: &Tensor, lengths: &[usize], most: usize) -> Result<Tensor> {
    let mut start = 0;
    let mut rows = Vec::with_capacity(lengths.len() * most);
    for &length in lengths {
        rows.extend((0..most).map(|row| {
            if row < length {
                (start + row) as u32
            } else {
                0
            }
        }));
        start += length;
    }
    x.index_select(
        &Tensor::from_vec(rows, lengths.len() * most, x.device())?,
        0,
    )
}

/// One head's columns of one text's rows.
pub(in crate::reward) struct HeadRows<'a> {
    values: &'a [f32],
    rows: usize,
    stride: usize,
    first: usize,
    width: usize,
}

impl<'a> HeadRows<'a> {
    /// Head `index` of `heads`, of some rows of a matrix that is `stride` wide.
    pub(in crate::reward) fn new(
        values: &'a [f32],
        rows: std::ops::Range<usize>,
        stride: usize,
        heads: usize,
        index: usize,
    ) -> Self {
        let width = stride / heads.max(1);
        Self {
            values: &values[rows.start * stride..rows.end * stride],
            rows: rows.len(),
            stride,
            first: index * width,
            width,
        }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride + self.first..][..self.width]
    }

    /// As the left side of a product.
    pub(in crate::reward) fn input(&self) -> PackedInput {
        let mut own = Vec::with_capacity(self.rows * self.width);
        for row in 0..self.rows {
            own.extend_from_slice(self.row(row));
        }
        PackedInput::new(&own, self.rows, self.width)
    }

    /// As the right side of a product, which then gives a column per row of these.
    pub(in crate::reward) fn packed(&self) -> PackedMatrix {
        let mut packed = PackedMatrix::zeros(self.rows, self.width);
        for row in 0..self.rows {
            packed.set_rows(row, self.row(row));
        }
        packed
    }

    /// `shares` `[queries, rows]` times these rows: `[queries, width]`.
    pub(in crate::reward) fn mix(&self, shares: &[f32], queries: usize) -> Vec<f32> {
        let mut transposed = vec![0.0; self.rows * self.width];
        for row in 0..self.rows {
            for (column, value) in transposed[row..]
                .iter_mut()
                .step_by(self.rows)
                .zip(self.row(row))
            {
                *column = *value;
            }
        }
        let transposed = PackedMatrix::new(&transposed, self.width, self.rows);
        product(&PackedInput::new(shares, queries, self.rows), &transposed)
    }
}

/// `x w^T`.
pub(in crate::reward) fn product(x: &PackedInput, weight: &PackedMatrix) -> Vec<f32> {
    let mut y = products(&[Product {
        terms: vec![(x, weight)],
        bias: None,
    }]);
    y.pop().unwrap_or_default()
}

/// Runs `work(head, rows of queries, rows of keys)`, which gives `[queries, width / heads]`, for
/// every head of every text on all threads, and puts the results side by side.
pub(in crate::reward) fn per_head(
    heads: usize,
    width: usize,
    queries: &[usize],
    keys: &[usize],
    work: impl Fn(usize, std::ops::Range<usize>, std::ops::Range<usize>) -> Vec<f32> + Sync,
) -> Vec<f32> {
    let (mut query, mut key) = (0, 0);
    let mut texts = Vec::with_capacity(queries.len());
    for (&queries, &keys) in queries.iter().zip(keys) {
        texts.push((query..query + queries, key..key + keys));
        (query, key) = (query + queries, key + keys);
    }
    let parts: Vec<Vec<f32>> = (0..texts.len() * heads)
        .into_par_iter()
        .map(|task| {
            let (query, key) = &texts[task / heads];
            work(task % heads, query.clone(), key.clone())
        })
        .collect();
    let head_width = width / heads.max(1);
    let mut all = vec![0.0; query * width];
    for (task, part) in parts.iter().enumerate() {
        let (rows, head) = (&texts[task / heads].0, task % heads);
        for (row, part) in rows.clone().zip(part.chunks_exact(head_width)) {
            all[row * width + head * head_width..][..head_width].copy_from_slice(part);
        }
    }
    all
}
