//! How much of one front another dominates.

/// Share of `b` that some point of `a` dominates or equals (coverage `C(A, B)`); `None` for an
/// empty `b`.
pub fn coverage(a: &[impl AsRef<[f64]>], b: &[impl AsRef<[f64]>]) -> Option<f64> {
    let covers = |x: &[f64], y: &[f64]| x.len() == y.len() && x.iter().zip(y).all(|(p, q)| p >= q);
    let covered = b
        .iter()
        .filter(|y| a.iter().any(|x| covers(x.as_ref(), y.as_ref())))
        .count();
    (!b.is_empty()).then(|| covered as f64 / b.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_points_are_covered() {
        assert_eq!(
            coverage(&[[1.0, 1.0]], &[[1.0, 1.0], [0.0, 2.0]]),
            Some(0.5)
        );
        assert_eq!(coverage(&[[1.0, 1.0]], &[] as &[[f64; 2]]), None);
    }
}
