//! The arithmetic that all kernels share: one exponential, one order of adding up.
//!
//! Everything is in plain loops that the compiler makes vector code of, inside a kernel that was dispatched (see
//! [`vectorised`](super::vectorised)). Sums run in 16 lanes and add them up at the end: fast, and the same for every
//! width of registers.

const LANES: usize = 16;

/// `e^x` within 3e-7 of the true value, relatively; clamped outside [-87, 88], NaN stays NaN.
/// After the Cephes library: `e^x = 2^n e^r` with `|r| <= ln 2 / 2` and a polynomial for `e^r`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to the nearest integer, ties to even, and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, so that r stays exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let p = 1.987_569_1e-4_f32
        .mul_add(r, 1.398_199_9e-3)
        .mul_add(r, 8.333_452e-3)
        .mul_add(r, 4.166_579_6e-2)
        .mul_add(r, 1.666_666_5e-1)
        .mul_add(r, 0.5);
    let e = p.mul_add(r * r, r) + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    e * scale
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `x / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `tanh x` within 4e-7 of the true value, relatively: a quotient of polynomials, as in Eigen; clamped outside
/// [-7.9, 7.9], NaN stays NaN.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    const NUMERATOR: [f32; 6] = [
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297e-8,
        1.485_722_4e-5,
        6.372_619_3e-4,
        4.893_524_6e-3,
    ];
    const DENOMINATOR: [f32; 3] = [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let x = x.clamp(-7.905_311, 7.905_311);
    let square = x * x;
    let fold = |start: f32, factors: &[f32]| {
        let next = |sum: f32, factor: &f32| sum.mul_add(square, *factor);
        factors.iter().fold(start, next)
    };
    x * fold(-2.760_768_5e-16, &NUMERATOR) / fold(1.198_258_4e-6, &DENOMINATOR)
}

/// `x / 2 (1 + tanh(u))` with `u = sqrt(2 / pi) (x + 0.044715 x^3)`: GELU in its form with tanh, and the sigmoid of `2 u`,
/// which is what `x` is multiplied by (Hendrycks and Gimpel 2016).
#[inline(always)]
pub(crate) fn gelu(x: f32) -> (f32, f32) {
    let share = sigmoid(GELU_SLOPE * x * (GELU_CUBE * x).mul_add(x, 1.0));
    (x * share, share)
}

/// `2 sqrt(2 / pi)`.
const GELU_SLOPE: f32 = 1.595_769;
const GELU_CUBE: f32 = 0.044_715;

/// The slope of [`gelu`] at `x`, from the second thing that it gives.
#[inline(always)]
pub(crate) fn gelu_slope(x: f32, share: f32) -> f32 {
    let inner = GELU_SLOPE * (3.0 * GELU_CUBE * x).mul_add(x, 1.0);
    share + x * share * (1.0 - share) * inner
}

/// `sum_i x_i`.
#[inline(always)]
pub(crate) fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// `sum_i a_i b_i`.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane = a.mul_add(*b, *lane);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// The largest value (negative infinity for none). NaN is passed over: it shows up in the sums.
#[inline(always)]
pub(crate) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// `x <- exp(x - max) / sum`.
#[inline(always)]
pub(crate) fn softmax_in_place(x: &mut [f32]) {
    let top = max(x);
    for value in x.iter_mut() {
        *value = exp(*value - top);
    }
    let inverse = 1.0 / sum(x);
    for value in x {
        *value *= inverse;
    }
}

/// `1 / sqrt(mean(x^2) + eps)`. Where the mean overflows it is NaN: dividing by infinity would turn a model that has
/// blown up into one that says 0 everywhere.
#[inline(always)]
pub(crate) fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    let mean = dot(x, x) / x.len() as f32 + eps;
    if mean.is_finite() {
        1.0 / mean.sqrt()
    } else {
        f32::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: the power of two by rounding and a cast, the same polynomial.
    fn exp_plain(x: f32) -> f32 {
        let x = x.clamp(-87.0, 88.0);
        let n = (x * std::f32::consts::LOG2_E).round_ties_even();
        let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
        let powers = [
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_5e-1,
            0.5,
        ];
        let p = powers
            .iter()
            .fold(1.987_569_1e-4_f32, |p, c| p.mul_add(r, *c));
        let e = p.mul_add(r * r, r) + 1.0;
        e * f32::from_bits(((n as i32 + 127) << 23) as u32)
    }

    #[test]
    fn exp_agrees_with_the_library_and_bit_for_bit_with_its_definition() {
        for i in -9000..9000 {
            for x in [i as f32 * 0.01, i as f32 * 0.01 + 0.003, i as f32 * 1e-6] {
                assert_eq!(exp(x).to_bits(), exp_plain(x).to_bits(), "exp({x})");
                let inside = f64::from(x.clamp(-87.0, 88.0));
                let relative = (f64::from(exp(x)) / inside.exp() - 1.0).abs();
                assert!(relative < 3e-7, "exp({x}) is off by {relative}");
            }
        }
        assert_eq!(exp(-0.0), 1.0);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
    }

    #[test]
    fn tanh_and_gelu_agree_with_the_library() {
        for i in -9000..9000 {
            for x in [i as f32 * 0.002, i as f32 * 1e-6] {
                let want = f64::from(x).tanh();
                let apart = (f64::from(tanh(x)) - want).abs();
                assert!(apart <= 4e-7 * want.abs(), "tanh({x}) is off by {apart}");
                let wide = f64::from(x);
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
                let want = 0.5 * wide * (1.0 + inner.tanh());
                let apart = (f64::from(gelu(x).0) - want).abs();
                assert!(
                    apart <= 2e-6 * want.abs().max(1e-3),
                    "gelu({x}) is off by {apart}"
                );
            }
        }
        assert!((tanh(50.0) - 1.0).abs() <= 4e-7 && tanh(-50.0) == -tanh(50.0));
        assert_eq!(tanh(0.0), 0.0);
        assert!(tanh(f32::NAN).is_nan() && gelu(f32::NAN).0.is_nan());
    }

    #[test]
    fn reductions_agree_with_plain_loops() {
        let values: Vec<f32> = (0..53).map(|i| ((i * 37) % 19) as f32 - 9.0).collect();
        assert_eq!(sum(&values), values.iter().sum::<f32>());
        assert_eq!(max(&values), 9.0);
        assert_eq!(
            dot(&values, &values),
            values.iter().map(|v| v * v).sum::<f32>()
        );
    }

    #[test]
    fn softmax_sums_to_one_and_survives_large_scores() {
        let mut x: Vec<f32> = (0..37).map(|i| 1000.0 + i as f32).collect();
        softmax_in_place(&mut x);
        assert!((x.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((x[36] - 0.632_120_56).abs() < 1e-5);
    }
}
