//! Every kernel against the plain one, bit for bit, and all of them against f32.

use half::f16;

use super::row::BLOCK;
use super::*;
use crate::kernels::blocks::BlockKind;

const KINDS: [BlockKind; 9] = [
    BlockKind::Q8_0,
    BlockKind::Q4_0,
    BlockKind::Q4_1,
    BlockKind::Q5_0,
    BlockKind::Q5_1,
    BlockKind::Q4_K,
    BlockKind::Q5_K,
    BlockKind::Q6_K,
    BlockKind::Iq4Nl,
];

/// Blocks of any bytes, but for scales that are numbers.
fn blocks(kind: BlockKind, count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
    .take(count * kind.bytes())
    .collect();
    for (index, block) in bytes.chunks_exact_mut(kind.bytes()).enumerate() {
        let number = |i: usize| (((index * 2 + i) * 7919 % 2003) as f32 - 1001.0) / 40_000.0;
        let mut put = |at: usize, value: f32| {
            block[at..at + 2].copy_from_slice(&f16::from_f32(value).to_le_bytes());
        };
        match kind {
            BlockKind::Q6_K => put(208, number(0)),
            BlockKind::Q8_0 | BlockKind::Q4_0 | BlockKind::Q5_0 | BlockKind::Iq4Nl => {
                put(0, number(0));
            }
            BlockKind::Q4_1 | BlockKind::Q5_1 | BlockKind::Q4_K | BlockKind::Q5_K => {
                put(0, number(0));
                put(2, number(1));
            }
        }
    }
    bytes
}

/// Nearly normal numbers: sums of twelve even ones.
fn numbers(count: usize) -> Vec<f32> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut even = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    (0..count)
        .map(|_| (0..12).map(|_| even()).sum::<f32>() - 6.0)
        .collect()
}

fn bits(sums: &[[f32; PANEL]]) -> Vec<u32> {
    let sums = sums.as_flattened().iter();
    sums.map(|sum| sum.to_bits()).collect()
}

/// Every type, instruction set and number of rows; rows begin with a sum that stands already, as a bias does.
#[test]
fn kernels_give_the_bits_of_the_plain_one() {
    let (out, inner) = (45, 512);
    for kind in KINDS {
        let bytes = blocks(kind, out * inner / kind.values());
        let weight = QuantisedPanels::new(kind, &bytes, out, inner);
        let x = QuantisedInput::new(&numbers(25 * inner), 25, inner);
        for panel in 0..2 {
            let begin = |row: usize| std::array::from_fn(|j| (row * 31 + j) as f32 * 0.01);
            let mut want: Vec<[f32; PANEL]> = (0..25).map(begin).collect();
            for (row, sums) in want.iter_mut().enumerate() {
                plain::accumulate(&weight.panel(panel), x.row(row), sums);
            }
            let want = bits(&want);
            let check = |run: &dyn Fn(usize, &mut [[f32; PANEL]]), name: &str| {
                for rows in 1..=25 {
                    let first = 25 - rows;
                    let mut sums: Vec<_> = (first..25).map(begin).collect();
                    run(first, &mut sums);
                    let same = bits(&sums) == want[first * PANEL..];
                    assert!(same, "{kind:?} by {name}, panel {panel}, {rows} rows");
                }
            };
            check(
                &|first, sums| accumulate(&x, first, &weight, panel, sums),
                "the best",
            );
            let one = weight.panel(panel);
            check(
                &|first, sums| portable::accumulate(&one, &x, first, sums),
                "any machine",
            );
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = fearless_simd::Level::new().as_avx2() {
                check(
                    &|first, sums| avx2::accumulate(simd, &one, &x, first, sums),
                    "AVX2",
                );
            }
        }
    }
}

/// The error is that of rounding activations: at most half a step each, and small on average.
#[test]
fn sums_are_those_of_f32_but_for_the_rounding_of_activations() {
    let (out, inner, rows) = (32, 4096, 4);
    for kind in KINDS {
        let bytes = blocks(kind, out * inner / kind.values());
        let weight = QuantisedPanels::new(kind, &bytes, out, inner);
        let x = numbers(rows * inner);
        let rounded = QuantisedInput::new(&x, rows, inner);
        let mut sums = vec![[0.0; PANEL]; rows];
        accumulate(&rounded, 0, &weight, 0, &mut sums);
        let (mut errors, mut sizes) = (0.0, 0.0);
        for (row, sums) in sums.iter().enumerate() {
            let (x, scales) = (&x[row * inner..][..inner], rounded.row(row).scales);
            for (column, sum) in sums.iter().enumerate() {
                let mut w = vec![0.0; inner];
                weight.copy_row(column, &mut w);
                let terms = || x.iter().zip(&w).map(|(x, w)| f64::from(*x) * f64::from(*w));
                let want: f64 = terms().sum();
                let rounding = w.chunks(BLOCK).zip(scales).map(|(w, scale)| {
                    let size: f32 = w.iter().map(|w| w.abs()).sum();
                    f64::from(scale * 0.5 * size)
                });
                let sizes_of_terms: f64 = terms().map(f64::abs).sum();
                let allowed = rounding.sum::<f64>() + 1e-5 * sizes_of_terms;
                let error = f64::from(*sum) - want;
                assert!(error.abs() <= allowed, "{kind:?}: {sum} vs {want}");
                errors += error * error;
                sizes += want * want;
            }
        }
        let relative = (errors / sizes).sqrt();
        assert!(relative <= 0.015, "{kind:?}: {relative}");
    }
}

/// A number that is not finite makes its row so, and no other.
#[test]
fn a_row_that_has_blown_up_says_so() {
    let (kind, inner) = (BlockKind::Q4_0, 64);
    let bytes = blocks(kind, 32 * inner / kind.values());
    let weight = QuantisedPanels::new(kind, &bytes, 32, inner);
    let mut x = numbers(2 * inner);
    x[3] = f32::INFINITY;
    let mut sums = [[0.0; PANEL]; 2];
    let x = QuantisedInput::new(&x, 2, inner);
    accumulate(&x, 0, &weight, 0, &mut sums);
    assert!(sums[0].iter().all(|sum| sum.is_nan()));
    assert!(sums[1].iter().all(|sum| sum.is_finite()));
}
