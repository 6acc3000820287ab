//! The points of a sweep: every point of a grid, a list that a person wrote, or a set with a name.

mod grid;
mod list;
mod rows;
mod sets;
mod table;

pub use grid::parse_grid;
pub use list::{PointList, read_points};
pub use rows::MAX_ROWS;
pub use sets::{SETS, parse_set};

use self::list::{check_list, place};
use self::rows::check_rows;
use crate::protocol::SweepGrid;
use crate::types::{NamedPoint, Point, PointKind, PointSet, Weights};
use crate::{Error, Result};

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
        SweepGrid::Set(PointSet::Halton { count, seed, .. }) => {
            let (count, seed) = (*count, *seed);
            return Ok(SweepGrid::Set(PointSet::Halton { count, kind, seed }));
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
