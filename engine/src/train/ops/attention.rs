//! Causal attention over a flat batch of ragged sequences, each looking at itself alone.
//!
//! Works on one head of one sequence at a time in scratch that fits the second-level cache; the
//! probabilities are computed again in the backward pass rather than kept (Dao et al. 2022).

use std::slice::ChunksExact;
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use pulp::Simd;

use super::storage::{floats, output, read, tensor};
use crate::kernels::{PANEL, Scoring, accumulate, dot, exp, kernel, max, sum, tanh, vectorised};

/// Rows of a tile.
const TILE_ROWS: usize = 4;

/// A block of results held in registers.
type Tile = [[f32; PANEL]; TILE_ROWS];

/// Where sequences lie in a flat batch, and how a row splits into heads.
#[derive(Debug, Clone)]
pub struct AttentionShape {
    /// First row of every sequence, and the number of rows at the end; ascending.
    pub offsets: Arc<Vec<usize>>,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: usize,
    /// Numbers per head.
    pub head_dim: usize,
    /// How what a row sees is weighed.
    pub scoring: Scoring,
}

impl AttentionShape {
    pub(super) fn sequences(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.offsets.windows(2).map(|w| (w[0], w[1] - w[0]))
    }

    fn longest(&self) -> usize {
        self.sequences()
            .map(|(_, length)| length)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn scale(&self) -> f32 {
        self.scoring.scale
    }
}

/// A matrix as vertical panels of [`PANEL`] columns, zero-padded, so that a tile reads it in order.
struct Panels {
    values: Vec<[f32; PANEL]>,
    rows: usize,
}

impl Panels {
    fn new(rows: usize, cols: usize) -> Self {
        let rows = rows.next_multiple_of(PANEL);
        Self {
            values: vec![[0.0; PANEL]; rows * cols.div_ceil(PANEL)],
            rows,
        }
    }

    #[inline(always)]
    fn panel(&self, index: usize) -> &[[f32; PANEL]] {
        &self.values[index * self.rows..][..self.rows]
    }

    /// Takes `length` rows of one head: `source[row * stride ..][.. head_dim]`.
    #[inline(always)]
    fn load(&mut self, source: &[f32], stride: usize, length: usize, head_dim: usize, scale: f32) {
        for (index, panel) in self.values.chunks_exact_mut(self.rows).enumerate() {
            let from = index * PANEL;
            let to = (from + PANEL).min(head_dim);
            for (row, into) in panel.iter_mut().enumerate() {
                *into = [0.0; PANEL];
                if row < length && from < to {
                    for (into, value) in into.iter_mut().zip(&source[row * stride..][from..to]) {
                        *into = value * scale;
                    }
                }
            }
        }
    }

    /// Takes the same transposed: panel `j` holds positions `j * PANEL ..`, one row per number of the head.
    #[inline(always)]
    fn load_transposed(&mut self, source: &[f32], stride: usize, length: usize, head_dim: usize) {
        for (index, panel) in self.values.chunks_exact_mut(self.rows).enumerate() {
            for into in panel.iter_mut() {
                *into = [0.0; PANEL];
            }
            for column in 0..PANEL.min(length.saturating_sub(index * PANEL)) {
                let row = index * PANEL + column;
                for (into, value) in panel.iter_mut().zip(&source[row * stride..][..head_dim]) {
                    into[column] = *value;
                }
            }
        }
    }
}

/// A row-major scratch matrix.
struct Square {
    values: Vec<f32>,
    width: usize,
}

impl Square {
    fn new(rows: usize, width: usize) -> Self {
        let width = width.next_multiple_of(PANEL);
        Self {
            values: vec![0.0; rows.next_multiple_of(PANEL) * width],
            width,
        }
    }

    #[inline(always)]
    fn row(&self, row: usize, length: usize) -> &[f32] {
        &self.values[row * self.width..][..length]
    }

    #[inline(always)]
    fn row_mut(&mut self, row: usize, length: usize) -> &mut [f32] {
        &mut self.values[row * self.width..][..length]
    }

    #[inline(always)]
    fn store(&mut self, row: usize, column: usize, tile: &Tile) {
        for (r, values) in tile.iter().enumerate() {
            self.row_mut(row + r, self.width)[column..column + PANEL].copy_from_slice(values);
        }
    }
}

/// The numbers `k` of four rows, step by step.
struct Across<'a> {
    rows: [&'a [f32]; TILE_ROWS],
    k: usize,
}

impl Iterator for Across<'_> {
    type Item = [f32; TILE_ROWS];

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let [a, b, c, d] = self.rows;
        let k = self.k;
        self.k += 1;
        Some([*a.get(k)?, *b.get(k)?, *c.get(k)?, *d.get(k)?])
    }
}

