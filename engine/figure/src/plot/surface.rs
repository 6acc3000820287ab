//! What lies between measured points of a plane: linear on the triangles between neighbours (Delaunay), as bands of
//! one colour each. Nothing is said outside the points' hull.

use crate::scene::Position;

/// Bands that a range is cut into.
pub(super) const BANDS: usize = 16;

/// A piece of a band.
pub(super) struct Piece {
    /// Which band, the lowest first.
    pub(super) band: usize,
    /// Its corners.
    pub(super) corners: Vec<Position>,
}

/// The pieces of the surface through `values` at `places`, for numbers from `low` to `high`.
pub(super) fn pieces(places: &[Position], values: &[f64], [low, high]: [f64; 2]) -> Vec<Piece> {
    let mut found = Vec::new();
    for triangle in triangles(places) {
        let corners = triangle.map(|at| (places[at], values[at]));
        let [least, most] = corners.iter().fold(
            [f64::INFINITY, f64::NEG_INFINITY],
            |[least, most], (_, value)| [least.min(*value), most.max(*value)],
        );
        let band = |value: f64| {
            let part = (value - low) / (high - low) * BANDS as f64;
            (part.max(0.0) as usize).min(BANDS - 1)
        };
        for band in band(least)..=band(most) {
            let edge = |band: usize| low + (high - low) * band as f64 / BANDS as f64;
            let above = clipped(&corners, |value| value - edge(band));
            let inside = clipped(&above, |value| edge(band + 1) - value);
            if inside.len() >= 3 {
                let corners = inside.into_iter().map(|(place, _)| place).collect();
                found.push(Piece { band, corners });
            }
        }
    }
    found
}

/// The part of a convex polygon where `side` of its corners' values is not negative.
fn clipped(corners: &[(Position, f64)], side: impl Fn(f64) -> f64) -> Vec<(Position, f64)> {
    let mut kept = Vec::with_capacity(corners.len() + 1);
    for (at, &(place, value)) in corners.iter().enumerate() {
        let (next, other) = corners[(at + 1) % corners.len()];
        let (here, there) = (side(value), side(other));
        if here >= 0.0 {
            kept.push((place, value));
        }
        if here * there < 0.0 {
            let part = here / (here - there);
            let between = |a: f64, b: f64| a + part * (b - a);
            let crossing = [between(place[0], next[0]), between(place[1], next[1])];
            kept.push((crossing, between(value, other)));
        }
    }
    kept
}

/// Delaunay's triangles between places (Bowyer and Watson 1981), by their places' indices. Places that are one count once;
/// where all lie on a line there are none.
fn triangles(places: &[Position]) -> Vec<[usize; 3]> {
    let finite = |at: &usize| places[*at].iter().all(|v| v.is_finite());
    let mut distinct: Vec<usize> = (0..places.len()).filter(finite).collect();
    distinct.sort_by(|&a, &b| {
        let [a, b] = [places[a], places[b]];
        a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1]))
    });
    distinct.dedup_by(|a, b| places[*a] == places[*b]);
    let ends = distinct.iter().map(|&at| places[at]);
    let [low, high] = ends.fold(
        [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]],
        |[low, high], [x, y]| {
            [
                [low[0].min(x), low[1].min(y)],
                [high[0].max(x), high[1].max(y)],
            ]
        },
    );
    let span = (high[0] - low[0]).max(high[1] - low[1]);
    if distinct.len() < 3 || span <= 0.0 {
        return Vec::new();
    }
    // In units of the span, inside a triangle so far away that its circles are nearly straight at the hull.
    const FAR: f64 = 1e3;
    let mut at: Vec<Position> = places
        .iter()
        .map(|[x, y]| [(x - low[0]) / span, (y - low[1]) / span])
        .collect();
    let outer = at.len();
    at.extend([[-FAR, -FAR], [FAR, -FAR], [0.5, FAR]]);
    let mut all = vec![[outer, outer + 1, outer + 2]];
    for point in distinct {
        let (broken, kept): (Vec<[usize; 3]>, Vec<[usize; 3]>) = all
            .into_iter()
            .partition(|triangle| in_circle(triangle.map(|corner| at[corner]), at[point]));
        all = kept;
        let edges = |[a, b, c]: [usize; 3]| [(a, b), (b, c), (c, a)];
        let every: Vec<(usize, usize)> = broken.into_iter().flat_map(edges).collect();
        // An edge between two broken triangles stands there once in each direction.
        for &(a, b) in every.iter().filter(|(a, b)| !every.contains(&(*b, *a))) {
            all.push([a, b, point]);
        }
    }
    let flat = |[a, b, c]: &[usize; 3]| doubled_area(at[*a], at[*b], at[*c]) < 1e-9;
    all.retain(|triangle| triangle.iter().all(|&corner| corner < outer) && !flat(triangle));
    all
}

