//! Orthogonality: of the spaces that adapters read from (O-LoRA, Wang et al. 2023), and of the vectors.

use candle_core::DType;

use super::factor::{Factor, Gradient};
use crate::Result;
use crate::forge::dependence::NO_BANDWIDTH;
use crate::train::ops::product;

/// `Σ |A Aⱼᵀ|` per earlier vector, and the gradient in `A`: `sign(A Aⱼᵀ) Aⱼ`.
pub(super) fn olora(
    own: &Factor,
    others: &[Option<&Factor>],
    weights: &[f64],
) -> Result<(Vec<f64>, Gradient)> {
    let (mut values, mut gradient) = (Vec::new(), Gradient::default());
    let nothing = own.b.zeros_like()?;
    for (other, weight) in others.iter().zip(weights) {
        let Some(other) = other else {
            values.push(0.0);
            continue;
        };
        let overlap = product(&own.a, &other.a.t()?)?;
        values.push(
            overlap
                .to_dtype(DType::F64)?
                .abs()?
                .sum_all()?
                .to_scalar()?,
        );
        gradient.add(*weight, &product(&overlap.sign()?, &other.a)?, &nothing)?;
    }
    Ok((values, gradient))
}

/// `cos²(X, Xⱼ)` per earlier vector, with `X = B A`, and the gradient of the weighted sum. 0 where either is 0.
///
/// `d cos² / dX = 2 cos (Xⱼ / (‖X‖ ‖Xⱼ‖) - cos X / ‖X‖²)`.
pub(super) fn cosine(
    own: &Factor,
    square: f64,
    others: &[Option<&Factor>],
    products: &[[f64; 2]],
    weights: &[f64],
) -> Result<(Vec<f64>, Gradient)> {
    let (mut values, mut gradient) = (Vec::new(), Gradient::default());
    let mut of_length = 0.0;
    for ((other, [product, theirs]), weight) in others.iter().zip(products).zip(weights) {
        let lengths = [square.max(0.0).sqrt(), theirs.max(0.0).sqrt()];
        let Some(other) = other.filter(|_| lengths.iter().all(|l| *l > NO_BANDWIDTH)) else {
            values.push(0.0);
            continue;
        };
        let cosine = product / (lengths[0] * lengths[1]);
        values.push(cosine * cosine);
        let [a, b] = own.product_gradient(other)?;
        gradient.add(weight * 2.0 * cosine / (lengths[0] * lengths[1]), &a, &b)?;
        of_length -= weight * 2.0 * cosine * cosine / square;
    }
    if of_length != 0.0 {
        let [a, b] = own.product_gradient(own)?;
        gradient.add(of_length, &a, &b)?;
    }
    Ok((values, gradient))
}
