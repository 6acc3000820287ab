//! The front of the sweep's points, its hypervolume and how sure each member is, kept up to date as scores arrive.

use std::sync::Arc;

use paretoscope_core::pareto::{Archive, Change, EstimateArchive, reference_point};
use paretoscope_core::types::{Point, PointResult, Summary};

/// Where a point stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// No other point dominates it.
    Front,
    /// On the front, but one standard error lower it would be dominated.
    Uncertain,
    /// Another point is at least as good everywhere and better somewhere.
    Dominated,
    /// An objective has no score.
    Unscored,
    /// An objective's mean is not a number.
    NonFinite,
}

impl Class {
    /// Whether the point has a place in the plot.
    pub fn is_placed(self) -> bool {
        matches!(self, Self::Front | Self::Uncertain | Self::Dominated)
    }

    /// Whether it is on the front, certainly or not.
    pub fn is_front(self) -> bool {
        matches!(self, Self::Front | Self::Uncertain)
    }
}

/// A point of the sweep, on the plotted axes.
#[derive(Debug, Clone)]
pub struct FrontEntry {
    /// [`PointResult::index`].
    pub index: usize,
    /// Means on the plotted axes; the third is 0 where there are two.
    pub mean: [f64; 3],
    /// Standard errors, likewise.
    pub se: [f64; 3],
    /// Where it stands.
    pub class: Class,
    /// Whether it was reached by free weights rather than on the simplex.
    pub extrapolated: bool,
}

/// How many points there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub points: usize,
    /// On the front, uncertain ones included.
    pub front: usize,
    /// On the front within one standard error only.
    pub uncertain: usize,
    /// An objective has no score.
    pub unscored: usize,
    /// An objective's mean is not a number.
    pub non_finite: usize,
    /// On the front and extrapolated.
    pub extrapolated_front: usize,
    /// Extrapolated and placed, on the front or not.
    pub extrapolated: usize,
}

impl Counts {
    /// Points that have their place.
    pub fn placed(&self) -> usize {
        self.points - self.unscored - self.non_finite
    }
}

/// All points with their classes. [`Front::update`] costs what is new, not what is there.
#[derive(Debug, Clone)]
pub struct Front {
    generation: Option<u64>,
    axes: Vec<usize>,
    /// Objectives that some point has a score of, plotted or not: the front is that of all of them, as everywhere.
    measured: Vec<usize>,
    entries: Vec<FrontEntry>,
    /// The points on `measured`.
    archive: EstimateArchive,
    /// The points on the plotted axes alone, for the hypervolume.
    plane: Archive,
    /// Positions in `entries`, best on the first axis last.
    members: Vec<usize>,
    /// Position of the base model's own answers.
    base: Option<usize>,
    counts: Counts,
    /// Lowest and highest mean per plotted axis, of points that have their place.
    spans: [(f64, f64); 3],
    hypervolume: Option<Hypervolume>,
    revision: u64,
}

/// A hypervolume, which means nothing without its reference point. In raw scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypervolume {
    /// What the front covers above the reference point.
    pub value: f64,
    /// One number per plotted axis: [`reference_point`] of all points.
    pub reference: Vec<f64>,
}

/// Of no point at all.
const NO_SPAN: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

impl Default for Front {
    fn default() -> Self {
        Self {
            generation: None,
            axes: Vec::new(),
            measured: Vec::new(),
            entries: Vec::new(),
            archive: EstimateArchive::new(0),
            plane: Archive::new(0),
            members: Vec::new(),
            base: None,
            counts: Counts::default(),
            spans: [NO_SPAN; 3],
            hypervolume: None,
            revision: 0,
        }
    }
}

/// The standard error, 0 where there is none.
fn error(summary: &Summary) -> f64 {
    if summary.se.is_finite() {
        summary.se
    } else {
        0.0
    }
}

/// Objectives that there is a score of.
fn scored(scores: &[Option<Summary>]) -> impl Iterator<Item = usize> {
    (0..scores.len()).filter(|&k| scores[k].is_some())
}

