//! Activations rounded to 8 bits.

use rayon::prelude::*;

use super::row::{BLOCK, Row, WORDS};
use crate::kernels::{kernel, vectorised};

/// Numbers below which a second thread costs more than it brings.
const SERIAL_BELOW: usize = 1 << 15;
/// Blocks whose largest number is below this are zero: their inverse scale would overflow.
const NOTHING: f32 = 1e-30;
/// The largest i8 used, so that minus it is one too.
const TOP: f32 = 127.0;

/// An input `[rows, inner]` as i8 with one scale per 32: `x = scale * q`, ties to even.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct QuantisedInput {
    words: Vec<[i32; WORDS]>,
    scales: Vec<f32>,
    sums: Vec<[i32; 2]>,
    blocks: usize,
}

impl QuantisedInput {
    /// Rounds a row-major `[rows, inner]` input; `inner` is a multiple of 32.
    pub(in crate::kernels) fn new(x: &[f32], rows: usize, inner: usize) -> Self {
        let blocks = inner / BLOCK;
        let mut rounded = Self {
            words: vec![[0; WORDS]; rows * blocks],
            scales: vec![0.0; rows * blocks],
            sums: vec![[0; 2]; rows * blocks],
            blocks,
        };
        let x = x.as_chunks::<BLOCK>().0;
        let share = if rows * inner < SERIAL_BELOW {
            x.len()
        } else {
            x.len().div_ceil(rayon::current_num_threads())
        };
        let share = share.max(1);
        let shares = x.par_chunks(share).zip(rounded.words.par_chunks_mut(share));
        let shares = shares.zip(rounded.scales.par_chunks_mut(share));
        let shares = shares.zip(rounded.sums.par_chunks_mut(share));
        shares.for_each(|(((x, words), scales), sums)| {
            vectorised(Round((x, words, scales, sums)));
        });
        rounded
    }

    pub(super) fn row(&self, row: usize) -> Row<'_> {
        let blocks = row * self.blocks..(row + 1) * self.blocks;
        Row {
            words: &self.words[blocks.clone()],
            scales: &self.scales[blocks.clone()],
            sums: &self.sums[blocks],
        }
    }
}

type Blocks<'a> = (
    &'a [[f32; BLOCK]],
    &'a mut [[i32; WORDS]],
    &'a mut [f32],
    &'a mut [[i32; 2]],
);

kernel!(Round = round_all(Blocks<'a>) -> ());

#[inline(always)]
fn round_all((x, words, scales, sums): Blocks<'_>) {
    for (((x, words), scale), sums) in x.iter().zip(words).zip(scales).zip(sums) {
        let mut quants = [0; BLOCK];
        *scale = round(x, &mut quants);
        for (word, bytes) in words.iter_mut().zip(quants.as_chunks::<4>().0) {
            *word = i32::from_le_bytes(bytes.map(|q: i8| q as u8));
        }
        for (sum, half) in sums.iter_mut().zip(quants.as_chunks::<{ BLOCK / 2 }>().0) {
            *sum = half.iter().map(|&q| i32::from(q)).sum();
        }
    }
}

/// Rounds a block to the multiples of its scale, which is its largest number / 127. NaN where a number is not finite:
/// a model that has blown up must not look like one that says little.
#[inline(always)]
fn round(x: &[f32; BLOCK], quants: &mut [i8; BLOCK]) -> f32 {
    let (mut largest, mut poison) = (0.0_f32, 0.0_f32);
    for value in x {
        let size = value.abs();
        largest = if size > largest { size } else { largest };
        poison += value * 0.0;
    }
    let inverse = if largest < NOTHING {
        0.0
    } else {
        TOP / largest
    };
    for (quant, value) in quants.iter_mut().zip(x) {
        *quant = (value * inverse).round_ties_even() as i8;
    }
    if largest < NOTHING {
        poison
    } else {
        largest / TOP + poison
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_rounded_to_multiples_of_its_largest_number_ties_to_even() {
        let mut x = [0.0; BLOCK];
        (x[0], x[1], x[2], x[3], x[4]) = (-127.0, 0.5, 1.5, -2.5, 126.6);
        let mut quants = [1; BLOCK];
        assert_eq!(round(&x, &mut quants), 1.0);
        assert_eq!(quants[..6], [-127, 0, 2, -2, 127, 0]);
        let input = QuantisedInput::new(&x, 1, BLOCK);
        let row = input.row(0);
        assert_eq!(row.sums, [[0, 0]]);
        assert_eq!(row.words[0][0].to_le_bytes(), [129, 0, 2, 254]);
        assert_eq!(round(&[1e-31; BLOCK], &mut quants), 0.0);
        assert_eq!(quants, [0; BLOCK]);
        for wrong in [f32::NAN, f32::INFINITY] {
            x[7] = wrong;
            assert!(round(&x, &mut quants).is_nan());
        }
    }

    #[test]
    fn many_rows_are_rounded_as_each_alone() {
        let (rows, inner) = (40, 1024);
        let x: Vec<f32> = (0..rows * inner).map(|i| (i as f32 * 0.7).sin()).collect();
        let together = QuantisedInput::new(&x, rows, inner);
        for (index, x) in x.chunks_exact(inner).enumerate() {
            let alone = QuantisedInput::new(x, 1, inner);
            let (got, want) = (together.row(index), alone.row(0));
            assert_eq!((got.words, got.scales), (want.words, want.scales));
            assert_eq!(got.sums, want.sums);
            for (x, (words, scale)) in x.chunks(BLOCK).zip(got.words.iter().zip(got.scales)) {
                let bytes = words.iter().flat_map(|word| word.to_le_bytes());
                for (x, byte) in x.iter().zip(bytes) {
                    let error = x - scale * f32::from(byte as i8);
                    assert!(error.abs() <= scale * 0.500_1, "{x} is off by {error}");
                }
            }
        }
    }
}
