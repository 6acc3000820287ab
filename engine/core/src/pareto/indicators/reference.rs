//! Where a hypervolume is measured from while no anchors are settled.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_less_a_tenth_of_the_range() {
        let points = vec![vec![0.0, 10.0], vec![10.0, 0.0], vec![f64::NAN, -99.0]];
        assert_eq!(reference_point(&points), Some(vec![-1.0, -1.0]));
        assert_eq!(reference_point(&[] as &[Vec<f64>]), None);
    }
}