/// Summaries on some objectives, all of them there.
fn scores_on(axes: &[usize], scores: &[Option<Summary>]) -> Option<Vec<Summary>> {
    axes.iter()
        .map(|&axis| scores.get(axis).copied().flatten())
        .collect()
}

/// Means and standard errors on the plotted axes, where every objective has a finite mean.
pub fn place(axes: &[usize], scores: &[Option<Summary>]) -> Option<([f64; 3], [f64; 3])> {
    let summaries = scores_on(axes, scores)?;
    let (mut mean, mut se) = ([0.0; 3], [0.0; 3]);
    for (slot, summary) in summaries.iter().take(3).enumerate() {
        mean[slot] = summary.compared();
        se[slot] = error(summary);
    }
    mean.iter()
        .all(|value| value.is_finite())
        .then_some((mean, se))
}

impl Front {
    /// Takes in the points that are new since the last time; starts again where the generation, the axes or the scored
    /// objectives are others. Within one generation points are only appended. Says whether anything changed.
    pub fn update(&mut self, points: &[Arc<PointResult>], generation: u64, axes: &[usize]) -> bool {
        let fresh = self.generation != Some(generation)
            || self.axes != axes
            || points.len() < self.entries.len()
            || points[self.entries.len()..]
                .iter()
                .any(|point| scored(&point.scores).any(|k| !self.measured.contains(&k)));
        if fresh {
            let mut measured: Vec<usize> = points
                .iter()
                .flat_map(|point| scored(&point.scores))
                .collect();
            measured.sort_unstable();
            measured.dedup();
            *self = Self {
                generation: Some(generation),
                axes: axes.to_vec(),
                archive: EstimateArchive::new(measured.len()),
                plane: Archive::new(axes.len().min(3)),
                measured,
                revision: self.revision,
                ..Self::default()
            };
        }
        let known = self.entries.len();
        for point in points.iter().skip(known) {
            self.push(point);
        }
        let changed = fresh || self.entries.len() > known;
        if changed {
            self.revision += 1;
            self.sort_members();
            self.measure();
        }
        changed
    }

    fn push(&mut self, result: &PointResult) {
        let position = self.entries.len();
        let placed = place(&self.axes, &result.scores);
        let (mean, se) = placed.unwrap_or(([f64::NAN; 3], [0.0; 3]));
        let all = scores_on(&self.measured, &result.scores);
        let scored = scores_on(&self.axes, &result.scores).is_some() && all.is_some();
        // Without a place on the plotted axes a point is not on the front either.
        let (means, errors): (Vec<f64>, Vec<f64>) = match (placed, all) {
            (Some(_), Some(all)) => all.iter().map(|s| (s.compared(), error(s))).unzip(),
            _ => (vec![f64::NAN; self.measured.len()], Vec::new()),
        };
        let change = self.archive.insert(&means, &errors);
        if change != Change::KeptApart {
            self.plane.insert(&mean[..self.axes.len().min(3)]);
        }
        let class = match change {
            Change::KeptApart if scored => Class::NonFinite,
            Change::KeptApart => Class::Unscored,
            Change::Dominated => Class::Dominated,
            Change::Entered { left } => {
                for beaten in left {
                    self.entries[beaten].class = Class::Dominated;
                }
                Class::Front
            }
        };
        if result.point.is_base() {
            self.base.get_or_insert(position);
        }
        // The base model has no weights to be extrapolated.
        let extrapolated = matches!(result.point, Point::Weights(_)) && !result.point.is_base();
        self.counts.points += 1;
        self.counts.non_finite += usize::from(class == Class::NonFinite);
        self.counts.unscored += usize::from(class == Class::Unscored);
        if class.is_placed() {
            self.counts.extrapolated += usize::from(extrapolated);
            for (span, mean) in self.spans.iter_mut().zip(mean) {
                *span = (span.0.min(mean), span.1.max(mean));
            }
        }
        self.entries.push(FrontEntry {
            index: result.index,
            mean,
            se,
            class,
            extrapolated,
        });
    }

