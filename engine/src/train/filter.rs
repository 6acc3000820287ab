//! Which examples take part, and why the others do not.

use std::collections::BTreeMap;

/// Whether an example can be trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It can.
    Fits,
    /// It has more tokens than allowed.
    TooLong,
    /// No token of it is a target.
    NothingToLearn,
}

impl Fit {
    /// As the report counts it.
    const fn reason(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::TooLong => "longer than max-length or the context",
            Self::NothingToLearn => "nothing to learn",
        }
    }
}

/// What is left of a set of examples.
#[derive(Debug)]
pub(super) struct Filtered<'a, T> {
    /// Those that take part.
    pub(super) kept: Vec<&'a T>,
    /// Their places in the data as given.
    pub(super) places: Vec<usize>,
    /// How many do not, by reason.
    pub(super) left_out: BTreeMap<String, usize>,
}

impl<T> Default for Filtered<'_, T> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            places: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }
}

impl<'a, T> Filtered<'a, T> {
    /// Adds `items`, the first of which stands at `first` of all data; returns how many fit.
    pub(super) fn add(&mut self, items: &'a [T], first: usize, fit: impl Fn(&T) -> Fit) -> usize {
        let before = self.kept.len();
        for (index, item) in items.iter().enumerate() {
            match fit(item) {
                Fit::Fits => {
                    self.kept.push(item);
                    self.places.push(first + index);
                }
                other => *self.left_out.entry(other.reason().to_owned()).or_default() += 1,
            }
        }
        self.kept.len() - before
    }

    /// Of one set.
    pub(super) fn of(items: &'a [T], fit: impl Fn(&T) -> Fit) -> Self {
        let mut filtered = Self::default();
        filtered.add(items, 0, fit);
        filtered
    }
}
