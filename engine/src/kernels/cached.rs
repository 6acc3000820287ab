//! Cached keys and values of a row, in panels: f32, or f16 where the weights are small too.

use std::ops::Range;

use half::f16;
use rayon::prelude::*;

use super::attend::HeadLayout;
use super::tile::PANEL;

/// Values written to a cache below which one thread does.
const WRITE_SERIAL_BELOW: usize = 1 << 14;

/// How a cache of keys and values stores its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheType {
    /// f32.
    #[default]
    F32,
    /// f16: half the memory; keys and values lose what 11 bits do not hold.
    F16,
}

#[derive(Debug, Clone)]
enum Cached {
    F32(Vec<f32>),
    /// By their bits.
    F16(Vec<u16>),
}

/// A stretch of a cache.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stretch<'a> {
    F32(&'a [f32]),
    F16(&'a [u16]),
}

impl Default for Cached {
    fn default() -> Self {
        Self::F32(Vec::new())
    }
}

impl Cached {
    /// `length` zeros. Memory is kept where it suffices and the type is the same.
    fn reset(&mut self, kind: CacheType, length: usize) {
        match (&mut *self, kind) {
            (Self::F32(numbers), CacheType::F32) => {
                numbers.clear();
                numbers.resize(length, 0.0);
            }
            (Self::F16(numbers), CacheType::F16) => {
                numbers.clear();
                numbers.resize(length, 0);
            }
            (_, CacheType::F32) => *self = Self::F32(vec![0.0; length]),
            (_, CacheType::F16) => *self = Self::F16(vec![0; length]),
        }
    }

    fn stretch(&self, range: Range<usize>) -> Stretch<'_> {
        match self {
            Self::F32(numbers) => Stretch::F32(&numbers[range]),
            Self::F16(numbers) => Stretch::F16(&numbers[range]),
        }
    }
}

/// Cached keys of one row and layer, as panels of 32 positions: `[kv_heads][positions / 32][head_dim][32]`.
#[derive(Debug, Clone, Default)]
pub struct KeyPanels {
    data: Cached,
    panels: usize,
}

/// Cached values of one row and layer, as panels of 32 dimensions: `[kv_heads][head_dim / 32][positions][32]`.
#[derive(Debug, Clone, Default)]
pub struct ValuePanels {
    data: Cached,
    positions: usize,
}

impl KeyPanels {
    /// Makes room for `positions`; what was cached is lost.
    pub fn allocate(&mut self, kind: CacheType, layout: HeadLayout, positions: usize) {
        self.panels = positions.div_ceil(PANEL);
        self.data.reset(
            kind,
            layout.kv_heads * self.panels * layout.head_dim * PANEL,
        );
    }

    /// Writes the keys `[tokens, kv_heads * head_dim]` of tokens from `position` on.
    pub fn write(&mut self, layout: HeadLayout, position: usize, keys: &[f32]) {
        match &mut self.data {
            Cached::F32(data) => write_keys(data, layout, position, keys, |key| key),
            Cached::F16(data) => write_keys(data, layout, position, keys, half_bits),
        }
    }

    pub(super) fn panel(&self, layout: HeadLayout, head: usize, panel: usize) -> Stretch<'_> {
        let size = layout.head_dim * PANEL;
        let first = (head * self.panels + panel) * size;
        self.data.stretch(first..first + size)
    }
}

fn write_keys<T: Copy + Send>(
    data: &mut [T],
    layout: HeadLayout,
    position: usize,
    keys: &[f32],
    store: impl Fn(f32) -> T + Send + Sync,
) {
    let dim = layout.head_dim;
    over_heads(data, layout, keys, |head, data| {
        for (index, token) in keys.chunks_exact(layout.kv_heads * dim).enumerate() {
            let at = position + index;
            let base = at / PANEL * dim * PANEL + at % PANEL;
            let keys = &token[head * dim..][..dim];
            for (target, key) in data[base..].iter_mut().step_by(PANEL).zip(keys) {
                *target = store(*key);
            }
        }
    });
}

impl ValuePanels {
    /// Makes room for `positions`; what was cached is lost.
    pub fn allocate(&mut self, kind: CacheType, layout: HeadLayout, positions: usize) {
        // Scores come in whole panels of keys, so values need as many positions.
        self.positions = positions.next_multiple_of(PANEL);
        self.data.reset(
            kind,
            layout.kv_heads * layout.head_dim.div_ceil(PANEL) * self.positions * PANEL,
        );
    }

    /// Writes the values `[tokens, kv_heads * head_dim]` of tokens from `position` on.
    pub fn write(&mut self, layout: HeadLayout, position: usize, values: &[f32]) {
        let room = self.positions;
        match &mut self.data {
            Cached::F32(data) => write_values(data, layout, (room, position), values, |v| v),
            Cached::F16(data) => write_values(data, layout, (room, position), values, half_bits),
        }
    }

    pub(super) fn panel(
        &self,
        layout: HeadLayout,
        head: usize,
        panel: usize,
        positions: Range<usize>,
    ) -> Stretch<'_> {
        let panels = layout.head_dim.div_ceil(PANEL);
        let first = (head * panels + panel) * self.positions;
        let (start, end) = (first + positions.start, first + positions.end);
        self.data.stretch(start * PANEL..end * PANEL)
    }
}

fn write_values<T: Copy + Send>(
    data: &mut [T],
    layout: HeadLayout,
    (positions, position): (usize, usize),
    values: &[f32],
    store: impl Fn(f32) -> T + Send + Sync,
) {
    let dim = layout.head_dim;
    over_heads(data, layout, values, |head, data| {
        for (index, token) in values.chunks_exact(layout.kv_heads * dim).enumerate() {
            let values = &token[head * dim..][..dim];
            for (panel, values) in values.chunks(PANEL).enumerate() {
                let base = (panel * positions + position + index) * PANEL;
                for (target, value) in data[base..].iter_mut().zip(values) {
                    *target = store(*value);
                }
            }
        }
    });
}

/// Calls `write(head, cache of the head)` for every head, on several threads where there is much to write.
fn over_heads<T: Send>(
    cache: &mut [T],
    layout: HeadLayout,
    new: &[f32],
    write: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    let size = cache.len() / layout.kv_heads;
    if new.len() < WRITE_SERIAL_BELOW {
        cache
            .chunks_exact_mut(size)
            .enumerate()
            .for_each(|(head, data)| write(head, data));
    } else {
        cache
            .par_chunks_exact_mut(size)
            .enumerate()
            .for_each(|(head, data)| write(head, data));
    }
}

/// The bits of the nearest f16. What is beyond the largest becomes the largest: a key of 65,504 wins its softmax as one of
/// 70,000 does, and infinity would make a row NaN. NaN stays NaN.
fn half_bits(value: f32) -> u16 {
    let top = f16::MAX.to_f32();
    f16::from_f32(value.clamp(-top, top)).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_f16_become_its_largest_and_nan_stays() {
        let back = |value: f32| f16::from_bits(half_bits(value)).to_f32();
        assert_eq!(
            [back(0.5), back(1e9), back(-1e9)],
            [0.5, 65_504.0, -65_504.0]
        );
        assert!(back(f32::NAN).is_nan());
    }
}
