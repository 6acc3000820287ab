//! Numbers that say how good a front is.

/// Where hypervolumes are measured from unless a person says otherwise, in the window, in figures and in comparisons alike:
/// the smallest value of each objective less a tenth of its range, over all points that are compared. `None` where no point
/// is finite.
pub fn reference_point(points: &[impl AsRef<[f64]>]) -> Option<Vec<f64>> {
    let finite: Vec<&[f64]> = points
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| p.iter().all(|v| v.is_finite()))
        .collect();
    let objectives = finite.first()?.len();
    let extreme = |k: usize, pick: fn(f64, f64) -> f64, start: f64| {
        finite
            .iter()
            .filter_map(|p| p.get(k))
            .copied()
            .fold(start, pick)
    };
    Some(
        (0..objectives)
            .map(|k| {
                let low = extreme(k, f64::min, f64::INFINITY);
                low - 0.1 * (extreme(k, f64::max, f64::NEG_INFINITY) - low)
            })
            .collect(),
    )
}

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

/// Mean of `<preference, scores>` over pairs (MIP); `None` where there are none.
pub fn mean_inner_product(pairs: &[(Vec<f64>, Vec<f64>)]) -> Option<f64> {
    let products = pairs
        .iter()
        .map(|(p, s)| p.iter().zip(s).map(|(a, b)| a * b).sum::<f64>());
    (!pairs.is_empty()).then(|| products.sum::<f64>() / pairs.len() as f64)
}

/// Spearman's rank correlation, equal values sharing their mean rank; `None` where fewer than two
/// pairs are finite or one side does not vary. Between a preference's share and the score of its
/// objective this is steerability.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = x
        .iter()
        .zip(y)
        .filter(|(a, b)| a.is_finite() && b.is_finite())
        .unzip();
    let (x, y) = (ranks(&x), ranks(&y));
    let mean = (x.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(p, q)| (p - mean) * (q - mean)).sum()
    };
    let spread = (product(&x, &x) * product(&y, &y)).sqrt();
    (x.len() > 1 && spread > 0.0).then(|| product(&x, &y) / spread)
}

/// Ranks from zero.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let equal = order[start..]
            .iter()
            .take_while(|&&i| values[i] == values[order[start]])
            .count();
        for &i in &order[start..start + equal] {
            ranks[i] = start as f64 + (equal as f64 - 1.0) / 2.0;
        }
        start += equal;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_and_coverage() {
        let points = vec![vec![0.0, 10.0], vec![10.0, 0.0], vec![f64::NAN, -99.0]];
        assert_eq!(reference_point(&points), Some(vec![-1.0, -1.0]));
        assert_eq!(reference_point(&[] as &[Vec<f64>]), None);
        assert_eq!(
            coverage(&[[1.0, 1.0]], &[[1.0, 1.0], [0.0, 2.0]]),
            Some(0.5)
        );
        assert_eq!(coverage(&[[1.0, 1.0]], &[] as &[[f64; 2]]), None);
        assert_eq!(
            mean_inner_product(&[(vec![0.5, 0.5], vec![2.0, 4.0])]),
            Some(3.0)
        );
        assert_eq!(mean_inner_product(&[]), None);
    }

    #[test]
    fn spearman_with_ties() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 900.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        // Ranks 0, 1.5, 1.5, 3 against 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5).
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((tied - 4.5 / 22.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[1.0], &[1.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }
}
