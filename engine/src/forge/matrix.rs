//! Dense f32 matrices, and the few products and factorisations that the forge needs, on `faer`.
//!
//! Products are cut into panels of a fixed height, each computed by one thread, and factorisations
//! run on one: whatever the number of threads, every sum is taken in the same order.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::{Error, Result};

/// Rows of a product that one thread computes at a time.
const PANEL: usize = 256;

/// Numbers whose squares are summed at a time.
const PIECE: usize = 1 << 16;

/// A dense matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Takes row-major values. Panics where their count is not `rows * cols`: a bug of the caller.
    pub fn new(rows: usize, cols: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), rows * cols, "a matrix of {rows} x {cols}");
        Self { rows, cols, values }
    }

    /// All zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self::new(rows, cols, vec![0.0; rows * cols])
    }

    fn from_faer(view: MatRef<'_, f32>) -> Self {
        let (rows, cols) = view.shape();
        let mut values = Vec::with_capacity(rows * cols);
        for row in 0..rows {
            values.extend((0..cols).map(|col| view[(row, col)]));
        }
        Self { rows, cols, values }
    }

    /// Rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// Row-major values.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Row-major values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Row-major values.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// Rows as slices.
    pub fn rows_iter(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.cols.max(1))
    }

    /// The transpose, copied.
    pub fn transposed(&self) -> Self {
        Self::from_faer(self.view().transpose())
    }

    /// The first `count` columns, copied.
    pub fn first_cols(&self, count: usize) -> Self {
        let values = self.rows_iter().flat_map(|row| &row[..count]).copied();
        Self::new(self.rows, count, values.collect())
    }

    /// Multiplies each column by its own factor.
    pub fn scale_cols(&mut self, factors: &[f32]) {
        for row in self.values.chunks_exact_mut(self.cols.max(1)) {
            for (value, factor) in row.iter_mut().zip(factors) {
                *value *= factor;
            }
        }
    }

    /// Multiplies everything.
    pub fn scale(&mut self, factor: f32) {
        self.values
            .par_iter_mut()
            .for_each(|value| *value *= factor);
    }

    /// The squared Frobenius norm.
    pub fn norm_squared(&self) -> f64 {
        sum_of_squares(&self.values)
    }

    fn view(&self) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(&self.values, self.rows, self.cols)
    }

    /// `self · other`.
    pub fn times(&self, other: &Self) -> Self {
        product(self.view(), other.view())
    }

    /// `selfᵀ · other`.
    pub fn transposed_times(&self, other: &Self) -> Self {
        product(self.view().transpose(), other.view())
    }

    /// `self · otherᵀ`.
    pub fn times_transposed(&self, other: &Self) -> Self {
        product(self.view(), other.view().transpose())
    }

    /// Thin QR: `Q` `[rows, k]` with orthonormal columns, `R` `[k, cols]`, `k` the smaller side.
    pub fn qr(&self) -> (Self, Self) {
        let qr = self.view().qr();
        (
            Self::from_faer(qr.compute_thin_Q().as_ref()),
            Self::from_faer(qr.thin_R()),
        )
    }

    /// Thin SVD: `U` `[rows, k]`, singular values descending, `V` `[cols, k]`, `k` the smaller side.
    pub fn svd(&self) -> Result<(Self, Vec<f32>, Self)> {
        let svd = self
            .view()
            .thin_svd()
            .map_err(|_no_convergence| Error::Svd {
                rows: self.rows,
                cols: self.cols,
            })?;
        let values = svd.S().column_vector().iter().copied().collect();
        Ok((Self::from_faer(svd.U()), values, Self::from_faer(svd.V())))
    }
}

fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Matrix {
    let (rows, cols) = (a.nrows(), b.ncols());
    let mut out = Matrix::zeros(rows, cols);
    if cols > 0 {
        out.values
            .par_chunks_mut(PANEL * cols)
            .enumerate()
            .for_each(|(index, panel)| {
                let height = panel.len() / cols;
                let part = a.subrows(index * PANEL, height);
                let target = MatMut::from_row_major_slice_mut(panel, height, cols);
                matmul(target, Accum::Replace, part, b, 1.0, Par::Seq);
            });
    }
    out
}

/// The sum of squares, in f64, in one order.
pub(super) fn sum_of_squares(values: &[f32]) -> f64 {
    let parts: Vec<f64> = values
        .par_chunks(PIECE)
        .map(|piece| piece.iter().map(|&v| f64::from(v) * f64::from(v)).sum())
        .collect();
    parts.iter().sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::forge::svd::gaussian;

    fn plain(a: &Matrix, b: &Matrix) -> Vec<f32> {
        let mut out = Vec::new();
        for i in 0..a.rows() {
            for j in 0..b.cols() {
                let terms = (0..a.cols()).map(|k| {
                    f64::from(a.values()[i * a.cols() + k])
                        * f64::from(b.values()[k * b.cols() + j])
                });
                out.push(terms.sum::<f64>() as f32);
            }
        }
        out
    }

    fn near(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-4, "{got}, not {expected}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn products_agree_with_plain_loops(m in 1usize..300, k in 1usize..20, n in 1usize..20, seed: u64) {
            let (a, b) = (gaussian(m, k, seed, 0), gaussian(k, n, seed, 1));
            let expected = plain(&a, &b);
            near(a.times(&b).values(), &expected);
            near(a.transposed().transposed_times(&b).values(), &expected);
            near(a.times_transposed(&b.transposed()).values(), &expected);
        }

        #[test]
        fn factorisations_multiply_back(m in 1usize..60, n in 1usize..60, seed: u64) {
            let a = gaussian(m, n, seed, 0);
            let (q, r) = a.qr();
            near(q.times(&r).values(), a.values());
            let (mut u, s, v) = a.svd().unwrap();
            prop_assert!(s.windows(2).all(|w| w[0] >= w[1]));
            u.scale_cols(&s);
            near(u.times_transposed(&v).values(), a.values());
        }
    }

    #[test]
    fn a_product_is_the_same_on_one_thread_and_on_four() {
        let (a, b) = (gaussian(700, 90, 3, 0), gaussian(90, 40, 3, 1));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| (a.times(&b), a.norm_squared()))
        };
        assert_eq!(on(1), on(4));
    }
}
