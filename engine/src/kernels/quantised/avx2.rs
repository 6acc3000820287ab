//! The products on AVX2, as on AVX-512 but for eight outputs at a time and pairs of products in 16 bits.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_set1_epi64x, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_cvtepi8_epi32,
    _mm256_cvtepi32_ps, _mm256_cvtepu8_epi32, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setr_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sign_epi8, _mm256_slli_epi16,
    _mm256_srli_epi16, _mm256_xor_ps, _mm256_xor_si256,
};

use fearless_simd::{Avx2, SimdBase, SimdInto, f32x8, i8x16, u8x32, u16x8};

use super::input::QuantisedInput;
use super::layout::{BESIDE, GROUP, Panel, Parts, VALUES, plane};
use super::row::{Row, WORDS};
use super::tiles::tiles;
use crate::kernels::tile::PANEL;

fearless_simd::kernel!(
    pub(super) fn accumulate(
        simd: Avx2,
        panel: &Panel<'_>,
        x: &QuantisedInput,
        first: usize,
        sums: &mut [[f32; PANEL]],
    ) {
        tiles!(tile_avx2, simd, panel, x, first, sums)
    }
);

/// `R` rows from `first` on over one panel, eight outputs at a time.
#[target_feature(enable = "avx2,fma,f16c")]
fn tile_avx2<const PLANE: u8, const R: usize>(
    simd: Avx2,
    panel: &Panel<'_>,
    x: &QuantisedInput,
    first: usize,
    sums: &mut [[f32; PANEL]],
) {
    let rows: [Row<'_>; R] = std::array::from_fn(|r| x.row(first + r));
    let size = plane::bytes(PLANE);
    let groups = WORDS / plane::halves(PLANE);
    // Quants of 8 bits are taken as signed, so that products of pairs fit 16 bits: they have no zero.
    let zero = if matches!(PLANE, plane::BYTES | plane::TABLE) {
        0
    } else {
        panel.form.zero
    };
    for block in 0..panel.blocks {
        let quants = &panel.quants[block * size..][..size];
        let words: [&[i32; WORDS]; R] = std::array::from_fn(|r| &rows[r].words[block]);
        for quarter in 0..4 {
            for half in 0..plane::halves(PLANE) {
                let mut products = [_mm256_setzero_si256(); R];
                for r in 0..R {
                    let [low, high] = rows[r].sums[block];
                    let total = match (plane::halves(PLANE), half) {
                        (1, _) => low + high,
                        (_, 0) => low,
                        _ => high,
                    };
                    products[r] = _mm256_set1_epi32(-zero * total);
                }
                for group in (half * groups..(half + 1) * groups).step_by(2) {
                    let weights = unpack_avx2::<PLANE>(simd, quants, group, quarter);
                    for r in 0..R {
                        let x = [0, 1].map(|next| _mm256_set1_epi32(words[r][group + next]));
                        products[r] = dot_avx2::<PLANE>(products[r], weights, x);
                    }
                }
                let weight = scale_avx2(simd, panel, block, half, quarter);
                for r in 0..R {
                    let scale = _mm256_mul_ps(weight, _mm256_set1_ps(rows[r].scales[block]));
                    let products = _mm256_cvtepi32_ps(products[r]);
                    add_avx2(simd, scale, products, &mut sums[r][quarter * 8..]);
                }
            }
            if panel.form.minimum {
                let minimum = minimum_avx2(simd, panel, block, quarter);
                for r in 0..R {
                    let [low, high] = rows[r].sums[block];
                    let total = _mm256_set1_ps(rows[r].scales[block] * (low + high) as f32);
                    add_avx2(simd, minimum, total, &mut sums[r][quarter * 8..]);
                }
            }
        }
    }
}

/// `sums += a * b` of the first eight.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_avx2(simd: Avx2, a: __m256, b: __m256, sums: &mut [f32]) {
    let old = f32x8::from_slice(simd, &sums[..8]).into();
    let new: f32x8<_> = _mm256_fmadd_ps(a, b, old).simd_into(simd);
    new.store_slice(&mut sums[..8]);
}

/// Adds the products of two groups. Quants below 32 fit two sums of pairs into 16 bits (2 * 63 * 254 at most), signed ones
/// one (128 * 254).
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn dot_avx2<const PLANE: u8>(sum: __m256i, weights: [__m256i; 2], x: [__m256i; 2]) -> __m256i {
    let ones = _mm256_set1_epi16(1);
    if matches!(PLANE, plane::BYTES | plane::TABLE) {
        let mut sum = sum;
        for next in 0..2 {
            let size = _mm256_abs_epi8(weights[next]);
            let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(x[next], weights[next]));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
        return sum;
    }
    let pairs = _mm256_add_epi16(
        _mm256_maddubs_epi16(weights[0], x[0]),
        _mm256_maddubs_epi16(weights[1], x[1]),
    );
    _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones))
}