/// Four numbers of each row, row by row.
struct Down<'a> {
    rows: ChunksExact<'a, f32>,
    column: usize,
}

impl<'a> Iterator for Down<'a> {
    type Item = &'a [f32; TILE_ROWS];

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()?.get(self.column..)?.first_chunk()
    }
}

/// `a[row .. row + 4, 0 .. depth] · b`, `a` row-major.
#[inline(always)]
fn multiply<S: Simd>(simd: S, a: &Square, row: usize, depth: usize, b: &[[f32; PANEL]]) -> Tile {
    let mut tile = [[0.0; PANEL]; TILE_ROWS];
    let rows = [
        a.row(row, depth),
        a.row(row + 1, depth),
        a.row(row + 2, depth),
        a.row(row + 3, depth),
    ];
    accumulate(simd, Across { rows, k: 0 }, b.as_flattened(), &mut tile);
    tile
}

/// `a[from .. to, column .. column + 4]ᵀ · b[from .. to]`.
#[inline(always)]
fn multiply_transposed<S: Simd>(
    simd: S,
    a: &Square,
    column: usize,
    (from, to): (usize, usize),
    b: &[[f32; PANEL]],
) -> Tile {
    let mut tile = [[0.0; PANEL]; TILE_ROWS];
    let rows = a.values[from * a.width..to * a.width].chunks_exact(a.width);
    let panel = b[from..to].as_flattened();
    accumulate(simd, Down { rows, column }, panel, &mut tile);
    tile
}

/// Scratch for the longest sequence of a batch.
struct Scratch {
    queries: Square,
    keys_transposed: Panels,
    keys: Panels,
    values: Panels,
    values_transposed: Panels,
    query_panels: Panels,
    output_panels: Panels,
    output_rows: Square,
    probabilities: Square,
    /// Slopes of the scores' cap, where they have one.
    slopes: Option<Square>,
    differences: Square,
    row_dots: Vec<f32>,
}

impl Scratch {
    fn new(shape: &AttentionShape) -> Self {
        let (length, dim) = (shape.longest(), shape.head_dim);
        Self {
            queries: Square::new(length, dim),
            keys_transposed: Panels::new(dim, length),
            keys: Panels::new(length, dim),
            values: Panels::new(length, dim),
            values_transposed: Panels::new(dim, length),
            query_panels: Panels::new(length, dim),
            output_panels: Panels::new(length, dim),
            output_rows: Square::new(length, dim),
            probabilities: Square::new(length, length),
            slopes: shape.scoring.cap.map(|_| Square::new(length, length)),
            differences: Square::new(length, length),
            row_dots: vec![0.0; length],
        }
    }
}

#[inline(always)]
fn load_rows(
    into: &mut Square,
    source: &[f32],
    stride: usize,
    length: usize,
    head_dim: usize,
    scale: f32,
) {
    for row in 0..length.next_multiple_of(TILE_ROWS) {
        let target = into.row_mut(row, head_dim);
        if row < length {
            for (target, value) in target.iter_mut().zip(&source[row * stride..][..head_dim]) {
                *target = value * scale;
            }
        } else {
            target.fill(0.0);
        }
    }
}

/// Softmax of the scaled scores, row `i` over columns `0 ..= i` or those of them that the window leaves, zero elsewhere.
#[inline(always)]
fn fill_probabilities<S: Simd>(
    simd: S,
    scratch: &mut Scratch,
    length: usize,
    (head_dim, scoring): (usize, Scoring),
) {
    for row in (0..length).step_by(TILE_ROWS) {
        let seen = (row + TILE_ROWS).min(length).next_multiple_of(PANEL);
        for column in (0..seen).step_by(PANEL) {
            let panel = scratch.keys_transposed.panel(column / PANEL);
            let tile = multiply(simd, &scratch.queries, row, head_dim, panel);
            scratch.probabilities.store(row, column, &tile);
        }
        for row in row..row + TILE_ROWS {
            let scores = scratch.probabilities.row_mut(row, seen);
            let visible = (row + 1).min(length);
            let first = scoring.first_seen(visible - 1);
            if let (Some(cap), Some(slopes)) = (scoring.cap, &mut scratch.slopes) {
                for (score, slope) in scores.iter_mut().zip(slopes.row_mut(row, seen)) {
                    let part = tanh(*score / cap);
                    *score = cap * part;
                    *slope = 1.0 - part * part;
                }
            }
            let top = max(&scores[first..visible]);
            for score in scores.iter_mut() {
                *score = exp(*score - top);
            }
            scores[..first].fill(0.0);
            scores[visible..].fill(0.0);
            let scale = 1.0 / sum(scores);
            for score in scores.iter_mut() {
                *score *= scale;
            }
        }
    }
}

