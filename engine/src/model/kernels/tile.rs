//! The one inner loop: a few rows times a panel of 32 columns, accumulators in registers.

use pulp::Simd;

/// Columns of a panel: two AVX-512 registers, four AVX2 ones.
pub(super) const PANEL: usize = 32;

/// Rows that one pass over a panel serves, by the number of lanes of the machine's registers.
#[inline(always)]
pub(super) const fn max_rows<S: Simd>() -> usize {
    // 12 rows x 2 registers of sums leave 8 of AVX-512's 32 registers free; 16-register machines take 3 x 4.
    if S::F32_LANES >= 16 { 12 } else { 3 }
}

/// `sums[i][j] += sum_k rows[k][i] * panel[k][j]`, over every `(rows, panel)` term in turn.
///
/// `rows` is `[k, MR]` and `panel` is `[k, 32]`, both contiguous.
#[inline(always)]
pub(super) fn accumulate<S: Simd, const MR: usize>(
    simd: S,
    terms: &[(&[f32], &[f32])],
    sums: &mut [[f32; PANEL]; MR],
) {
    match S::F32_LANES {
        16 => registers::<S, MR, 2>(simd, terms, sums),
        8 => registers::<S, MR, 4>(simd, terms, sums),
        4 => registers::<S, MR, 8>(simd, terms, sums),
        _ => scalar::<MR>(terms, sums),
    }
}

#[inline(always)]
fn registers<S: Simd, const MR: usize, const NV: usize>(
    simd: S,
    terms: &[(&[f32], &[f32])],
    sums: &mut [[f32; PANEL]; MR],
) {
    let mut acc = [[simd.splat_f32s(0.0); NV]; MR];
    for (acc, sums) in acc.iter_mut().zip(sums.iter()) {
        for (acc, sum) in acc.iter_mut().zip(S::as_simd_f32s(sums).0) {
            *acc = *sum;
        }
    }
    for (rows, panel) in terms {
        let (columns, _) = S::as_simd_f32s(panel).0.as_chunks::<NV>();
        let (rows, _) = rows.as_chunks::<MR>();
        for (row, column) in rows.iter().zip(columns) {
            for i in 0..MR {
                let x = simd.splat_f32s(row[i]);
                for j in 0..NV {
                    acc[i][j] = simd.mul_add_e_f32s(x, column[j], acc[i][j]);
                }
            }
        }
    }
    for (acc, sums) in acc.iter().zip(sums.iter_mut()) {
        for (acc, sum) in acc.iter().zip(S::as_mut_simd_f32s(sums).0) {
            *sum = *acc;
        }
    }
}

#[inline(always)]
fn scalar<const MR: usize>(terms: &[(&[f32], &[f32])], sums: &mut [[f32; PANEL]; MR]) {
    for (rows, panel) in terms {
        for (row, column) in rows
            .as_chunks::<MR>()
            .0
            .iter()
            .zip(panel.as_chunks::<PANEL>().0)
        {
            for i in 0..MR {
                for j in 0..PANEL {
                    sums[i][j] += row[i] * column[j];
                }
            }
        }
    }
}

/// Runs `$body` with the constant `$mr` set to the run-time `$rows` (1 to 12).
macro_rules! with_rows {
    ($rows:expr, $mr:ident => $body:expr) => {
        match $rows {
            1 => {
                const $mr: usize = 1;
                $body
            }
            2 => {
                const $mr: usize = 2;
                $body
            }
            3 => {
                const $mr: usize = 3;
                $body
            }
            4 => {
                const $mr: usize = 4;
                $body
            }
            5 => {
                const $mr: usize = 5;
                $body
            }
            6 => {
                const $mr: usize = 6;
                $body
            }
            7 => {
                const $mr: usize = 7;
                $body
            }
            8 => {
                const $mr: usize = 8;
                $body
            }
            9 => {
                const $mr: usize = 9;
                $body
            }
            10 => {
                const $mr: usize = 10;
                $body
            }
            11 => {
                const $mr: usize = 11;
                $body
            }
            _ => {
                const $mr: usize = 12;
                $body
            }
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
