//! The products in loops that the compiler makes vector code of, for machines that no kernel is written for (64-bit ARM
//! among them): quants of a block become i16 once for all rows.

use super::input::QuantisedInput;
use super::layout::{BESIDE, GROUP, Panel, VALUES, plane};
use super::row::{BLOCK, WORDS};
use crate::kernels::tile::PANEL;
use crate::kernels::{kernel, vectorised};

type Arguments<'a> = (
    &'a Panel<'a>,
    &'a QuantisedInput,
    usize,
    &'a mut [[f32; PANEL]],
);

kernel!(Accumulate = all_rows(Arguments<'a>) -> ());

pub(super) fn accumulate(
    panel: &Panel<'_>,
    x: &QuantisedInput,
    first: usize,
    sums: &mut [[f32; PANEL]],
) {
    vectorised(Accumulate((panel, x, first, sums)));
}

#[inline(always)]
fn all_rows((panel, x, first, sums): Arguments<'_>) {
    let form = panel.form;
    let halves = plane::halves(form.plane);
    let width = BLOCK / halves;
    let mut weights = [[0; PANEL]; BLOCK];
    for block in 0..panel.blocks {
        unpack(panel, block, &mut weights);
        let mut scales = [([0.0; PANEL], [0.0; PANEL]); 2];
        for (half, (scale, minimum)) in scales.iter_mut().enumerate() {
            for column in 0..PANEL {
                (scale[column], minimum[column]) = panel.scales(block, half, column);
            }
        }
        for (index, sums) in sums.iter_mut().enumerate() {
            let row = x.row(first + index);
            let mut quants = [0_i16; BLOCK];
            for (quants, word) in quants
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .zip(row.words[block])
            {
                *quants = word.to_le_bytes().map(|byte| i16::from(byte as i8));
            }
            let scale = row.scales[block];
            for half in 0..halves {
                let inputs = half * width..(half + 1) * width;
                let mut products = [0_i32; PANEL];
                for (x, weights) in quants[inputs.clone()].iter().zip(&weights[inputs]) {
                    for (product, weight) in products.iter_mut().zip(weights) {
                        *product += i32::from(*x) * i32::from(*weight);
                    }
                }
                for ((sum, product), weight) in sums.iter_mut().zip(products).zip(scales[half].0) {
                    *sum = (weight * scale).mul_add(product as f32, *sum);
                }
            }
            if form.minimum {
                let total = scale * (row.sums[block][0] + row.sums[block][1]) as f32;
                for (sum, minimum) in sums.iter_mut().zip(scales[0].1) {
                    *sum = minimum.mul_add(total, *sum);
                }
            }
        }
    }
}

/// The quants of a block less their zero, `[input][output]`.
#[inline(always)]
fn unpack(panel: &Panel<'_>, block: usize, weights: &mut [[i16; PANEL]; BLOCK]) {
    let form = panel.form;
    let size = plane::bytes(form.plane);
    let bytes = &panel.quants[block * size..][..size];
    for group in 0..WORDS {
        for side in 0..2 {
            let layer = |group: usize| (group * 2 + side) * GROUP;
            for at in 0..GROUP {
                let quant = if form.plane == plane::BYTES {
                    bytes[layer(group) + at]
                } else {
                    let nibble = bytes[layer(group / 2) + at] >> (group % 2 * 4) & 15;
                    match form.plane {
                        plane::TABLE => VALUES[usize::from(nibble)].cast_unsigned() ^ 128,
                        plane::FIFTH => {
                            let bit = layer(group) + at;
                            nibble | (bytes[BESIDE + bit / 8] >> (bit % 8) & 1) << 4
                        }
                        plane::SIXTH => {
                            let above = bytes[BESIDE + layer(group / 4) + at];
                            nibble | (above >> (group % 4 * 2) & 3) << 4
                        }
                        _ => nibble,
                    }
                };
                let (input, output) = (group * 4 + at % 4, side * 16 + at / 4);
                weights[input][output] = i16::from(quant) - form.zero as i16;
            }
        }
    }
}
