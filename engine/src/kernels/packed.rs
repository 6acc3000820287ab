//! Matrices laid out for the inner loop: weights in panels of 32 outputs, inputs in blocks of rows.

use std::sync::OnceLock;

use half::f16;
use pulp::{Arch, Simd, WithSimd};

use super::aligned::Aligned;
use super::blocks::BlockKind;
use super::parallel::over_rows;
use super::quantised::{QuantisedInput, QuantisedPanels};
use super::stored::{Brain, Stored as _, fits_brain, fits_half, put_brain};
use super::tile::{PANEL, blocks, max_rows};

/// A weight `[out, inner]` as panels `[out / 32][inner][32]`, the last one padded with zeros.
///
/// A product then reads the weight front to back, once, in whole cache lines. Numbers lie in 32 bits, or in 16 where
/// none of them loses a bit by that; products have the same bits either way. Or they lie in quantised blocks, and then
/// products round the input to 8 bits.
#[derive(Debug, Clone)]
pub struct PackedMatrix {
    numbers: Numbers,
    out: usize,
    inner: usize,
}

/// Panels one after another; a step of 32 numbers is 32 f32, 16 pairs of bf16 or 32 f16.
#[derive(Debug, Clone)]
enum Numbers {
    F32(Aligned<f32>),
    Bf16(Aligned<u32>),
    F16(Aligned<u16>),
    Blocks(QuantisedPanels),
}

