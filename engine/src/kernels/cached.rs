//! The numbers of a cache: f32, or f16 where the weights are small too.

use std::ops::Range;

use half::f16;

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
pub(super) enum Cached {
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

impl Stretch<'_> {
    /// Without its first numbers.
    pub(super) fn after(self, count: usize) -> Self {
        match self {
            Self::F32(numbers) => Stretch::F32(&numbers[count..]),
            Self::F16(numbers) => Stretch::F16(&numbers[count..]),
        }
    }
}

impl Default for Cached {
    fn default() -> Self {
        Self::F32(Vec::new())
    }
}

impl Cached {
    /// `length` zeros. Memory is kept where it suffices and the type is the same.
    pub(super) fn reset(&mut self, kind: CacheType, length: usize) {
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

    pub(super) fn stretch(&self, range: Range<usize>) -> Stretch<'_> {
        match self {
            Self::F32(numbers) => Stretch::F32(&numbers[range]),
            Self::F16(numbers) => Stretch::F16(&numbers[range]),
        }
    }
}

/// The bits of the nearest f16. What is beyond the largest becomes the largest: a key of 65,504 wins its softmax as one of
/// 70,000 does, and infinity would make a row NaN. NaN stays NaN.
pub(super) fn half_bits(value: f32) -> u16 {
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