#[inline(always)]
fn forward<S: Simd>(simd: S, (shape, [q, k, v], out): (&AttentionShape, [&[f32]; 3], &mut [f32])) {
    let dim = shape.head_dim;
    let (q_stride, kv_stride) = (shape.heads * dim, shape.kv_heads * dim);
    let group = shape.heads / shape.kv_heads;
    let mut scratch = Scratch::new(shape);
    for (start, length) in shape.sequences() {
        for kv_head in 0..shape.kv_heads {
            let kv_at = start * kv_stride + kv_head * dim;
            scratch
                .keys_transposed
                .load_transposed(&k[kv_at..], kv_stride, length, dim);
            scratch
                .values
                .load(&v[kv_at..], kv_stride, length, dim, 1.0);
            for head in kv_head * group..(kv_head + 1) * group {
                let q_at = start * q_stride + head * dim;
                load_rows(
                    &mut scratch.queries,
                    &q[q_at..],
                    q_stride,
                    length,
                    dim,
                    shape.scale(),
                );
                fill_probabilities(simd, &mut scratch, length, (dim, shape.scoring));
                for row in (0..length).step_by(TILE_ROWS) {
                    for from in (0..dim).step_by(PANEL) {
                        let seen = (row + TILE_ROWS).min(length);
                        let tile = multiply(
                            simd,
                            &scratch.probabilities,
                            row,
                            seen,
                            scratch.values.panel(from / PANEL),
                        );
                        write_rows(&tile, (row, from), (length, dim), (q_at, q_stride), out);
                    }
                }
            }
        }
    }
}

/// Adds a tile to `out[at + row * stride + column ..]`, leaving out the padding.
#[inline(always)]
fn write_rows(
    tile: &Tile,
    (row, column): (usize, usize),
    (rows, columns): (usize, usize),
    (at, stride): (usize, usize),
    out: &mut [f32],
) {
    let width = PANEL.min(columns - column);
    for (r, values) in tile.iter().enumerate().take(rows - row) {
        let at = at + (row + r) * stride + column;
        for (out, value) in out[at..at + width].iter_mut().zip(values) {
            *out += *value;
        }
    }
}

struct Gradients<'a> {
    q: &'a mut [f32],
    k: &'a mut [f32],
    v: &'a mut [f32],
}