    /// The front in order, each member certain or not.
    fn sort_members(&mut self) {
        self.members = self.archive.means().front().to_vec();
        for &member in &self.members {
            self.entries[member].class = if self.archive.is_uncertain(member) {
                Class::Uncertain
            } else {
                Class::Front
            };
        }
        let entries = &self.entries;
        self.members.sort_by(|&a, &b| {
            entries[a].mean[0]
                .total_cmp(&entries[b].mean[0])
                .then(a.cmp(&b))
        });
        let count = |test: fn(&FrontEntry) -> bool| {
            let members = self.members.iter();
            members.filter(|&&member| test(&entries[member])).count()
        };
        self.counts.front = self.members.len();
        self.counts.uncertain = count(|entry| entry.class == Class::Uncertain);
        self.counts.extrapolated_front = count(|entry| entry.extrapolated);
    }

    /// The hypervolume, from where figures and comparisons of the same points measure it.
    fn measure(&mut self) {
        let dimensions = self.axes.len();
        // The lowest and the highest corner have the same span as all points.
        let corner = |pick: fn((f64, f64)) -> f64| -> Vec<f64> {
            self.spans
                .iter()
                .take(dimensions)
                .map(|&span| pick(span))
                .collect()
        };
        let corners = [corner(|span| span.0), corner(|span| span.1)];
        self.hypervolume = reference_point(&corners)
            .filter(|reference| reference.len() == dimensions)
            .map(|reference| Hypervolume {
                value: self.plane.hypervolume(&reference),
                reference,
            });
    }

    /// All points, in order of arrival.
    pub fn entries(&self) -> &[FrontEntry] {
        &self.entries
    }

    /// A point by its place in the plan.
    pub fn position(&self, index: usize) -> Option<usize> {
        // Sweeps mostly arrive in order, so the place is a good first guess.
        match self.entries.get(index) {
            Some(entry) if entry.index == index => Some(index),
            _ => self.entries.iter().position(|entry| entry.index == index),
        }
    }

    /// Positions of the front's members, by their score on the first axis.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// Position of the base model's own answers, where they are there.
    pub fn base(&self) -> Option<usize> {
        self.base
    }

    /// How many points there are of each kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The hypervolume; `None` without a point that has its place.
    pub fn hypervolume(&self) -> Option<&Hypervolume> {
        self.hypervolume.as_ref()
    }

    /// Whether there are more objectives than the plotted ones, which the front is of as well.
    pub fn measures_more(&self) -> bool {
        self.measured.len() > self.axes.len()
    }

    /// The plotted objectives, by index.
    pub fn axes(&self) -> &[usize] {
        &self.axes
    }

    /// Changes with every change of the points.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Lowest and highest mean on a plotted axis.
    pub fn span(&self, slot: usize) -> Option<(f64, f64)> {
        self.spans
            .get(slot)
            .copied()
            .filter(|span| span.0 <= span.1)
    }
}

#[cfg(test)]
mod tests {
    use paretoscope_core::pareto::{front, hypervolume, uncertain_membership};
    use paretoscope_core::types::{Preference, Weights};
    use proptest::prelude::*;

    use super::*;

    fn result(index: usize, point: Point, means: &[f64], se: f64) -> Arc<PointResult> {
        let summary = |&mean: &f64| {
            Some(Summary {
                mean,
                se,
                n: 4,
                non_finite: 0,
            })
        };
        Arc::new(PointResult {
            name: None,
            index,
            point,
            scores: means.iter().map(summary).collect(),
            rows: 4,
        })
    }

    fn results(rows: &[(Vec<f64>, f64)]) -> Vec<Arc<PointResult>> {
        let point = |(index, (means, se)): (usize, &(Vec<f64>, f64))| {
            let point = Point::Preference(Preference::uniform(means.len()));
            result(index, point, means, *se)
        };
        rows.iter().enumerate().map(point).collect()
    }

