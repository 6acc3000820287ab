//! The front of everything seen so far, kept up to date point by point.

use super::{dominates, hypervolume};

/// What a new point did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is on the front; these older points, ascending, no longer are.
    Entered {
        /// Points that it dominates.
        left: Vec<usize>,
    },
    /// It is dominated; the front is as it was.
    Dominated,
    /// A score is NaN, infinite or missing; it is counted and otherwise left alone.
    KeptApart,
}

/// All points of a sweep, with their front.
#[derive(Debug, Clone)]
pub struct Archive {
    objectives: usize,
    points: Vec<Vec<f64>>,
    front: Vec<usize>,
    kept_apart: usize,
}

impl Archive {
    /// An empty archive for points of `objectives` numbers.
    pub fn new(objectives: usize) -> Self {
        Self {
            objectives,
            points: Vec::new(),
            front: Vec::new(),
            kept_apart: 0,
        }
    }

    /// Adds a point; its index is the number of points inserted before it. Takes time linear in
    /// the size of the front.
    pub fn insert(&mut self, point: &[f64]) -> Change {
        let index = self.points.len();
        self.points.push(point.to_vec());
        if !self.is_compared(index) {
            self.kept_apart += 1;
            return Change::KeptApart;
        }
        if self
            .front
            .iter()
            .any(|&i| dominates(&self.points[i], point))
        {
            return Change::Dominated;
        }
        let (left, kept) = self
            .front
            .iter()
            .partition(|&&i| dominates(point, &self.points[i]));
        self.front = kept;
        self.front.push(index);
        Change::Entered { left }
    }

    /// Indices of the points on the front, ascending.
    pub fn front(&self) -> &[usize] {
        &self.front
    }

    /// Whether a point is on the front.
    pub fn is_on_front(&self, index: usize) -> bool {
        self.front.binary_search(&index).is_ok()
    }

    /// Whether a point has all its scores, and is compared with the others; false beyond the last.
    pub fn is_compared(&self, index: usize) -> bool {
        self.points
            .get(index)
            .is_some_and(|p| p.len() == self.objectives && p.iter().all(|v| v.is_finite()))
    }

    /// All points in order of insertion, those kept apart included.
    pub fn points(&self) -> &[Vec<f64>] {
        &self.points
    }

    /// Points with a score that is NaN, infinite or missing.
    pub fn kept_apart(&self) -> usize {
        self.kept_apart
    }

    /// The volume between the front and `reference`.
    pub fn hypervolume(&self, reference: &[f64]) -> f64 {
        let front: Vec<&[f64]> = self
            .front
            .iter()
            .map(|&i| self.points[i].as_slice())
            .collect();
        hypervolume(&front, reference)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn points_enter_and_leave() {
        let mut archive = Archive::new(2);
        assert_eq!(
            archive.insert(&[1.0, 1.0]),
            Change::Entered { left: vec![] }
        );
        assert_eq!(
            archive.insert(&[0.0, 2.0]),
            Change::Entered { left: vec![] }
        );
        assert_eq!(
            archive.insert(&[1.0, 1.0]),
            Change::Entered { left: vec![] }
        );
        assert_eq!(archive.insert(&[0.5, 1.0]), Change::Dominated);
        assert_eq!(archive.insert(&[f64::NAN, 9.0]), Change::KeptApart);
        assert_eq!(archive.insert(&[f64::INFINITY, 9.0]), Change::KeptApart);
        assert_eq!(archive.insert(&[9.0]), Change::KeptApart);
        assert_eq!(
            archive.insert(&[1.0, 1.5]),
            Change::Entered { left: vec![0, 2] }
        );
        assert_eq!(archive.front(), [1, 7]);
        assert_eq!(archive.kept_apart(), 3);
        assert!(archive.is_on_front(1) && !archive.is_on_front(0));
        assert_eq!(archive.points().len(), 8);
        assert_eq!(archive.hypervolume(&[0.0, 0.0]), 1.5);
    }

    proptest! {
        #[test]
        fn order_of_insertion_does_not_matter(
            (set, shuffled) in prop::collection::vec(
                prop::collection::vec((0_u8..5).prop_map(f64::from), 3), 1..30,
            ).prop_flat_map(|set| {
                let order: Vec<usize> = (0..set.len()).collect();
                (Just(set), Just(order).prop_shuffle())
            }),
        ) {
            let mut straight = Archive::new(3);
            let mut other = Archive::new(3);
            for point in &set {
                straight.insert(point);
            }
            for &i in &shuffled {
                other.insert(&set[i]);
            }
            let mut mapped: Vec<usize> = other.front().iter().map(|&i| shuffled[i]).collect();
            mapped.sort_unstable();
            prop_assert_eq!(straight.front(), mapped);
        }
    }
}
