//! Sharing the rows of a result out over the threads.

use rayon::prelude::*;

/// Elements of cheap work (a norm, an activation, a copy) below which a second thread costs more than it brings.
const SERIAL_BELOW: usize = 1 << 14;

/// Calls `fill(first, rows)` on shares of the rows of `out` (`width` elements each): one share per thread, or all rows at
/// once where the work is small. `first` is the index of the share's first row.
pub(super) fn over_rows(
    out: &mut [f32],
    width: usize,
    fill: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    let rows = out.len().checked_div(width).unwrap_or(0);
    if out.len() < SERIAL_BELOW || rows < 2 {
        fill(0, out);
    } else {
        let share = rows.div_ceil(rayon::current_num_threads());
        out.par_chunks_mut(share * width)
            .enumerate()
            .for_each(|(index, rows)| fill(index * share, rows));
    }
}
