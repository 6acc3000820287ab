//! `y = x Wᵀ`, with the weight's gradient computed straight in the weight's layout.
//!
//! candle's own backward computes it transposed and then adds it through a strided walk, which costs
//! as much as the product.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::product::{multiplied, product};

/// `x Wᵀ`: `x` `[rows, d_in]`, `W` `[d_out, d_in]`. Only the gradients that somebody wants are computed.
#[derive(Debug)]
pub struct Linear {
    /// Whether `x` leads to a variable.
    pub input_gradient: bool,
    /// Whether `W` is one.
    pub weight_gradient: bool,
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_at: &Layout,
        w: &CpuStorage,
        w_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        multiplied((x, x_at), (w, &w_at.transpose(0, 1)?))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = if self.input_gradient {
            Some(product(dy, w)?)
        } else {
            None
        };
        let dw = if self.weight_gradient {
            Some(product(&dy.t()?, x)?)
        } else {
            None
        };
        Ok((dx, dw))
    }
}

/// The plain twin of [`Linear`], in candle's own operations.
pub fn linear_plain(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)
}
