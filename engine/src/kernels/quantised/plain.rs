//! What all kernels compute, spelt out: they must give the same bits.

use super::layout::{Panel, Parts};
use super::row::{BLOCK, Row};
use crate::kernels::tile::PANEL;

/// `sums[j] += sum_k x[k] * panel[k][j]` of one row.
///
/// Per block of 32 inputs, and per half of it where halves have scales of their own: the products are summed as integers,
/// made f32, and added times `weight scale * activation scale`. Where weights have a minimum, it is added after that, times
/// what the activations of the block add up to. Each of these additions is one fused multiply-add.
pub(super) fn accumulate(panel: &Panel<'_>, row: Row<'_>, sums: &mut [f32; PANEL]) {
    let form = panel.form;
    let halves = if form.parts == Parts::Signed { 2 } else { 1 };
    let width = BLOCK / halves;
    for block in 0..panel.blocks {
        let (words, scale) = (&row.words[block], row.scales[block]);
        let x = |k: usize| i32::from(words[k / 4].to_le_bytes()[k % 4] as i8);
        let total = (row.sums[block][0] + row.sums[block][1]) as f32;
        for (column, sum) in sums.iter_mut().enumerate() {
            for half in 0..halves {
                let inputs = half * width..(half + 1) * width;
                let products = inputs.map(|k| panel.quant(block, column, k) * x(k));
                let (weight, _) = panel.scales(block, half, column);
                *sum = (weight * scale).mul_add(products.sum::<i32>() as f32, *sum);
            }
            if form.minimum {
                let (_, minimum) = panel.scales(block, 0, column);
                *sum = minimum.mul_add(scale * total, *sum);
            }
        }
    }
}
