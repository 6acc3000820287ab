//! `a b` on the thread that asks, by `faer`.
//!
//! candle cuts a product on the CPU for as many threads as the machine has, whatever pool it is called in. In a pool of
//! one thread the pieces run one after the other, each with its operands packed anew, which halves the speed.

use std::borrow::Cow;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::storage::output;

struct Product;

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "product"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        a_at: &Layout,
        b: &CpuStorage,
        b_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        multiplied((a, a_at), (b, b_at))
    }
}

/// `a b` of f32: `a` `[m, k]`, `b` `[k, n]`, in any layout. On a GPU it is candle's own. It has no gradient.
pub(crate) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.device().is_cpu() {
        a.apply_op2_no_bwd(b, &Product)
    } else {
        a.detach().matmul(&b.detach())
    }
}

/// The product of two storages, on this thread.
pub(super) fn multiplied(
    (a, a_at): (&CpuStorage, &Layout),
    (b, b_at): (&CpuStorage, &Layout),
) -> Result<(CpuStorage, Shape)> {
    let ((m, k), (inner, n)) = (a_at.shape().dims2()?, b_at.shape().dims2()?);
    if k != inner {
        bail!("a product of {m} x {k} and {inner} x {n}: the inner sides must be equal");
    }
    let (a, b) = (Matrix::new(a, a_at)?, Matrix::new(b, b_at)?);
    let mut values = vec![0.0; m * n];
    if m * k * n > 0 {
        let into = MatMut::from_row_major_slice_mut(&mut values, m, n);
        matmul(into, Accum::Replace, a.view(), b.view(), 1.0, Par::Seq);
    }
    Ok(output(values, (m, n)))
}

/// A matrix whose rows, or whose columns, lie one after the other without gaps.
struct Matrix<'a> {
    values: Cow<'a, [f32]>,
    rows: usize,
    cols: usize,
    by_columns: bool,
}

impl<'a> Matrix<'a> {
    /// Copies where the layout is another: a part of a larger matrix, or numbers that are broadcast.
    fn new(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        let (rows, cols) = layout.shape().dims2()?;
        let values = storage.as_slice::<f32>()?;
        let by_columns = !layout.is_contiguous();
        let plain = if by_columns {
            layout.transpose(0, 1)?.contiguous_offsets()
        } else {
            layout.contiguous_offsets()
        };
        if let Some((start, end)) = plain {
            return Ok(Self {
                values: Cow::Borrowed(&values[start..end]),
                rows,
                cols,
                by_columns,
            });
        }
        let (start, stride) = (layout.start_offset(), layout.stride());
        let row = |i: usize| (0..cols).map(move |j| values[start + i * stride[0] + j * stride[1]]);
        Ok(Self {
            values: (0..rows).flat_map(row).collect(),
            rows,
            cols,
            by_columns: false,
        })
    }

    fn view(&self) -> MatRef<'_, f32> {
        if self.by_columns {
            MatRef::from_column_major_slice(&self.values, self.rows, self.cols)
        } else {
            MatRef::from_row_major_slice(&self.values, self.rows, self.cols)
        }
    }
}
