//! What the pointer is on.

/// How far from a marker the pointer still means it, in points.
pub(super) const REACH: f32 = 12.0;

/// What the pointer is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hover {
    /// A point, by its position in the front's entries.
    Dot(usize),
    /// A dot of another sweep, by the places of the sweep and its own.
    Other(usize, usize),
    /// A landmark, by its place in [`super::marks::Mark::ALL`].
    Mark(usize),
}
