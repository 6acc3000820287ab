//! The small steps between products: norms, rotary positions, activations.

use pulp::{Arch, Simd, WithSimd};

use super::parallel::over_rows;

/// `exp` to about 2 units in the last place, in plain arithmetic that compilers vectorise.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // 2^n * e^r with |r| <= ln 2 / 2; ln 2 is split in two so that r stays exact (Cephes).
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4_f32;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p.mul_add(r, c);
    }
    let e = p.mul_add(r * r, r) + 1.0;
    e * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

/// `x <- exp(x - max) / sum`. Only inside a kernel that has been dispatched.
#[inline(always)]
pub(crate) fn softmax_in_place(x: &mut [f32]) {
    let top = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in x.iter_mut() {
        *value = exp(*value - top);
    }
    // 16 running sums in a fixed order: fast, and the same for every machine width.
    let (chunks, tail) = x.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    let total = sums.iter().sum::<f32>() + tail.iter().sum::<f32>();
    let inverse = 1.0 / total;
    for value in x {
        *value *= inverse;
    }
}

#[inline(always)]
fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_tail) = a.as_chunks::<16>();
    let (b_chunks, b_tail) = b.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum = a.mul_add(*b, *sum);
        }
    }
    sums.iter().sum::<f32>() + a_tail.iter().zip(b_tail).map(|(a, b)| a * b).sum::<f32>()
}

/// `x / sqrt(mean(x^2) + eps) * weight` for each row of `[rows, weight.len()]`. Where the mean overflows the row is NaN:
/// dividing by infinity would turn a model that has blown up into one that says 0 everywhere.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    struct Norm<'a> {
        x: &'a [f32],
        weight: &'a [f32],
        eps: f32,
        out: &'a mut [f32],
    }
    impl WithSimd for Norm<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let width = self.weight.len();
            for (x, out) in self
                .x
                .chunks_exact(width)
                .zip(self.out.chunks_exact_mut(width))
            {
                let mean = sum_of_products(x, x) / width as f32 + self.eps;
                let scale = if mean.is_finite() {
                    1.0 / mean.sqrt()
                } else {
                    f32::NAN
                };
                for ((out, x), weight) in out.iter_mut().zip(x).zip(self.weight) {
                    *out = x * scale * weight;
                }
            }
        }
    }
    let mut out = vec![0.0; x.len()];
    let width = weight.len();
    over_rows(&mut out, width, |first, out| {
        let x = &x[first * width..][..out.len()];
        Arch::new().dispatch(Norm {
            x,
            weight,
            eps,
            out,
        });
    });
    out
}

/// `silu(gate) * up`, element by element.
pub fn swiglu(gate: &[f32], up: &[f32]) -> Vec<f32> {
    struct Gate<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
    impl WithSimd for Gate<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for ((out, gate), up) in self.2.iter_mut().zip(self.0).zip(self.1) {
                *out = gate / (1.0 + exp(-gate)) * up;
            }
        }
    }
    let mut out = vec![0.0; gate.len()];
    over_rows(&mut out, 1, |first, out| {
        let share = first..first + out.len();
        Arch::new().dispatch(Gate(&gate[share.clone()], &up[share], out));
    });
    out
}

/// `x += y`, element by element.
pub fn add_in_place(x: &mut [f32], y: &[f32]) {
    over_rows(x, 1, |first, x| {
        for (x, y) in x.iter_mut().zip(&y[first..]) {
            *x += y;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library() {
        for i in -8700..8800 {
            let x = i as f32 * 0.01;
            let (got, want) = (exp(x), x.exp());
            assert!(
                (got - want).abs() <= 3e-7 * want,
                "exp({x}): {got} vs {want}"
            );
        }
    }

    #[test]
    fn softmax_sums_to_one_and_survives_large_scores() {
        let mut x: Vec<f32> = (0..37).map(|i| 1000.0 + i as f32).collect();
        softmax_in_place(&mut x);
        assert!((x.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((x[36] - 0.632_120_56).abs() < 1e-5);
    }

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
