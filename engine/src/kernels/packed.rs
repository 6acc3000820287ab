//! Matrices laid out for the inner loop: weights in panels of 32 outputs, inputs in blocks of rows.

use pulp::{Arch, Simd, WithSimd};

use super::parallel::over_rows;
use super::tile::{PANEL, blocks, max_rows};

const ALIGN: usize = 16; // f32s in a cache line

/// A weight `[out, inner]` as panels `[out / 32][inner][32]`, the last one padded with zeros.
///
/// A product then reads the weight front to back, once, in whole cache lines.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    data: Vec<f32>,
    start: usize,
    out: usize,
    inner: usize,
}

impl PackedMatrix {
    /// An all-zero matrix to be filled by [`PackedMatrix::set_rows`].
    pub fn zeros(out: usize, inner: usize) -> Self {
        let data = vec![0.0; out.div_ceil(PANEL) * PANEL * inner + ALIGN];
        let start = (ALIGN - (data.as_ptr() as usize / size_of::<f32>()) % ALIGN) % ALIGN;
        Self {
            data,
            start,
            out,
            inner,
        }
    }

    /// Packs a row-major `[out, inner]` matrix. `weight.len()` must be `out * inner`.
    pub fn new(weight: &[f32], out: usize, inner: usize) -> Self {
        let mut packed = Self::zeros(out, inner);
        packed.set_rows(0, weight);
        packed
    }

    /// Writes row-major rows of length [`PackedMatrix::inner`], the first of them to output `first`.
    pub fn set_rows(&mut self, first: usize, rows: &[f32]) {
        let (inner, start) = (self.inner, self.start);
        for (index, row) in rows.chunks_exact(inner.max(1)).enumerate() {
            let out = first + index;
            let base = start + out / PANEL * PANEL * inner + out % PANEL;
            for (k, value) in row.iter().enumerate() {
                self.data[base + k * PANEL] = *value;
            }
        }
    }

    /// Writes inputs `first..first + count` of every output; `columns` is row-major `[out, count]`.
    pub fn set_columns(&mut self, first: usize, count: usize, columns: &[f32]) {
        let (inner, start) = (self.inner, self.start);
        for (out, row) in columns.chunks_exact(count.max(1)).enumerate() {
            let base = start + out / PANEL * PANEL * inner + out % PANEL;
            for (k, value) in row.iter().enumerate() {
                self.data[base + (first + k) * PANEL] = *value;
            }
        }
    }

    /// Copies output row `out` (length [`PackedMatrix::inner`]) to `row`: an embedding look-up.
    pub fn copy_row(&self, out: usize, row: &mut [f32]) {
        let base = self.start + out / PANEL * PANEL * self.inner + out % PANEL;
        for (k, value) in row.iter_mut().enumerate() {
            *value = self.data[base + k * PANEL];
        }
    }

    /// Outputs.
    pub fn out(&self) -> usize {
        self.out
    }

    /// Inputs.
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.data.len() * size_of::<f32>()
    }

    pub(super) fn panels(&self) -> usize {
        self.out.div_ceil(PANEL)
    }

    pub(super) fn panel(&self, index: usize) -> &[f32] {
        let size = PANEL * self.inner;
        &self.data[self.start + index * size..self.start + (index + 1) * size]
    }
}

/// An input `[rows, inner]` as blocks `[inner][rows of the block]`.
#[derive(Debug, Clone)]
pub struct PackedInput {
    data: Vec<f32>,
    blocks: Vec<(usize, usize)>,
    rows: usize,
    inner: usize,
}

impl PackedInput {
    /// Packs a row-major `[rows, inner]` input.
    pub fn new(x: &[f32], rows: usize, inner: usize) -> Self {
        let blocks: Vec<_> = blocks(rows, Arch::new().dispatch(MaxRows)).collect();
        let mut data = vec![0.0; rows * inner];
        let size = blocks.first().map_or(1, |&(_, count)| count);
        let length = (size * inner).max(1);
        over_rows(&mut data, length, |first, data| {
            for (block, &(row, count)) in data.chunks_mut(length).zip(&blocks[first..]) {
                for i in 0..count {
                    let source = &x[(row + i) * inner..][..inner];
                    for (target, value) in block[i..].iter_mut().step_by(count).zip(source) {
                        *target = *value;
                    }
                }
            }
        });
        Self {
            data,
            blocks,
            rows,
            inner,
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn inner(&self) -> usize {
        self.inner
    }

    pub(super) fn blocks(&self) -> &[(usize, usize)] {
        &self.blocks
    }

    pub(super) fn block(&self, (first, count): (usize, usize)) -> &[f32] {
        &self.data[first * self.inner..(first + count) * self.inner]
    }
}

struct MaxRows;

impl WithSimd for MaxRows {
    type Output = usize;
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        max_rows::<S>()
    }
}
