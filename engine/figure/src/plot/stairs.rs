//! The front of two numbers as a staircase.

use super::axes::Axes;
use crate::scene::Position;

/// Indices of the points that no other one beats on both, by the first number ascending; equal places once. With three
/// objectives others are on the front as well, but no line goes through those.
pub(super) fn pair_front(points: &[[f64; 2]]) -> Vec<usize> {
    let mut front = paretoscope_core::pareto::front(points);
    front.sort_by(|&a, &b| points[a][0].total_cmp(&points[b][0]));
    front.dedup_by(|a, b| points[*a] == points[*b]);
    front
}

/// The edge of what points dominate: from the left edge of the axes over them to the lower edge. `front` ascends in
/// the first number and descends in the second.
pub(super) fn stairs(axes: &Axes, front: &[[f64; 2]]) -> Vec<Position> {
    let mut line = Vec::with_capacity(2 * front.len() + 1);
    let mut left = axes.rect.x;
    for point in front {
        let [x, y] = axes.clamped(axes.place(*point));
        line.push([left, y]);
        line.push([x, y]);
        left = x;
    }
    line.push([left, axes.rect.bottom()]);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_through_what_nothing_beats_on_both_numbers() {
        let points = [
            [0.0, 1.0],
            [0.0, 0.5],
            [1.0, 0.0],
            [0.6, 0.6],
            [0.6, 0.2],
            [f64::NAN, 9.0],
            [1.0, 0.0],
        ];
        assert_eq!(pair_front(&points), [0, 3, 2]);
        assert_eq!(pair_front(&[]), Vec::<usize>::new());
    }
}
