//! The rows of the table, those of other sweeps after the own ones, and their order.

use paretoscope_figure::plot::Standing;

use super::Frame;
use crate::state::{Class, FrontEntry, OtherDot};

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// A point of the own sweep, by its position in the front's entries.
    Own(usize),
    /// A dot of another sweep, by the places of the sweep and its own.
    Other(usize, usize),
}

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    /// Sweep by sweep, each in the order of its plan.
    #[default]
    Index,
    /// Front first.
    Class,
    /// Score on a plotted objective.
    Score(usize),
}

/// What the order follows from: the own front, the other sweeps, a column and a direction.
type Key = (u64, Option<u64>, Sort, bool);

/// How the rows are ordered.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    pub(super) column: Sort,
    pub(super) descending: bool,
    /// The rows in order.
    cached: Option<(Key, Vec<At>)>,
}

impl Order {
    /// All rows in order.
    pub(super) fn rows(&mut self, frame: &Frame<'_>) -> &[At] {
        let front = frame.data.front;
        let others = frame.data.study.as_ref().map(|study| study.others);
        let revision = others.map(|others| others.revision());
        let key = (front.revision(), revision, self.column, self.descending);
        if self.cached.as_ref().is_none_or(|(known, _)| *known != key) {
            self.cached = Some((key, self.sorted(frame)));
        }
        self.cached
            .as_ref()
            .map_or(&[], |(_, rows)| rows.as_slice())
    }

    fn sorted(&self, frame: &Frame<'_>) -> Vec<At> {
        let mut rows: Vec<(At, Class, [f64; 3], usize)> = Vec::new();
        for (position, entry) in frame.data.front.entries().iter().enumerate() {
            rows.push((At::Own(position), entry.class, entry.mean, entry.index));
        }
        if let Some(study) = &frame.data.study {
            for (at, sweep) in study.others.sweeps().iter().enumerate() {
                for (place, dot) in sweep.dots.iter().enumerate() {
                    let class = class_of(dot.standing);
                    rows.push((At::Other(at, place), class, dot.mean, dot.at));
                }
            }
        }
        let place = |(at, _, _, index): &(At, Class, [f64; 3], usize)| match at {
            At::Own(_) => (0, *index),
            At::Other(sweep, _) => (1 + sweep, *index),
        };
        rows.sort_by(|a, b| {
            let order = match self.column {
                Sort::Index => place(a).cmp(&place(b)),
                Sort::Class => rank(a.1).cmp(&rank(b.1)),
                // Points without a score stay below, in either direction.
                Sort::Score(slot) => match (a.1.is_placed(), b.1.is_placed()) {
                    (true, true) => a.2[slot].total_cmp(&b.2[slot]),
                    (x, y) if self.descending => x.cmp(&y),
                    (x, y) => y.cmp(&x),
                },
            };
            let order = if self.descending {
                order.reverse()
            } else {
                order
            };
            order.then(place(a).cmp(&place(b)))
        });
        rows.into_iter().map(|(at, ..)| at).collect()
    }

    /// Orders by another column, or the other way round.
    pub(super) fn click(&mut self, column: Sort) {
        // Scores start with the best.
        self.descending = if self.column == column {
            !self.descending
        } else {
            matches!(column, Sort::Score(_))
        };
        self.column = column;
    }
}

/// Where a dot stands among its own sweep's points.
pub(super) fn class_of(standing: Standing) -> Class {
    match standing {
        Standing::Front => Class::Front,
        Standing::Uncertain => Class::Uncertain,
        Standing::Dominated => Class::Dominated,
    }
}

fn rank(class: Class) -> u8 {
    match class {
        Class::Front => 0,
        Class::Uncertain => 1,
        Class::Dominated => 2,
        Class::NonFinite => 3,
        Class::Unscored => 4,
    }
}

/// A point of either kind, on the plotted axes.
pub(super) struct Placed {
    /// Where it stands among its sweep's points.
    pub(super) class: Class,
    /// Means, raw.
    pub(super) mean: [f64; 3],
    /// Standard errors, raw.
    pub(super) se: [f64; 3],
}

impl From<&FrontEntry> for Placed {
    fn from(entry: &FrontEntry) -> Self {
        Self {
            class: entry.class,
            mean: entry.mean,
            se: entry.se,
        }
    }
}

impl From<&OtherDot> for Placed {
    fn from(dot: &OtherDot) -> Self {
        Self {
            class: class_of(dot.standing),
            mean: dot.mean,
            se: dot.se,
        }
    }
}
