//! `‖s B A‖²`: shrinks the value vector and nothing else, the control arm of every other penalty.
//!
//! Of the vector, not of its factors: `(B R⁻¹)(R A)` is the same vector, and at the start, where it is 0, there
//! is nothing to shrink.

use super::factor::{Factor, Gradient};
use crate::Result;

/// Of `weight ‖B A‖²`: `2 Bᵀ B A` and `2 B A Aᵀ`.
pub(super) fn gradient(own: &Factor, weight: f64) -> Result<Gradient> {
    let mut gradient = Gradient::default();
    let [a, b] = own.product_gradient(own)?;
    gradient.add(2.0 * weight, &a, &b)?;
    Ok(gradient)
}
