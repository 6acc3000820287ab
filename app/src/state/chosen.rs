//! Points that were chosen on one part of the prompts, to be shown on another.

use std::collections::HashSet;

use paretoscope_core::types::{Point, Split};

use super::others::sweep_of;

/// A chosen point.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenPoint {
    /// The name of its dot when it was chosen: its sweep's number and its own name.
    pub dot: String,
    /// Where it is.
    pub point: Point,
}

/// Rows that the study holds of chosen points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    /// Rows that are there.
    pub there: usize,
    /// Rows of all chosen points on all prompts of the part.
    pub of: usize,
    /// Prompts of the part.
    pub prompts: usize,
}

/// Points that were chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// On which prompts; all of them where `None`.
    pub on: Option<Split>,
    /// The points.
    pub points: Vec<ChosenPoint>,
    /// A method and the number of its bundle, with the names of the points that were chosen among its own.
    groups: Vec<((String, i64), HashSet<String>)>,
    /// What the study holds of them on the prompts that are shown, once it was counted.
    pub covered: Option<Covered>,
}

/// The method of a sweep, and the number of its bundle in the study.
pub type MethodOf<'a> = &'a dyn Fn(i64) -> Option<(String, i64)>;

impl Chosen {
    /// Points that were chosen on a part of the prompts. They stay chosen in other sweeps of the same method and bundle,
    /// as one over other prompts is.
    pub fn new(on: Option<Split>, points: Vec<ChosenPoint>, method: MethodOf<'_>) -> Self {
        let mut groups: Vec<((String, i64), HashSet<String>)> = Vec::new();
        for chosen in &points {
            let Some((sweep, name)) = chosen.dot.split_once('-') else {
                continue;
            };
            let Some(of) = sweep.parse().ok().and_then(method) else {
                continue;
            };
            match groups.iter_mut().find(|(known, _)| *known == of) {
                Some((_, names)) => {
                    names.insert(name.to_owned());
                }
                None => groups.push((of, HashSet::from([name.to_owned()]))),
            }
        }
        Self {
            on,
            points,
            groups,
            covered: None,
        }
    }

    /// Whether a dot is one of the chosen points.
    pub fn holds(&self, dot: &str, method: MethodOf<'_>) -> bool {
        let Some((_, name)) = dot.split_once('-') else {
            return false;
        };
        let mut with_name = self.groups.iter().filter(|(_, names)| names.contains(name));
        let of = || sweep_of(dot).and_then(method);
        with_name.any(|(known, _)| of().as_ref() == Some(known))
    }

    /// Methods with the numbers of their bundles, and the names of the points.
    pub fn groups(&self) -> &[((String, i64), HashSet<String>)] {
        &self.groups
    }
}