    fn base(means: &[f64]) -> Arc<PointResult> {
        result(99, Point::Weights(Weights::zero(2)), means, 0.1)
    }

    fn of(points: &[Arc<PointResult>], axes: &[usize]) -> Front {
        let mut front = Front::default();
        front.update(points, 1, axes);
        front
    }

    const AXES: [usize; 3] = [0, 1, 2];

    proptest! {
        /// Point by point and all at once, against the engine's front and its rule of uncertainty.
        #[test]
        fn classes_are_the_engines(
            rows in (2_usize..6).prop_flat_map(|axes| prop::collection::vec(
                (prop::collection::vec((0_u8..7).prop_map(|v| f64::from(v) / 2.0), axes), 0.0_f64..0.6), 1..24,
            )),
        ) {
            let points = results(&rows);
            // The front is that of all objectives, also of those that have no axis.
            let axes = &AXES[..rows[0].0.len().min(3)];
            let mut grown = Front::default();
            for count in 1..=points.len() {
                grown.update(&points[..count], 1, axes);
            }
            let means: Vec<Vec<f64>> = rows.iter().map(|(means, _)| means.clone()).collect();
            let errors: Vec<Vec<f64>> = rows.iter().map(|(means, se)| vec![*se; means.len()]).collect();
            let (on, unsure) = (front(&means), uncertain_membership(&means, &errors));
            for (position, entry) in grown.entries().iter().enumerate() {
                let expected = match (on.contains(&position), unsure[position]) {
                    (false, _) => Class::Dominated,
                    (true, false) => Class::Front,
                    (true, true) => Class::Uncertain,
                };
                prop_assert_eq!(entry.class, expected, "point {}", position);
            }
            let whole = of(&points, axes);
            prop_assert_eq!(whole.counts(), grown.counts());
            prop_assert_eq!(whole.hypervolume(), grown.hypervolume());
            prop_assert_eq!(whole.members(), grown.members());
        }
    }

    #[test]
    fn the_reference_lies_a_tenth_below_the_worst_of_all_points() {
        let mut points = results(&[(vec![1.0, 2.0], 0.0), (vec![2.0, 1.0], 0.0)]);
        let mut front = of(&points, &AXES[..2]);
        let volume = front.hypervolume().unwrap().clone();
        assert_eq!(volume.reference, [0.9, 0.9]);
        assert!((volume.value - (1.1 * 1.1 - 1.0)).abs() < 1e-12);
        // The base model is a point among them.
        points.push(base(&[0.0, 3.0]));
        assert!(front.update(&points, 1, &AXES[..2]));
        assert_eq!(front.base(), Some(2));
        let volume = front.hypervolume().unwrap().clone();
        let means = [[1.0, 2.0], [2.0, 1.0], [0.0, 3.0]];
        assert_eq!(Some(&volume.reference), reference_point(&means).as_ref());
        let measured = hypervolume(&means, &volume.reference);
        assert!((volume.value - measured).abs() < 1e-12);
        assert!(!front.update(&points, 1, &AXES[..2]), "nothing is new");
        assert_eq!(front.hypervolume(), Some(&volume));
    }

    #[test]
    fn other_axes_start_again() {
        let points = results(&[(vec![1.0, 2.0, 0.0], 0.0), (vec![2.0, 1.0, 5.0], 0.0)]);
        let mut front = of(&points, &AXES[..2]);
        assert_eq!(front.members().len(), 2);
        let revision = front.revision();
        assert!(front.update(&points, 1, &AXES[2..]));
        // Of all three objectives, also where one is plotted.
        assert_eq!(front.members(), [0, 1]);
        assert!(front.measures_more());
        assert!(front.revision() > revision);
        assert!(!front.update(&points, 1, &AXES[2..]), "nothing is new");
        assert!(front.update(&points[..1], 2, &AXES[2..]));
        assert_eq!(front.members(), [0]);
    }
}