/// The quants of groups `group` and `group + 1` of eight outputs: as u8, those of 8 bits as i8.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn unpack_avx2<const PLANE: u8>(
    simd: Avx2,
    quants: &[u8],
    group: usize,
    quarter: usize,
) -> [__m256i; 2] {
    const HALF: usize = GROUP / 2;
    let load = |at: usize| -> __m256i { u8x32::from_slice(simd, &quants[at..at + HALF]).into() };
    if PLANE == plane::BYTES {
        let sign = _mm256_set1_epi8(-128);
        return [
            _mm256_xor_si256(load((group * 4 + quarter) * HALF), sign),
            _mm256_xor_si256(load(((group + 1) * 4 + quarter) * HALF), sign),
        ];
    }
    let fifteen = _mm256_set1_epi8(15);
    let nibbles = load((group / 2 * 4 + quarter) * HALF);
    let mut weights = [
        _mm256_and_si256(nibbles, fifteen),
        _mm256_and_si256(_mm256_srli_epi16::<4>(nibbles), fifteen),
    ];
    if PLANE == plane::TABLE {
        let table = _mm256_broadcastsi128_si256(i8x16::from_slice(simd, &VALUES).into());
        for weights in &mut weights {
            *weights = _mm256_shuffle_epi8(table, *weights);
        }
    } else if PLANE == plane::FIFTH {
        for (next, weights) in weights.iter_mut().enumerate() {
            let at = BESIDE + ((group + next) * 4 + quarter) * (HALF / 8);
            let bits = quants[at..at + 4].as_chunks::<4>().0;
            let bits = bits.first().map_or(0, |bits| i32::from_le_bytes(*bits));
            // Each byte of bits to the eight bytes whose they are, then one bit of each.
            let spread = _mm256_setr_epi64x(
                0,
                0x0101_0101_0101_0101,
                0x0202_0202_0202_0202,
                0x0303_0303_0303_0303,
            );
            let one_each = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
            let bits = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), spread);
            let bits = _mm256_cmpeq_epi8(_mm256_and_si256(bits, one_each), one_each);
            *weights = _mm256_or_si256(*weights, _mm256_and_si256(bits, _mm256_set1_epi8(16)));
        }
    } else if PLANE == plane::SIXTH {
        let above = load(BESIDE + (group / 4 * 4 + quarter) * HALF);
        let mask = _mm256_set1_epi8(0x30);
        let (even, odd) = if group.is_multiple_of(4) {
            (_mm256_slli_epi16::<4>(above), _mm256_slli_epi16::<2>(above))
        } else {
            (above, _mm256_srli_epi16::<2>(above))
        };
        weights[0] = _mm256_or_si256(weights[0], _mm256_and_si256(even, mask));
        weights[1] = _mm256_or_si256(weights[1], _mm256_and_si256(odd, mask));
    }
    weights
}

/// What the products of a half are multiplied by, of eight outputs.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn scale_avx2(simd: Avx2, panel: &Panel<'_>, block: usize, half: usize, quarter: usize) -> __m256 {
    let at = panel.supers_at(block) + quarter * 8;
    let scale = _mm256_cvtph_ps(u16x8::from_slice(simd, &panel.supers[at..at + 8]).into());
    let index = match panel.form.parts {
        Parts::None => return scale,
        Parts::Unsigned => 0,
        Parts::Signed => half,
    };
    let part = part_avx2(panel, block, index, quarter);
    let part = if panel.form.parts == Parts::Signed {
        _mm256_cvtepi8_epi32(part)
    } else {
        _mm256_cvtepu8_epi32(part)
    };
    _mm256_mul_ps(scale, _mm256_cvtepi32_ps(part))
}

/// What is added, of eight outputs.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn minimum_avx2(simd: Avx2, panel: &Panel<'_>, block: usize, quarter: usize) -> __m256 {
    let at = panel.supers_at(block) + PANEL + quarter * 8;
    let minimum = _mm256_cvtph_ps(u16x8::from_slice(simd, &panel.supers[at..at + 8]).into());
    if panel.form.parts == Parts::None {
        return minimum;
    }
    let part = _mm256_cvtepu8_epi32(part_avx2(panel, block, 1, quarter));
    let product = _mm256_mul_ps(minimum, _mm256_cvtepi32_ps(part));
    _mm256_xor_ps(product, _mm256_set1_ps(-0.0))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn part_avx2(panel: &Panel<'_>, block: usize, index: usize, quarter: usize) -> __m128i {
    let at = (block * 2 + index) * PANEL + quarter * 8;
    let bytes = panel.parts[at..at + 8].as_chunks::<8>().0;
    _mm_set1_epi64x(bytes.first().map_or(0, |bytes| i64::from_le_bytes(*bytes)))
}
