//! Eigenvalues of a small symmetric matrix.

/// Sweeps over all pairs at most; a dozen are enough for any matrix of a search.
const SWEEPS: usize = 64;

/// Eigenvalues of a symmetric matrix, row-major `[n, n]`, and its eigenvectors as the columns of another, by Jacobi's
/// rotations (Golub and Van Loan, Matrix Computations, 8.5): exact to rounding, and the same on every machine.
pub(super) fn symmetric(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; n * n];
    for i in 0..n {
        vectors[i * n + i] = 1.0;
    }
    let off = |a: &[f64]| -> f64 {
        let pairs = (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q)));
        pairs.map(|(p, q)| a[p * n + q].powi(2)).sum()
    };
    let scale: f64 = a.iter().map(|v| v * v).sum();
    for _ in 0..SWEEPS {
        if off(&a) <= 1e-32 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}

/// Turns the plane of `p` and `q` so that their entry becomes 0.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let entry = a[p * n + q];
    if entry == 0.0 {
        return;
    }
    let half = (a[q * n + q] - a[p * n + p]) / (2.0 * entry);
    let sign = if half < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (half.abs() + half.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for k in 0..n {
        let (kp, kq) = (a[k * n + p], a[k * n + q]);
        a[k * n + p] = cosine * kp - sine * kq;
        a[k * n + q] = sine * kp + cosine * kq;
    }
    for k in 0..n {
        let (pk, qk) = (a[p * n + k], a[q * n + k]);
        a[p * n + k] = cosine * pk - sine * qk;
        a[q * n + k] = sine * pk + cosine * qk;
    }
    for row in vectors.chunks_mut(n) {
        let (kp, kq) = (row[p], row[q]);
        row[p] = cosine * kp - sine * kq;
        row[q] = sine * kp + cosine * kq;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_make_the_matrix(
            n in 1_usize..8,
            numbers in prop::collection::vec(-3.0..3.0_f64, 64),
        ) {
            let entry = |i: usize, j: usize| numbers[i.min(j) * 8 + i.max(j)];
            let matrix: Vec<f64> = (0..n * n).map(|at| entry(at / n, at % n)).collect();
            let (values, vectors) = symmetric(&matrix, n);
            for i in 0..n {
                for j in 0..n {
                    let made: f64 = (0..n).map(|k| vectors[i * n + k] * values[k] * vectors[j * n + k]).sum();
                    prop_assert!((made - matrix[i * n + j]).abs() < 1e-12 * 64.0);
                    let product: f64 = (0..n).map(|k| vectors[k * n + i] * vectors[k * n + j]).sum();
                    prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
        }
    }
}
