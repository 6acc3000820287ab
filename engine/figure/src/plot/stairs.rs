//! The front of two numbers as a staircase.

use super::axes::Axes;
use crate::scene::Place;

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
pub(super) fn stairs(axes: &Axes, front: &[[f64; 2]]) -> Vec<Place> {
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

/// What at least `count` of some sets of points attain, as the corners of its staircase, ascending in the first number
/// (Fonseca, Guerreiro, López-Ibáñez and Paquete 2011): a place is attained by a set that has a point at least as good
/// on both.
pub(super) fn attained(sets: &[Vec<[f64; 2]>], count: usize) -> Vec<[f64; 2]> {
    let finite = |point: &&[f64; 2]| point.iter().all(|v| v.is_finite());
    let all = sets.iter().flatten().filter(finite);
    let mut firsts: Vec<f64> = all.map(|point| point[0]).collect();
    firsts.sort_by(f64::total_cmp);
    firsts.dedup();
    let corners = firsts.into_iter().filter_map(|x| {
        let reach = |set: &Vec<[f64; 2]>| {
            let beyond = set.iter().filter(finite).filter(|point| point[0] >= x);
            beyond.map(|point| point[1]).max_by(f64::total_cmp)
        };
        let mut heights: Vec<f64> = sets.iter().filter_map(reach).collect();
        heights.sort_by(|a, b| b.total_cmp(a));
        Some([x, *heights.get(count.checked_sub(1)?)?])
    });
    let corners: Vec<[f64; 2]> = corners.collect();
    pair_front(&corners)
        .into_iter()
        .map(|index| corners[index])
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_under_the_stairs_is_attained_by_so_many(
            sets in prop::collection::vec(
                prop::collection::vec((0_u8..6, 0_u8..6).prop_map(|(x, y)| [f64::from(x), f64::from(y)]), 0..5),
                1..5,
            ),
            x in 0_u8..6,
            y in 0_u8..6,
        ) {
            let place = [f64::from(x), f64::from(y)];
            let reaches = |points: &[[f64; 2]]| {
                points.iter().any(|point| point[0] >= place[0] && point[1] >= place[1])
            };
            let by = sets.iter().filter(|set| reaches(set)).count();
            for count in 1..=sets.len() {
                prop_assert_eq!(reaches(&attained(&sets, count)), by >= count);
            }
        }
    }

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
