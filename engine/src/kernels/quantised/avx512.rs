//! The products on AVX-512 with 8-bit dot products (VNNI).
//!
//! A few rows go over a panel at a time: quants are unpacked once for all of them. Functions here are compiled for their
//! instruction set and safe to call from others that are; the way in is a token that proves it present.

use std::arch::x86_64::{
    __m128i, __m512, __m512i, _mm_set1_epi8, _mm_xor_si128, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32,
    _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_mask_add_epi8, _mm512_mul_ps,
    _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_slli_epi16, _mm512_srli_epi16, _mm512_xor_ps,
};

use fearless_simd::{Avx512, SimdBase, SimdInto, f32x16, i8x16, u8x16, u8x64, u16x16};

use super::input::QuantisedInput;
use super::layout::{BESIDE, GROUP, Panel, Parts, VALUES, plane};
use super::row::{Row, WORDS};
use super::tiles::tiles;
use crate::kernels::tile::PANEL;

fearless_simd::kernel!(
    pub(super) fn accumulate(
        simd: Avx512,
        panel: &Panel<'_>,
        x: &QuantisedInput,
        first: usize,
        sums: &mut [[f32; PANEL]],
    ) {
        tiles!(tile_avx512, simd, panel, x, first, sums)
    }
);

/// `R` rows from `first` on over one panel.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn tile_avx512<const PLANE: u8, const R: usize>(
    simd: Avx512,
    panel: &Panel<'_>,
    x: &QuantisedInput,
    first: usize,
    sums: &mut [[f32; PANEL]],
) {
    let rows: [Row<'_>; R] = std::array::from_fn(|r| x.row(first + r));
    let mut acc = [[_mm512_setzero_ps(); 2]; R];
    for (acc, sums) in acc.iter_mut().zip(sums.iter()) {
        for (acc, sums) in acc.iter_mut().zip(sums.as_chunks::<16>().0) {
            *acc = f32x16::from_slice(simd, sums).into();
        }
    }
    let size = plane::bytes(PLANE);
    let groups = WORDS / plane::halves(PLANE);
    for block in 0..panel.blocks {
        let quants = &panel.quants[block * size..][..size];
        let words: [&[i32; WORDS]; R] = std::array::from_fn(|r| &rows[r].words[block]);
        for half in 0..plane::halves(PLANE) {
            let mut products = [[_mm512_setzero_si512(); 2]; R];
            for r in 0..R {
                let [low, high] = rows[r].sums[block];
                let total = match (plane::halves(PLANE), half) {
                    (1, _) => low + high,
                    (_, 0) => low,
                    _ => high,
                };
                products[r] = [_mm512_set1_epi32(-panel.form.zero * total); 2];
            }
            for group in (half * groups..(half + 1) * groups).step_by(2) {
                for side in 0..2 {
                    let weights = unpack_avx512::<PLANE>(simd, quants, group, side);
                    for r in 0..R {
                        for (next, weights) in weights.iter().enumerate() {
                            let x = _mm512_set1_epi32(words[r][group + next]);
                            products[r][side] = _mm512_dpbusd_epi32(products[r][side], *weights, x);
                        }
                    }
                }
            }
            for side in 0..2 {
                let weight = scale_avx512(simd, panel, block, half, side);
                for r in 0..R {
                    let scale = _mm512_mul_ps(weight, _mm512_set1_ps(rows[r].scales[block]));
                    let products = _mm512_cvtepi32_ps(products[r][side]);
                    acc[r][side] = _mm512_fmadd_ps(scale, products, acc[r][side]);
                }
            }
        }
        if panel.form.minimum {
            for side in 0..2 {
                let minimum = minimum_avx512(simd, panel, block, side);
                for r in 0..R {
                    let [low, high] = rows[r].sums[block];
                    let total = rows[r].scales[block] * (low + high) as f32;
                    acc[r][side] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(total), acc[r][side]);
                }
            }
        }
    }
    for (acc, sums) in acc.iter().zip(sums) {
        for (acc, sums) in acc.iter().zip(sums.as_chunks_mut::<16>().0) {
            let lanes: f32x16<_> = (*acc).simd_into(simd);
            lanes.store_slice(sums);
        }
    }
}

