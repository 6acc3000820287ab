//! Softmax over the rows of a matrix of scores.

use pulp::{Arch, Simd, WithSimd};

use crate::kernels::softmax_in_place;

/// Each row of `[rows, columns]` times `scale`, then its softmax over the first `seen(row)`
/// columns; the others become 0.
pub(in crate::reward) fn softmax_rows(
    scores: &mut [f32],
    columns: usize,
    scale: f32,
    seen: impl Fn(usize) -> usize,
) {
    let seen: Vec<usize> = (0..scores.len() / columns.max(1)).map(seen).collect();
    Arch::new().dispatch(Rows {
        scores,
        columns,
        scale,
        seen: &seen,
    });
}

struct Rows<'a> {
    scores: &'a mut [f32],
    columns: usize,
    scale: f32,
    seen: &'a [usize],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let rows = self.scores.chunks_exact_mut(self.columns.max(1));
        for (row, &seen) in rows.zip(self.seen) {
            let (row, unseen) = row.split_at_mut(seen.min(self.columns));
            for x in row.iter_mut() {
                *x *= self.scale;
            }
            softmax_in_place(row);
            unseen.fill(0.0);
        }
    }
}