/// One panel, in the order of the inner loop.
#[derive(Debug, Clone, Copy)]
pub(super) enum Panel<'a> {
    F32(&'a [f32]),
    Bf16(&'a [u32]),
    F16(&'a [u16]),
    Blocks(&'a QuantisedPanels, usize),
}

impl PackedMatrix {
    /// An all-zero matrix of f32 to be filled by [`PackedMatrix::set_rows`].
    pub fn zeros(out: usize, inner: usize) -> Self {
        Self {
            numbers: Numbers::F32(Aligned::new(steps(out, inner) * PANEL)),
            out,
            inner,
        }
    }

    /// Packs a row-major `[out, inner]` matrix as f32. `weight.len()` must be `out * inner`.
    pub fn new(weight: &[f32], out: usize, inner: usize) -> Self {
        let mut packed = Self::zeros(out, inner);
        packed.set_rows(0, weight);
        packed
    }

    /// Packs a row-major `[out, inner]` matrix in the fewest bits that hold each of its numbers exactly: bf16, f16 or
    /// f32. `weight.len()` must be `out * inner`.
    pub fn narrowest(weight: &[f32], out: usize, inner: usize) -> Self {
        let steps = steps(out, inner);
        let numbers = if weight.iter().all(|&value| fits_brain(value)) {
            Numbers::Bf16(Aligned::new(steps * Brain::WORDS))
        } else if weight.iter().all(|&value| fits_half(value)) {
            Numbers::F16(Aligned::new(steps * PANEL))
        } else {
            Numbers::F32(Aligned::new(steps * PANEL))
        };
        let mut packed = Self {
            numbers,
            out,
            inner,
        };
        packed.fill_rows(0, weight);
        packed
    }

    /// Packs rows of quantised blocks as a file has them: `out` rows of `inner` inputs, which is a multiple of the type's
    /// block. `rows.len()` must be `out * inner / kind.values() * kind.bytes()`.
    pub fn blocks(kind: BlockKind, rows: &[u8], out: usize, inner: usize) -> Self {
        Self {
            numbers: Numbers::Blocks(QuantisedPanels::new(kind, rows, out, inner)),
            out,
            inner,
        }
    }

    /// Writes row-major rows of length [`PackedMatrix::inner`], the first of them to output `first`.
    pub fn set_rows(&mut self, first: usize, rows: &[f32]) {
        self.make_room_for(rows);
        self.fill_rows(first, rows);
    }

    fn fill_rows(&mut self, first: usize, rows: &[f32]) {
        for (index, row) in rows.chunks_exact(self.inner.max(1)).enumerate() {
            for (k, value) in row.iter().enumerate() {
                self.put(first + index, k, *value);
            }
        }
    }

    /// Writes inputs `first..first + count` of every output; `columns` is row-major `[out, count]`.
    pub fn set_columns(&mut self, first: usize, count: usize, columns: &[f32]) {
        self.make_room_for(columns);
        for (out, row) in columns.chunks_exact(count.max(1)).enumerate() {
            for (k, value) in row.iter().enumerate() {
                self.put(out, first + k, *value);
            }
        }
    }

    /// Goes over to f32 where the storage does not hold one of the values exactly; from blocks always.
    fn make_room_for(&mut self, values: &[f32]) {
        let fits = match &self.numbers {
            Numbers::F32(_) => true,
            Numbers::Bf16(_) => values.iter().all(|&value| fits_brain(value)),
            Numbers::F16(_) => values.iter().all(|&value| fits_half(value)),
            Numbers::Blocks(_) => false,
        };
        if !fits {
            let mut wide = Self::zeros(self.out, self.inner);
            let mut row = vec![0.0; self.inner];
            for out in 0..self.out {
                self.copy_row(out, &mut row);
                wide.fill_rows(out, &row);
            }
            *self = wide;
        }
    }

    #[inline(always)]
    fn put(&mut self, out: usize, k: usize, value: f32) {
        let (step, column) = (out / PANEL * self.inner + k, out % PANEL);
        match &mut self.numbers {
            Numbers::F32(numbers) => numbers.numbers_mut()[step * PANEL + column] = value,
            Numbers::F16(numbers) => {
                numbers.numbers_mut()[step * PANEL + column] = f16::from_f32(value).to_bits();
            }
            Numbers::Bf16(words) => {
                let words = &mut words.numbers_mut()[step * Brain::WORDS..][..Brain::WORDS];
                put_brain(words, column, value);
            }
            // Filled when it was made; room was made for later values.
            Numbers::Blocks(_) => {}
        }
    }

    /// Copies output row `out` (length [`PackedMatrix::inner`]) to `row`: an embedding look-up.
    pub fn copy_row(&self, out: usize, row: &mut [f32]) {
        if let Numbers::Blocks(blocks) = &self.numbers {
            return blocks.copy_row(out, row);
        }
        let (first, column) = (out / PANEL * self.inner, out % PANEL);
        for (k, value) in row.iter_mut().enumerate() {
            let step = first + k;
            *value = match &self.numbers {
                Numbers::F32(numbers) => numbers.numbers()[step * PANEL + column],
                Numbers::F16(numbers) => {
                    f16::from_bits(numbers.numbers()[step * PANEL + column]).to_f32()
                }
                Numbers::Bf16(words) => {
                    Brain::number(&words.numbers()[step * Brain::WORDS..], column)
                }
                Numbers::Blocks(_) => 0.0, // copied above
            };
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
        match &self.numbers {
            Numbers::F32(numbers) => numbers.bytes(),
            Numbers::Bf16(words) => words.bytes(),
            Numbers::F16(numbers) => numbers.bytes(),
            Numbers::Blocks(blocks) => blocks.bytes(),
        }
    }

    /// How its numbers are stored, e.g. `bf16`.
    pub fn storage(&self) -> &'static str {
        match &self.numbers {
            Numbers::F32(_) => "f32",
            Numbers::Bf16(_) => "bf16",
            Numbers::F16(_) => "f16",
            Numbers::Blocks(blocks) => blocks.kind().name(),
        }
    }

    /// Whether products round the input to 8 bits.
    pub fn is_quantised(&self) -> bool {
        matches!(&self.numbers, Numbers::Blocks(_))
    }

    pub(super) fn panels(&self) -> usize {
        self.out.div_ceil(PANEL)
    }

    pub(super) fn panel(&self, index: usize) -> Panel<'_> {
        let (first, count) = (index * self.inner, self.inner);
        match &self.numbers {
            Numbers::F32(numbers) => {
                Panel::F32(&numbers.numbers()[first * PANEL..][..count * PANEL])
            }
            Numbers::F16(numbers) => {
                Panel::F16(&numbers.numbers()[first * PANEL..][..count * PANEL])
            }
            Numbers::Bf16(words) => {
                Panel::Bf16(&words.numbers()[first * Brain::WORDS..][..count * Brain::WORDS])
            }
            Numbers::Blocks(blocks) => Panel::Blocks(blocks, index),
        }
    }
}

/// Steps of all panels.
fn steps(out: usize, inner: usize) -> usize {
    out.div_ceil(PANEL) * inner
}

/// An input `[rows, inner]` as blocks `[inner][rows of the block]`.
#[derive(Debug, Clone)]
pub struct PackedInput {
    data: Vec<f32>,
    blocks: Vec<(usize, usize)>,
    rows: usize,
    inner: usize,
    /// Made where a quantised weight asks for it.
    rounded: OnceLock<QuantisedInput>,
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
            rounded: OnceLock::new(),
        }
    }

    /// Itself in 8 bits; `inner` is a multiple of 32, as it is of every quantised weight.
    pub(super) fn rounded(&self) -> &QuantisedInput {
        self.rounded.get_or_init(|| {
            let mut x = vec![0.0; self.rows * self.inner];
            for &(first, count) in &self.blocks {
                let block = self.block((first, count));
                let rows = x[first * self.inner..].chunks_exact_mut(self.inner.max(1));
                for (i, row) in rows.take(count).enumerate() {
                    for (target, value) in row.iter_mut().zip(block[i..].iter().step_by(count)) {
                        *target = *value;
                    }
                }
            }
            QuantisedInput::new(&x, self.rows, self.inner)
        })
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
