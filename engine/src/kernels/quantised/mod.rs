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
#[cfg(test)]
mod tests;

pub(super) use input::QuantisedInput;
pub(super) use layout::QuantisedPanels;

use super::tile::PANEL;
use layout::plane;

/// Inputs that share a scale.
const BLOCK: usize = 32;
/// Words of four activations in a block.
const WORDS: usize = BLOCK / 4;

/// One row of activations, block by block.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    /// Four i8 each, the first in the lowest byte.
    words: &'a [[i32; WORDS]],
    scales: &'a [f32],
    /// What the i8 of each half of a block add up to.
    sums: &'a [[i32; 2]],
}

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

/// Runs `$tile` of as many rows as there are `$sums`, four at a time, with the plane of the panel's form as a constant.
#[cfg(target_arch = "x86_64")]
macro_rules! tiles {
    ($tile:ident, $simd:ident, $panel:ident, $x:ident, $first:ident, $sums:ident) => {{
        for (index, sums) in $sums.chunks_mut(4).enumerate() {
            let first = $first + index * 4;
            macro_rules! of_plane {
                ($plane:expr) => {
                    match sums.len() {
                        1 => $tile::<{ $plane }, 1>($simd, $panel, $x, first, sums),
                        2 => $tile::<{ $plane }, 2>($simd, $panel, $x, first, sums),
                        3 => $tile::<{ $plane }, 3>($simd, $panel, $x, first, sums),
                        _ => $tile::<{ $plane }, 4>($simd, $panel, $x, first, sums),
                    }
                };
            }
            match $panel.form.plane {
                plane::NIBBLES => of_plane!(plane::NIBBLES),
                plane::TABLE => of_plane!(plane::TABLE),
                plane::FIFTH => of_plane!(plane::FIFTH),
                plane::SIXTH => of_plane!(plane::SIXTH),
                _ => of_plane!(plane::BYTES),
            }
        }
    }};
}
#[cfg(target_arch = "x86_64")]
use tiles;

/// Parts of a block that have scales of their own.
const fn halves(plane: u8) -> usize {
    if plane == plane::SIXTH { 2 } else { 1 }
}