/// The quants of groups `group` and `group + 1` (even, odd) of sixteen outputs, as u8.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn unpack_avx512<const PLANE: u8>(
    simd: Avx512,
    quants: &[u8],
    group: usize,
    side: usize,
) -> [__m512i; 2] {
    let load = |at: usize| -> __m512i { u8x64_of(simd, &quants[at..at + GROUP]) };
    if PLANE == plane::BYTES {
        return [
            load((group * 2 + side) * GROUP),
            load(((group + 1) * 2 + side) * GROUP),
        ];
    }
    let fifteen = _mm512_set1_epi8(15);
    let nibbles = load((group / 2 * 2 + side) * GROUP);
    let mut weights = [
        _mm512_and_si512(nibbles, fifteen),
        _mm512_and_si512(_mm512_srli_epi16::<4>(nibbles), fifteen),
    ];
    if PLANE == plane::TABLE {
        let table: __m128i = i8x16::from_slice(simd, &VALUES).into();
        let table = _mm512_broadcast_i32x4(_mm_xor_si128(table, _mm_set1_epi8(-128)));
        for weights in &mut weights {
            *weights = _mm512_shuffle_epi8(table, *weights);
        }
    } else if PLANE == plane::FIFTH {
        for (next, weights) in weights.iter_mut().enumerate() {
            let at = BESIDE + ((group + next) * 2 + side) * (GROUP / 8);
            let bits = quants[at..at + 8].as_chunks::<8>().0;
            let mask = bits.first().map_or(0, |bits| u64::from_le_bytes(*bits));
            *weights = _mm512_mask_add_epi8(*weights, mask, *weights, _mm512_set1_epi8(16));
        }
    } else if PLANE == plane::SIXTH {
        let above = load(BESIDE + (group / 4 * 2 + side) * GROUP);
        let mask = _mm512_set1_epi8(0x30);
        let (even, odd) = if group.is_multiple_of(4) {
            (_mm512_slli_epi16::<4>(above), _mm512_slli_epi16::<2>(above))
        } else {
            (above, _mm512_srli_epi16::<2>(above))
        };
        weights[0] = _mm512_or_si512(weights[0], _mm512_and_si512(even, mask));
        weights[1] = _mm512_or_si512(weights[1], _mm512_and_si512(odd, mask));
    }
    weights
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn u8x64_of(simd: Avx512, bytes: &[u8]) -> __m512i {
    u8x64::from_slice(simd, bytes).into()
}

/// What the products of a half are multiplied by, of sixteen outputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn scale_avx512(simd: Avx512, panel: &Panel<'_>, block: usize, half: usize, side: usize) -> __m512 {
    let at = panel.supers_at(block) + side * 16;
    let scale = _mm512_cvtph_ps(u16x16::from_slice(simd, &panel.supers[at..at + 16]).into());
    let index = match panel.form.parts {
        Parts::None => return scale,
        Parts::Unsigned => 0,
        Parts::Signed => half,
    };
    let part = part_avx512(simd, panel, block, index, side);
    let part = if panel.form.parts == Parts::Signed {
        _mm512_cvtepi8_epi32(part)
    } else {
        _mm512_cvtepu8_epi32(part)
    };
    _mm512_mul_ps(scale, _mm512_cvtepi32_ps(part))
}

/// What is added, of sixteen outputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn minimum_avx512(simd: Avx512, panel: &Panel<'_>, block: usize, side: usize) -> __m512 {
    let at = panel.supers_at(block) + PANEL + side * 16;
    let minimum = _mm512_cvtph_ps(u16x16::from_slice(simd, &panel.supers[at..at + 16]).into());
    if panel.form.parts == Parts::None {
        return minimum;
    }
    let part = _mm512_cvtepu8_epi32(part_avx512(simd, panel, block, 1, side));
    let product = _mm512_mul_ps(minimum, _mm512_cvtepi32_ps(part));
    _mm512_xor_ps(product, _mm512_set1_ps(-0.0))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn part_avx512(
    simd: Avx512,
    panel: &Panel<'_>,
    block: usize,
    index: usize,
    side: usize,
) -> __m128i {
    let at = (block * 2 + index) * PANEL + side * 16;
    u8x16::from_slice(simd, &panel.parts[at..at + 16]).into()
}
