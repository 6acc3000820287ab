//! Products of quantised weights and activations rounded to 8 bits.
//!
//! Weights stay in the few bits that their file has, in panels of 32 outputs; activations become i8 with one scale per
//! 32. The products of 32 inputs are summed as integers, which is exact, and what blocks add up to is summed in f32,
//! block after block, by fused multiply-adds. So every instruction set, every number of rows and every number of threads
//! gives the same bits: those of `plain`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod input;
mod layout;
#[cfg(test)]
mod plain;
mod portable;
mod row;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod tiles;

pub(super) use input::QuantisedInput;
pub(super) use layout::QuantisedPanels;

use super::tile::PANEL;

/// `sums[i][j] += sum_k x[first + i][k] * panel[k][j]`, in the order that `plain` says.
pub(super) fn accumulate(
    x: &QuantisedInput,
    first: usize,
    weight: &QuantisedPanels,
    panel: usize,
    sums: &mut [[f32; PANEL]],
) {
    let panel = weight.panel(panel);
    #[cfg(target_arch = "x86_64")]
    {
        let level = fearless_simd::Level::new();
        if let Some(simd) = level.as_avx512() {
            return avx512::accumulate(simd, &panel, x, first, sums);
        }
        if let Some(simd) = level.as_avx2() {
            return avx2::accumulate(simd, &panel, x, first, sums);
        }
    }
    portable::accumulate(&panel, x, first, sums);
}
