//! The points of a sweep: every point of a grid, a list that a person wrote, or a set with a name.

mod grid;
mod list;
mod sets;

use std::collections::HashMap;

pub use grid::parse_grid;
pub use list::{PointList, read_points};
pub use sets::{SETS, parse_set};

use crate::protocol::SweepGrid;
use crate::types::{NamedPoint, Point, PointKind, PointSet, Preference, Weights};
use crate::{Error, Result};

/// Rows (points x prompts) of one sweep at most.
pub const MAX_ROWS: usize = 100_000;

/// The points of `grid` in the order to visit them, for a bundle with this many objectives and
/// value vectors. With `include_base` the base model comes first, unless the grid holds it already.
/// Fails on a step that does not fit, an objective that does not exist, a point with too many or too few numbers, and
/// more than [`MAX_ROWS`] rows with this many prompts.
/// ```
/// use paretoscope_core::points::{parse_grid, points};
///
/// let grid = parse_grid("simplex:0.5")?;
/// let places: Vec<Vec<f64>> = points(&grid, 2, 0, 1, false)?
///     .iter()
///     .map(|point| point.as_slice().to_vec())
///     .collect();
/// // Corners first, so that a sweep that is stopped early still spans the range.
/// assert_eq!(places.last(), Some(&vec![0.5, 0.5]));
/// assert_eq!(places.len(), 3);
/// # Ok::<(), paretoscope_core::Error>(())
/// ```
pub fn points(
    grid: &SweepGrid,
    objectives: usize,
    values: usize,
    prompts: usize,
    include_base: bool,
) -> Result<Vec<Point>> {
    let named = named_points(grid, objectives, values, prompts, include_base)?;
    Ok(named.into_iter().map(|named| named.point).collect())
}

/// [`points`], with the names that a list gives them.
pub fn named_points(
    grid: &SweepGrid,
    objectives: usize,
    values: usize,
    prompts: usize,
    include_base: bool,
) -> Result<Vec<NamedPoint>> {
    let mut points = match grid {
        SweepGrid::Simplex {
            step,
            objectives: chosen,
        } => unnamed(grid::simplex(*step, chosen, objectives, prompts)?),
        SweepGrid::Box { c, step } => unnamed(grid::cube(*c, *step, values, prompts)?),
        SweepGrid::Set(set) => unnamed(sets::expand(*set, objectives, values, prompts)?),
        SweepGrid::List { points } => {
            check_rows("points", Some(points.len()), prompts)?;
            check_list(points, objectives, values)?;
            points.clone()
        }
    };
    if include_base && !points.iter().any(|named| named.point.is_base()) {
        points.insert(0, Point::Weights(Weights::zero(values)).into());
        check_rows("grid", Some(points.len()), prompts)?;
    }
    Ok(points)
}

/// Lays `grid` out for a method that takes `kind`; refuses a grid of the other kind. Halton's points are of either.
pub fn of_kind(grid: SweepGrid, kind: PointKind) -> Result<SweepGrid> {
    let (name, found) = match &grid {
        SweepGrid::Set(PointSet::Halton { count, .. }) => {
            let count = *count;
            return Ok(SweepGrid::Set(PointSet::Halton { count, kind }));
        }
        SweepGrid::Simplex { .. } => ("grid", PointKind::Preference),
        SweepGrid::Box { .. } => ("grid", PointKind::Weights),
        SweepGrid::Set(set) => ("points", set.kind()),
        SweepGrid::List { points } => {
            let other = points.iter().position(|named| named.point.kind() != kind);
            return match other {
                None => Ok(grid),
                Some(at) => {
                    let words = format!(
                        "{} gives {}, and the method takes {}",
                        place(points, at),
                        points[at].point.kind().plural(),
                        kind.plural()
                    );
                    Err(Error::option("points", words))
                }
            };
        }
    };
    if found == kind {
        return Ok(grid);
    }
    Err(Error::option(
        name,
        format!(
            "gives {}, and the method takes {}",
            found.plural(),
            kind.plural()
        ),
    ))
}

fn unnamed(points: Vec<Point>) -> Vec<NamedPoint> {
    points.into_iter().map(NamedPoint::from).collect()
}

fn check_list(points: &[NamedPoint], objectives: usize, values: usize) -> Result<()> {
    if points.is_empty() {
        return Err(Error::option("points", "the list holds none"));
    }
    for (at, named) in points.iter().enumerate() {
        let numbers = named.point.as_slice().to_vec();
        let fits = match named.point {
            Point::Preference(_) => Preference::with_len(numbers, objectives).map(|_| ()),
            Point::Weights(_) => Weights::with_len(numbers, values).map(|_| ()),
        };
        fits.map_err(|source| Error::Point {
            name: format!("points: {}", place(points, at)),
            source,
        })?;
    }
    match first_repeat(points) {
        None => Ok(()),
        Some((first, again)) => Err(Error::option(
            "points",
            format!(
                "{} is {} once more; a point is visited once",
                place(points, again),
                place(points, first)
            ),
        )),
    }
}

/// The first point that stands there twice: its places.
fn first_repeat(points: &[NamedPoint]) -> Option<(usize, usize)> {
    let mut seen = HashMap::new();
    points.iter().enumerate().find_map(|(at, named)| {
        // Adding zero turns -0 into 0, which is the same point.
        let bits = |number: &f64| (number + 0.0).to_bits();
        let bits: Vec<u64> = named.point.as_slice().iter().map(bits).collect();
        let first = *seen.entry((named.point.kind(), bits)).or_insert(at);
        (first < at).then_some((first, at))
    })
}

/// A point of a list, in words.
fn place(points: &[NamedPoint], at: usize) -> String {
    match &points[at].name {
        Some(name) => format!("point {} (`{name}`)", at + 1),
        None => format!("point {}", at + 1),
    }
}

fn check_rows(option: &str, points: Option<usize>, prompts: usize) -> Result<()> {
    match points.and_then(|points| points.checked_mul(prompts.max(1))) {
        Some(rows) if rows <= MAX_ROWS => Ok(()),
        _ => {
            let points = points.map_or_else(|| "too many".to_owned(), |points| points.to_string());
            Err(Error::option(
                option,
                format!(
                    "{points} points x {} prompts is more than {MAX_ROWS} rows; take fewer and larger steps, or fewer prompts",
                    prompts.max(1)
                ),
            ))
        }
    }
}
