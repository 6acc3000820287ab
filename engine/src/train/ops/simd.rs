//! Loops that the compiler turns into vector code for the processor at hand.

/// Columns of a register tile: two AVX-512 registers, four AVX2 ones.
pub(super) const TILE_COLS: usize = 32;
/// Rows of a register tile.
pub(super) const TILE_ROWS: usize = 4;
const LANES: usize = 16;

/// A block of results held in registers.
pub(super) type Tile = [[f32; TILE_COLS]; TILE_ROWS];

/// Runs a [`kernel!`] compiled for the best instruction set of this processor.
pub(super) fn vectorised<K: pulp::WithSimd>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(kernel)
}

/// Makes a type of a function for [`vectorised`]. The function and all that it calls must be
/// `#[inline(always)]`, or they are compiled for the oldest processor; closures cannot be, which is why
/// they do not serve.
macro_rules! kernel {
    ($name:ident = $function:ident($arguments:ty) -> $output:ty) => {
        struct $name<'a>($arguments);

        impl pulp::WithSimd for $name<'_> {
            type Output = $output;

            #[inline(always)]
            fn with_simd<S: pulp::Simd>(self, _simd: S) -> $output {
                $function(self.0)
            }
        }
    };
}
pub(super) use kernel;

/// `value` rounded up to a multiple of `step`.
#[inline(always)]
pub(super) fn round_up(value: usize, step: usize) -> usize {
    value.div_ceil(step) * step
}

/// `tile += a ⊗ b`.
#[inline(always)]
pub(super) fn outer_product(tile: &mut Tile, a: [f32; TILE_ROWS], b: &[f32; TILE_COLS]) {
    for (row, a) in tile.iter_mut().zip(a) {
        for (value, b) in row.iter_mut().zip(b) {
            *value = a.mul_add(*b, *value);
        }
    }
}

/// `sum_i a_i b_i`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] = a[lane].mul_add(b[lane], lanes[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

/// `sum_i x_i`.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] += chunk[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// The largest value (negative infinity for none). NaN is passed over: it shows up in the sums.
#[inline(always)]
pub(super) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = if chunk[lane] > lanes[lane] {
                chunk[lane]
            } else {
                lanes[lane]
            };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// `e^x` within 2e-7 of the true value, relatively; clamped outside [-87, 88], NaN stays NaN.
/// After the Cephes library: `e^x = 2^n e^r` with `|r| <= ln 2 / 2` and a polynomial for `e^r`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let p = 1.987_569_1e-4f32
        .mul_add(r, 1.398_199_9e-3)
        .mul_add(r, 8.333_452e-3)
        .mul_add(r, 4.166_579_6e-2)
        .mul_add(r, 0.166_666_65)
        .mul_add(r, 0.5);
    let e = p.mul_add(r * r, r + 1.0);
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    e * scale
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for i in -8700..8800 {
            let x = i as f32 * 0.01 + 0.003;
            let x = x.clamp(-87.0, 88.0);
            let relative = (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(relative < 2e-7, "exp({x}) is off by {relative}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
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
}
