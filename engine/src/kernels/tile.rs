//! The one inner loop of all products: a few rows times a panel of 32 columns, accumulators in registers.

use std::borrow::Borrow;

use pulp::Simd;

use super::stored::{STRETCH, Stored, Stretch, Wide, widen_half};

/// Columns of a panel: two AVX-512 registers, four AVX2 ones.
pub(crate) const PANEL: usize = 32;

/// Rows that one pass over a panel serves, by the number of lanes of the machine's registers.
#[inline(always)]
pub(super) const fn max_rows<S: Simd>() -> usize {
    // 12 rows x 2 registers of sums leave 8 of AVX-512's 32 registers free; 16-register machines take 3 x 4.
    if S::F32_LANES >= 16 { 12 } else { 3 }
}

/// `sums[i][j] += sum_k rows[k][i] * panel[k][j]`, in the order of `k`.
///
/// `rows` gives the `MR` values of step `k` after step, and `panel` is `[k, 32]`, contiguous; the shorter one says how many
/// steps there are.
#[inline(always)]
pub(crate) fn accumulate<S: Simd, const MR: usize>(
    simd: S,
    rows: impl Iterator<Item = impl Borrow<[f32; MR]>>,
    panel: &[f32],
    sums: &mut [[f32; PANEL]; MR],
) {
    accumulate_stored::<S, Wide, MR>(simd, rows, panel, sums);
}

/// [`accumulate`] over a panel in any storage: its numbers become f32 in registers, and then everything is the same.
#[inline(always)]
pub(super) fn accumulate_stored<S: Simd, P: Stored, const MR: usize>(
    simd: S,
    rows: impl Iterator<Item = impl Borrow<[f32; MR]>>,
    panel: &[P::Word],
    sums: &mut [[f32; PANEL]; MR],
) {
    match S::F32_LANES {
        16 => registers::<S, P, MR, 1>(simd, rows, panel, sums),
        8 => registers::<S, P, MR, 2>(simd, rows, panel, sums),
        4 => registers::<S, P, MR, 4>(simd, rows, panel, sums),
        _ => scalar::<P, MR>(rows, panel, sums),
    }
}

/// [`accumulate`] over a panel of f16, given by their bits: widened into the cache, a stretch at a time.
#[inline(always)]
pub(super) fn accumulate_half<S: Simd, const MR: usize>(
    simd: S,
    rows: &[[f32; MR]],
    panel: &[u16],
    sums: &mut [[f32; PANEL]; MR],
) {
    let mut wide = Stretch([0.0; STRETCH]);
    let stretches = rows.chunks(STRETCH / PANEL);
    for (rows, panel) in stretches.zip(panel.chunks(STRETCH)) {
        widen_half(panel, &mut wide.0);
        accumulate::<S, MR>(simd, rows.iter(), &wide.0[..panel.len()], sums);
    }
}

/// `NV` registers hold half of a panel's 32 columns.
#[inline(always)]
fn registers<S: Simd, P: Stored, const MR: usize, const NV: usize>(
    simd: S,
    rows: impl Iterator<Item = impl Borrow<[f32; MR]>>,
    panel: &[P::Word],
    sums: &mut [[f32; PANEL]; MR],
) {
    let mut acc = [[[simd.splat_f32s(0.0); NV]; 2]; MR];
    for (acc, sums) in acc.iter_mut().zip(sums.iter()) {
        let sums = S::as_simd_f32s(sums).0.as_chunks::<NV>().0;
        for (acc, sums) in acc.iter_mut().zip(sums) {
            *acc = *sums;
        }
    }
    for (row, step) in rows.zip(P::steps::<S, NV>(panel)) {
        let row: &[f32; MR] = row.borrow();
        let column = P::widen::<S, NV>(simd, step);
        for i in 0..MR {
            let x = simd.splat_f32s(row[i]);
            for half in 0..2 {
                for j in 0..NV {
                    acc[i][half][j] = simd.mul_add_e_f32s(x, column[half][j], acc[i][half][j]);
                }
            }
        }
    }
    for (acc, sums) in acc.iter().zip(sums.iter_mut()) {
        let sums = S::as_mut_simd_f32s(sums).0.as_chunks_mut::<NV>().0;
        for (acc, sums) in acc.iter().zip(sums) {
            *sums = *acc;
        }
    }
}

#[inline(always)]
fn scalar<P: Stored, const MR: usize>(
    rows: impl Iterator<Item = impl Borrow<[f32; MR]>>,
    panel: &[P::Word],
    sums: &mut [[f32; PANEL]; MR],
) {
    for (row, step) in rows.zip(panel.chunks_exact(P::WORDS)) {
        let row: &[f32; MR] = row.borrow();
        for j in 0..PANEL {
            let number = P::number(step, j);
            for i in 0..MR {
                sums[i][j] += row[i] * number;
            }
        }
    }
}

/// Runs `$body` with the constant `$mr` set to the run-time `$rows` (1 to 12), as far as the registers of `$simd`
/// take so many: what they cannot is never compiled.
macro_rules! with_rows {
    (@arm $simd:ty, $count:literal, $mr:ident => $body:expr) => {{
        const $mr: usize = $count;
        if const { $mr <= crate::kernels::tile::max_rows::<$simd>() } {
            $body
        } else {
            unreachable!("blocks are cut to what the registers take")
        }
    }};
    ($simd:ty, $rows:expr, $mr:ident => $body:expr) => {
        match $rows {
            1 => with_rows!(@arm $simd, 1, $mr => $body),
            2 => with_rows!(@arm $simd, 2, $mr => $body),
            3 => with_rows!(@arm $simd, 3, $mr => $body),
            4 => with_rows!(@arm $simd, 4, $mr => $body),
            5 => with_rows!(@arm $simd, 5, $mr => $body),
            6 => with_rows!(@arm $simd, 6, $mr => $body),
            7 => with_rows!(@arm $simd, 7, $mr => $body),
            8 => with_rows!(@arm $simd, 8, $mr => $body),
            9 => with_rows!(@arm $simd, 9, $mr => $body),
            10 => with_rows!(@arm $simd, 10, $mr => $body),
            11 => with_rows!(@arm $simd, 11, $mr => $body),
            _ => with_rows!(@arm $simd, 12, $mr => $body),
        }
    };
}
pub(super) use with_rows;

/// Cuts `rows` into blocks of nearly equal size, none above `limit`: `(first row, rows)` each.
pub(super) fn blocks(rows: usize, limit: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let count = rows.div_ceil(limit).max(1);
    let size = rows.div_ceil(count).max(1);
    (0..rows)
        .step_by(size)
        .map(move |first| (first, size.min(rows - first)))
}
