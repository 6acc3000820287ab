//! The small steps between products: norms, activations, sums.

use super::arithmetic::{gelu, inverse_rms, silu, softmax_in_place, tanh};
use super::parallel::over_rows;
use super::{kernel, vectorised};

kernel!(Norm = norm((&'a [f32], &'a [f32], f32, &'a mut [f32])) -> ());

#[inline(always)]
fn norm((x, weight, eps, out): (&[f32], &[f32], f32, &mut [f32])) {
    let width = weight.len();
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        let scale = inverse_rms(x, eps);
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * scale * weight;
        }
    }
}

/// `x / sqrt(mean(x^2) + eps) * weight` for each row of `[rows, weight.len()]`; NaN where the mean overflows.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let width = weight.len();
    over_rows(&mut out, width, |first, out| {
        let x = &x[first * width..][..out.len()];
        vectorised(Norm((x, weight, eps, out)));
    });
    out
}

kernel!(Gate = gated((&'a [f32], &'a [f32], &'a mut [f32])) -> ());

#[inline(always)]
fn gated((gate, up, out): (&[f32], &[f32], &mut [f32])) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = silu(*gate) * up;
    }
}

/// `silu(gate) * up`, element by element.
pub fn swiglu(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; gate.len()];
    over_rows(&mut out, 1, |first, out| {
        let share = first..first + out.len();
        vectorised(Gate((&gate[share.clone()], &up[share], out)));
    });
    out
}

kernel!(GeluGate = gelu_gated((&'a [f32], &'a [f32], &'a mut [f32])) -> ());

#[inline(always)]
fn gelu_gated((gate, up, out): (&[f32], &[f32], &mut [f32])) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gelu(*gate).0 * up;
    }
}

/// `gelu(gate) * up`, element by element, GELU in its form with tanh.
pub fn geglu(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; gate.len()];
    over_rows(&mut out, 1, |first, out| {
        let share = first..first + out.len();
        vectorised(GeluGate((&gate[share.clone()], &up[share], out)));
    });
    out
}

/// `x *= factor`, element by element.
pub fn scale_in_place(x: &mut [f32], factor: f32) {
    over_rows(x, 1, |_, x| x.iter_mut().for_each(|x| *x *= factor));
}

kernel!(Cap = capped((&'a mut [f32], f32)) -> ());

#[inline(always)]
fn capped((x, cap): (&mut [f32], f32)) {
    for x in x {
        *x = cap * tanh(*x / cap);
    }
}

/// `x = cap * tanh(x / cap)`, element by element.
pub fn soft_cap_in_place(x: &mut [f32], cap: f32) {
    over_rows(x, 1, |_, x| vectorised(Cap((x, cap))));
}

/// `x += y`, element by element.
pub fn add_in_place(x: &mut [f32], y: &[f32]) {
    over_rows(x, 1, |first, x| {
        for (x, y) in x.iter_mut().zip(&y[first..]) {
            *x += y;
        }
    });
}

kernel!(Softmax = softmax_in_place(&'a mut [f32]) -> ());

/// `exp(x - max) / sum` of one row, in place.
pub fn softmax(x: &mut [f32]) {
    vectorised(Softmax(x));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_that_overflows_is_no_zero() {
        let rows = [[1e25_f32, 1.0], [3.0, 4.0]].concat();
        let got = rms_norm(&rows, &[1.0, 1.0], 0.0);
        assert!(got[0].is_nan() && got[1].is_nan());
        assert!((got[2] - 3.0 / 12.5_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn swiglu_and_norm_agree_with_their_definitions() {
        let gate: Vec<f32> = (-50..50).map(|i| i as f32 * 0.3).collect();
        let up: Vec<f32> = (0..100).map(|i| i as f32 * 0.1 - 3.0).collect();
        for ((got, g), u) in swiglu(&gate, &up).iter().zip(&gate).zip(&up) {
            let want = f64::from(*g) / (1.0 + (-f64::from(*g)).exp()) * f64::from(*u);
            assert!((f64::from(*got) - want).abs() < 1e-4 * want.abs().max(1e-3));
        }
        let weight = vec![2.0; 50];
        for (row, x) in rms_norm(&gate, &weight, 1e-5)
            .chunks(50)
            .zip(gate.chunks(50))
        {
            let mean = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 50.0;
            for (got, x) in row.iter().zip(x) {
                assert!(
                    (f64::from(*got) - f64::from(*x) / (mean + 1e-5).sqrt() * 2.0).abs() < 1e-5
                );
            }
        }
    }
}