/// With `P` the probabilities and `dP = dO Vᵀ`: `dS = P (dP - rowsum(dO O))`, times the slope of the cap, `dQ = dS K`, `dK = dSᵀ Q`,
/// `dV = Pᵀ dO`, the scale of the scores going with `Q` and with `dQ`.
#[inline(always)]
fn backward<S: Simd>(
    simd: S,
    (shape, [q, k, v, out, d_out], mut gradients): (&AttentionShape, [&[f32]; 5], Gradients<'_>),
) {
    let dim = shape.head_dim;
    let (q_stride, kv_stride) = (shape.heads * dim, shape.kv_heads * dim);
    let group = shape.heads / shape.kv_heads;
    let scale = shape.scale();
    let mut scratch = Scratch::new(shape);
    for (start, length) in shape.sequences() {
        for kv_head in 0..shape.kv_heads {
            let kv_at = start * kv_stride + kv_head * dim;
            scratch
                .keys_transposed
                .load_transposed(&k[kv_at..], kv_stride, length, dim);
            scratch
                .values_transposed
                .load_transposed(&v[kv_at..], kv_stride, length, dim);
            scratch
                .keys
                .load(&k[kv_at..], kv_stride, length, dim, scale);
            for head in kv_head * group..(kv_head + 1) * group {
                let q_at = start * q_stride + head * dim;
                load_rows(
                    &mut scratch.queries,
                    &q[q_at..],
                    q_stride,
                    length,
                    dim,
                    scale,
                );
                load_rows(
                    &mut scratch.output_rows,
                    &d_out[q_at..],
                    q_stride,
                    length,
                    dim,
                    1.0,
                );
                scratch
                    .query_panels
                    .load(&q[q_at..], q_stride, length, dim, scale);
                scratch
                    .output_panels
                    .load(&d_out[q_at..], q_stride, length, dim, 1.0);
                fill_probabilities(simd, &mut scratch, length, (dim, shape.scoring));
                for row in 0..length {
                    let at = q_at + row * q_stride;
                    scratch.row_dots[row] = dot(&out[at..at + dim], &d_out[at..at + dim]);
                }
                fill_differences(simd, &mut scratch, length, dim);
                write_gradients(
                    simd,
                    &scratch,
                    length,
                    dim,
                    (q_at, q_stride),
                    (kv_at, kv_stride),
                    &mut gradients,
                );
            }
        }
    }
}

/// `dS` from `P`, `dO` and `V`.
#[inline(always)]
fn fill_differences<S: Simd>(simd: S, scratch: &mut Scratch, length: usize, dim: usize) {
    for row in (0..length).step_by(TILE_ROWS) {
        let seen = (row + TILE_ROWS).min(length).next_multiple_of(PANEL);
        for column in (0..seen).step_by(PANEL) {
            let panel = scratch.values_transposed.panel(column / PANEL);
            let tile = multiply(simd, &scratch.output_rows, row, dim, panel);
            scratch.differences.store(row, column, &tile);
        }
        for row in row..row + TILE_ROWS {
            let shift = if row < length {
                scratch.row_dots[row]
            } else {
                0.0
            };
            let probabilities = scratch.probabilities.row(row, seen);
            let differences = scratch.differences.row_mut(row, seen);
            for (d, p) in differences.iter_mut().zip(probabilities) {
                *d = p * (*d - shift);
            }
            if let Some(slopes) = &scratch.slopes {
                for (d, slope) in differences.iter_mut().zip(slopes.row(row, seen)) {
                    *d *= slope;
                }
            }
        }
    }
}

#[inline(always)]
fn write_gradients<S: Simd>(
    simd: S,
    scratch: &Scratch,
    length: usize,
    dim: usize,
    q_place: (usize, usize),
    kv_place: (usize, usize),
    gradients: &mut Gradients<'_>,
) {
    for row in (0..length).step_by(TILE_ROWS) {
        let seen = (row + TILE_ROWS).min(length);
        for from in (0..dim).step_by(PANEL) {
            let panel = from / PANEL;
            let tile = multiply(
                simd,
                &scratch.differences,
                row,
                seen,
                scratch.keys.panel(panel),
            );
            write_rows(&tile, (row, from), (length, dim), q_place, gradients.q);
            // A key is seen by its own row and later ones; rows before hold zeros or stale numbers.
            let tile = multiply_transposed(
                simd,
                &scratch.differences,
                row,
                (row, length),
                scratch.query_panels.panel(panel),
            );
            write_rows(&tile, (row, from), (length, dim), kv_place, gradients.k);
            let tile = multiply_transposed(
                simd,
                &scratch.probabilities,
                row,
                (row, length),
                scratch.output_panels.panel(panel),
            );
            write_rows(&tile, (row, from), (length, dim), kv_place, gradients.v);
        }
    }
}

/// Causal attention: `q` `[rows, heads * head_dim]`, `k` and `v` `[rows, kv_heads * head_dim]`, result like `q`.
#[derive(Debug)]
pub struct Attention(pub AttentionShape);

kernel!(Forward = simd forward((&'a AttentionShape, [&'a [f32]; 3], &'a mut [f32])) -> ());
kernel!(Backward = simd backward((&'a AttentionShape, [&'a [f32]; 5], Gradients<'a>)) -> ());

impl CustomOp3 for Attention {
    fn name(&self) -> &'static str {
        "ragged-attention"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_at: &Layout,
        k: &CpuStorage,
        k_at: &Layout,
        v: &CpuStorage,
        v_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        check([q_at, k_at, v_at].map(Layout::dims), &self.0)?;
        let (q, k, v) = (floats(q, q_at)?, floats(k, k_at)?, floats(v, v_at)?);
        let mut out = vec![0.0; q.len()];
        vectorised(Forward((&self.0, [q, k, v], &mut out)));
        Ok(output(out, q_at.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        out: &Tensor,
        d_out: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (mut dq, mut dk, mut dv) = (
            vec![0.0; q.elem_count()],
            vec![0.0; k.elem_count()],
            vec![0.0; v.elem_count()],
        );
        let gradients = Gradients {
            q: &mut dq,
            k: &mut dk,
            v: &mut dv,
        };
        read([q, k, v, out, d_out], |inputs| {
            vectorised(Backward((&self.0, inputs, gradients)));
        })?;
        Ok((
            Some(tensor(dq, q)?),
            Some(tensor(dk, k)?),
            Some(tensor(dv, v)?),
        ))
    }
}

pub(super) fn check([q, k, v]: [&[usize]; 3], shape: &AttentionShape) -> Result<()> {
    let rows = shape.offsets.last().copied().unwrap_or(0);
    let (wide, narrow) = (
        shape.heads * shape.head_dim,
        shape.kv_heads * shape.head_dim,
    );
    let fits = shape.kv_heads > 0
        && shape.heads.is_multiple_of(shape.kv_heads)
        && shape.offsets.is_sorted()
        && shape.offsets.first() == Some(&0);
    if !fits || q != [rows, wide] || k != [rows, narrow] || v != [rows, narrow] {
        candle_core::bail!("attention: {q:?}, {k:?}, {v:?} do not fit {shape:?}");
    }
    Ok(())
}