/// Twice the area of a triangle whose corners go round counterclockwise where y goes up; negative for the other way.
fn doubled_area(a: Position, b: Position, c: Position) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Whether a point is inside the circle through three others, counterclockwise.
fn in_circle([a, b, c]: [Position; 3], point: Position) -> bool {
    let from = |p: Position| {
        let [x, y] = [p[0] - point[0], p[1] - point[1]];
        (x, y, x * x + y * y)
    };
    let ((ax, ay, a), (bx, by, b), (cx, cy, c)) = (from(a), from(b), from(c));
    let terms = [
        ax * (by * c - b * cy),
        -ay * (bx * c - b * cx),
        a * (bx * cy - by * cx),
    ];
    // A rounding does not break the triangles of a regular grid.
    let size: f64 = terms.iter().map(|term| term.abs()).sum();
    terms.iter().sum::<f64>() > 1e-13 * size
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(corners: &[Position]) -> f64 {
        let next = corners.iter().cycle().skip(1);
        let sum: f64 = corners
            .iter()
            .zip(next)
            .map(|(a, b)| a[0] * b[1] - a[1] * b[0])
            .sum();
        sum.abs() / 2.0
    }

    /// The area of the smallest convex polygon around places (Andrew's chain).
    fn hull(places: &[Position]) -> f64 {
        let mut sorted = places.to_vec();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        let half = |places: &mut dyn Iterator<Item = Position>| {
            let mut chain: Vec<Position> = Vec::new();
            for place in places {
                while let [.., a, b] = chain[..]
                    && doubled_area(a, b, place) <= 0.0
                {
                    chain.pop();
                }
                chain.push(place);
            }
            chain
        };
        let mut all = half(&mut sorted.iter().copied());
        all.extend(half(&mut sorted.iter().rev().copied()));
        area(&all)
    }

    fn grid(steps: usize) -> Vec<Position> {
        let tall = 3.0_f64.sqrt() / 2.0;
        let row = |i: usize| {
            (0..=steps - i).map(move |j| {
                let (i, j) = (i as f64, j as f64);
                [(j + i / 2.0) / steps as f64, tall * i / steps as f64]
            })
        };
        (0..=steps).flat_map(row).collect()
    }

    #[test]
    fn a_grid_of_the_simplex_is_covered_once() {
        for steps in [1, 2, 4, 10] {
            let places = grid(steps);
            assert_eq!(triangles(&places).len(), steps * steps, "{steps}");
        }
        let line: Vec<Position> = (0..5).map(|i| [f64::from(i), 0.0]).collect();
        assert!(triangles(&line).is_empty());
        assert!(triangles(&[[0.0, 0.0], [1.0, 1.0]]).is_empty());
        assert!(triangles(&[]).is_empty());
    }

    #[test]
    fn bands_lie_where_the_plane_through_three_numbers_does() {
        let places = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        let found = pieces(&places, &[0.0, 1.0, 0.0], [0.0, 1.0]);
        assert_eq!(found.len(), BANDS);
        for piece in &found {
            let values = piece.corners.iter().map(|place| place[0] * BANDS as f64);
            for value in values {
                let (low, high) = (piece.band as f64, piece.band as f64 + 1.0);
                assert!((low - 1e-9..=high + 1e-9).contains(&value), "{value}");
            }
        }
        let whole: f64 = found.iter().map(|piece| area(&piece.corners)).sum();
        assert!((whole - 0.5).abs() < 1e-9, "{whole}");
    }

    proptest! {
        /// No point lies inside a triangle, and together they cover what lies between the points, once. At the hull a
        /// triangle that is nearly none may be missing.
        #[test]
        fn triangles_hold_no_point_and_do_not_overlap(
            raw in prop::collection::vec((0_u16..40, 0_u16..40), 3..25),
            values in prop::collection::vec(-5.0_f64..5.0, 25),
        ) {
            let places: Vec<Position> = raw.iter().map(|&(x, y)| [f64::from(x), f64::from(y)]).collect();
            let found = triangles(&places);
            for [a, b, c] in &found {
                let [a, b, c] = [places[*a], places[*b], places[*c]];
                prop_assert!(doubled_area(a, b, c) > 0.0);
                for &p in &places {
                    let inside = [(a, b), (b, c), (c, a)].iter().all(|(p1, p2)| doubled_area(*p1, *p2, p) > 1e-6);
                    prop_assert!(!inside, "{p:?} inside {a:?} {b:?} {c:?}");
                }
            }
            let corners = |t: &[usize; 3]| t.map(|at| places[at]);
            let triangles: f64 = found.iter().map(|t| area(&corners(t))).sum();
            let bands: f64 = pieces(&places, &values[..places.len()], [-5.0, 5.0])
                .iter()
                .map(|piece| area(&piece.corners))
                .sum();
            prop_assert!((triangles - bands).abs() < 1e-6 * triangles.max(1.0));
            let hull = hull(&places);
            prop_assert!(triangles <= hull + 1e-6, "{triangles} of {hull}");
            prop_assert!(triangles >= 0.98 * hull - 1e-6, "{triangles} of {hull}");
        }
    }
}
