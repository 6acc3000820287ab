//! How a panel stores its numbers: in 32 bits, or in 16 where not a bit is lost.
//!
//! Wide numbers and bf16 are made f32 in the registers of the inner loop: a shift and a mask. f16 has an instruction for
//! that which the portable loop cannot name, so a stretch of a panel is widened into the cache first. Either way the
//! products see the same f32 in the same order, so the results have the same bits in all three.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_mm256_cvtph_ps, _mm512_cvtph_ps};

#[cfg(target_arch = "x86_64")]
use fearless_simd::{SimdBase, SimdInto, f32x8, f32x16, u16x8, u16x16};
use half::f16;
use pulp::Simd;

use super::tile::PANEL;

/// How many numbers a word of a 16-bit panel holds.
const PAIR: usize = 2;

/// How the 32 numbers of one step of the inner loop lie in memory.
pub(crate) trait Stored {
    /// What memory holds.
    type Word: Copy;
    /// A step in registers: `NV` of them hold 16 columns as f32.
    type Step<S: Simd, const NV: usize>: 'static;
    /// Words of a step.
    const WORDS: usize;

    /// A panel, step by step.
    fn steps<S: Simd, const NV: usize>(
        panel: &[Self::Word],
    ) -> impl Iterator<Item = &Self::Step<S, NV>>;

    /// Columns 0 to 15 and 16 to 31 of a step.
    fn widen<S: Simd, const NV: usize>(simd: S, step: &Self::Step<S, NV>) -> [[S::f32s; NV]; 2];

    /// Column `j` of a step.
    fn number(step: &[Self::Word], j: usize) -> f32;
}

/// f32.
#[derive(Debug)]
pub(crate) struct Wide;

/// bf16: a word holds column `j` in its low half and `j + 16` in its high one.
#[derive(Debug)]
pub(crate) struct Brain;

impl Stored for Wide {
    type Word = f32;
    type Step<S: Simd, const NV: usize> = [[S::f32s; NV]; 2];
    const WORDS: usize = PANEL;

    #[inline(always)]
    fn steps<S: Simd, const NV: usize>(panel: &[f32]) -> impl Iterator<Item = &Self::Step<S, NV>> {
        let halves = S::as_simd_f32s(panel).0.as_chunks::<NV>().0;
        halves.as_chunks::<2>().0.iter()
    }

    #[inline(always)]
    fn widen<S: Simd, const NV: usize>(_: S, step: &Self::Step<S, NV>) -> [[S::f32s; NV]; 2] {
        *step
    }

    #[inline(always)]
    fn number(step: &[f32], j: usize) -> f32 {
        step[j]
    }
}

impl Stored for Brain {
    type Word = u32;
    type Step<S: Simd, const NV: usize> = [S::u32s; NV];
    const WORDS: usize = PANEL / PAIR;

    #[inline(always)]
    fn steps<S: Simd, const NV: usize>(panel: &[u32]) -> impl Iterator<Item = &Self::Step<S, NV>> {
        S::as_simd_u32s(panel).0.as_chunks::<NV>().0.iter()
    }

    #[inline(always)]
    fn widen<S: Simd, const NV: usize>(simd: S, step: &[S::u32s; NV]) -> [[S::f32s; NV]; 2] {
        let mut columns = [[simd.splat_f32s(0.0); NV]; 2];
        for j in 0..NV {
            let low = simd.wrapping_dyn_shl_u32s(step[j], simd.splat_u32s(16));
            let high = simd.and_u32s(step[j], simd.splat_u32s(0xffff_0000));
            columns[0][j] = simd.transmute_f32s_u32s(low);
            columns[1][j] = simd.transmute_f32s_u32s(high);
        }
        columns
    }

    #[inline(always)]
    fn number(step: &[u32], j: usize) -> f32 {
        let word = step[j % Self::WORDS];
        f32::from_bits(if j < Self::WORDS {
            word << 16
        } else {
            word & 0xffff_0000
        })
    }
}

/// Writes column `j` of a bf16 step.
pub(super) fn put_brain(step: &mut [u32], j: usize, value: f32) {
    let (bits, word) = (value.to_bits(), &mut step[j % Brain::WORDS]);
    *word = if j < Brain::WORDS {
        (*word & 0xffff_0000) | (bits >> 16)
    } else {
        (*word & 0x0000_ffff) | (bits & 0xffff_0000)
    };
}

