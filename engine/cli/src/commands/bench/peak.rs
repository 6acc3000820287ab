//! How much arithmetic this machine does at the most: multiply-adds that touch no memory.

use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

/// Sums that are under way at once: enough to hide how long one takes.
const SUMS: usize = 16;
const STEPS: usize = 1 << 20;

/// Multiply-adds of f32 per second by all threads together, best of ten.
pub(super) fn multiply_adds_per_second(threads: usize) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..10 {
        let start = Instant::now();
        let done: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| Arch::new().dispatch(Sums)))
                .collect();
            threads.into_iter().filter_map(|t| t.join().ok()).sum()
        });
        best = best.max(done as f64 / start.elapsed().as_secs_f64());
    }
    best
}

struct Sums;

impl WithSimd for Sums {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (x, y) = (
            simd.splat_f32s(std::hint::black_box(0.999)),
            simd.splat_f32s(std::hint::black_box(1e-3)),
        );
        let mut sums = [simd.splat_f32s(1.0); SUMS];
        for _ in 0..STEPS {
            for sum in &mut sums {
                *sum = simd.mul_add_e_f32s(*sum, x, y);
            }
        }
        let total = sums
            .into_iter()
            .fold(0.0, |total, sum| total + simd.reduce_sum_f32s(sum));
        std::hint::black_box(total);
        STEPS * SUMS * S::F32_LANES
    }
}
