//! Linear systems of the size of a handful of objectives, in f64.

/// The solution of `a x = b`; `None` where a pivot is at most `smallest`.
pub(super) fn solve(n: usize, a: &[f64], b: &[f64], smallest: f64) -> Option<Vec<f64>> {
    let width = n + 1;
    let mut work = vec![0.0; n * width];
    for i in 0..n {
        work[i * width..i * width + n].copy_from_slice(&a[i * n..(i + 1) * n]);
        work[i * width + n] = b[i];
    }
    eliminate(n, width, &mut work, smallest)?;
    Some((0..n).map(|i| work[i * width + n]).collect())
}

/// Turns the left `n x n` block of an `n x width` matrix into the identity.
fn eliminate(n: usize, width: usize, work: &mut [f64], smallest: f64) -> Option<()> {
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| {
            work[i * width + column]
                .abs()
                .total_cmp(&work[j * width + column].abs())
        })?;
        let scale = work[pivot * width + column];
        if scale.is_nan() || scale.abs() <= smallest {
            return None;
        }
        for k in 0..width {
            work.swap(pivot * width + k, column * width + k);
            work[column * width + k] /= scale;
        }
        for row in (0..n).filter(|&row| row != column) {
            let factor = work[row * width + column];
            if factor != 0.0 {
                for k in 0..width {
                    work[row * width + k] -= factor * work[column * width + k];
                }
            }
        }
    }
    Some(())
}

/// Euclidean distance; the shorter list counts as filled up with zeros.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let at = |list: &[f64], i: usize| list.get(i).copied().unwrap_or(0.0);
    (0..a.len().max(b.len()))
        .map(|i| (at(a, i) - at(b, i)).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_solves() {
        let a = [0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 3.0, 0.0, 1.0];
        let b = [1.0, 2.0, 3.0];
        let x = solve(3, &a, &b, 1e-12).unwrap();
        for i in 0..3 {
            let back: f64 = (0..3).map(|j| a[i * 3 + j] * x[j]).sum();
            assert!((back - b[i]).abs() < 1e-12);
        }
    }

    #[test]
    fn singular_is_refused() {
        assert!(solve(2, &[1.0, 2.0, 2.0, 4.0], &[1.0, 1.0], 1e-12).is_none());
        assert!(solve(1, &[f64::NAN], &[1.0], 0.0).is_none());
    }
}