/// Whether bf16 holds a number to the bit.
pub(super) fn fits_brain(value: f32) -> bool {
    value.to_bits().trailing_zeros() >= 16
}

/// Whether f16 holds a number to the bit.
pub(super) fn fits_half(value: f32) -> bool {
    f16::from_f32(value).to_f32().to_bits() == value.to_bits()
}

/// Numbers of an f16 panel that are made f32 at a time: 64 steps, 8 KiB.
pub(super) const STRETCH: usize = 64 * PANEL;

/// Where they go, in whole cache lines.
#[repr(align(64))]
pub(super) struct Stretch(pub(super) [f32; STRETCH]);

/// Makes f32 of the bits of f16 numbers, as many as the shorter one holds; exactly.
pub(super) fn widen_half(numbers: &[u16], wide: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        let level = fearless_simd::Level::new();
        if let Some(simd) = level.as_avx512() {
            return by_avx512(simd, numbers, wide);
        }
        if let Some(simd) = level.as_avx2() {
            return by_avx2(simd, numbers, wide);
        }
    }
    by_hand(numbers, wide);
}

/// The definition.
fn by_hand(numbers: &[u16], wide: &mut [f32]) {
    for (wide, number) in wide.iter_mut().zip(numbers) {
        *wide = f16::from_bits(*number).to_f32();
    }
}

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel!(
    fn by_avx512(simd: Avx512, numbers: &[u16], wide: &mut [f32]) {
        let (chunks, rest) = numbers.as_chunks::<16>();
        let (wides, wide_rest) = wide.as_chunks_mut::<16>();
        for (chunk, wide) in chunks.iter().zip(wides) {
            let narrow = u16x16::from_slice(simd, chunk);
            let lanes: f32x16<_> = _mm512_cvtph_ps(narrow.into()).simd_into(simd);
            lanes.store_slice(wide);
        }
        by_hand(rest, wide_rest);
    }
);

#[cfg(target_arch = "x86_64")]
fearless_simd::kernel!(
    fn by_avx2(simd: Avx2, numbers: &[u16], wide: &mut [f32]) {
        let (chunks, rest) = numbers.as_chunks::<8>();
        let (wides, wide_rest) = wide.as_chunks_mut::<8>();
        for (chunk, wide) in chunks.iter().zip(wides) {
            let narrow = u16x8::from_slice(simd, chunk);
            let lanes: f32x8<_> = _mm256_cvtph_ps(narrow.into()).simd_into(simd);
            lanes.store_slice(wide);
        }
        by_hand(rest, wide_rest);
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    /// All 65,536 of them, in every way that this processor has.
    #[test]
    fn every_half_is_widened_to_its_own_bits() {
        let numbers: Vec<u16> = (0..=u16::MAX).collect();
        let mut plain = vec![0.0; numbers.len()];
        by_hand(&numbers, &mut plain);
        let check = |wide: &[f32]| {
            for (number, (got, want)) in wide.iter().zip(&plain).enumerate() {
                let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
                assert!(same, "{number:#06x}: {got} vs {want}");
            }
        };
        let mut wide = vec![0.0; numbers.len()];
        widen_half(&numbers, &mut wide);
        check(&wide);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = fearless_simd::Level::new().as_avx2() {
            by_avx2(simd, &numbers, &mut wide);
            check(&wide);
        }
        for (number, value) in numbers.iter().zip(&plain) {
            assert!(value.is_nan() || fits_half(*value), "{number:#06x}");
        }
        assert!(!fits_half(1e-9) && !fits_half(65_520.0) && !fits_half(1.0 + f32::EPSILON));
    }

    #[test]
    fn words_of_two_bf16_give_both_back() {
        let mut step = [0; Brain::WORDS];
        let value = |j: usize| (j as f32 - 15.5) * 0.25;
        for j in (0..PANEL).rev() {
            assert!(fits_brain(value(j)));
            put_brain(&mut step, j, 9.0);
            put_brain(&mut step, j, value(j));
        }
        for j in 0..PANEL {
            assert_eq!(Brain::number(&step, j), value(j));
        }
        assert!(!fits_brain(1.0 + 1.0 / 256.0));
    }
}
