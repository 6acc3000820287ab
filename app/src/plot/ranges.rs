//! What part of the plane is looked at. One range per objective, so that linked plots move together.

use crate::state::{Class, Front, FrontEntry};

/// `shown = raw * scale + shift`, per axis: raw scores, or deviations from the base front.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Factor; positive.
    pub scale: f64,
    /// Added after the factor.
    pub shift: f64,
}

impl Affine {
    /// Raw scores.
    pub const RAW: Self = Self {
        scale: 1.0,
        shift: 0.0,
    };

    /// Raw to shown.
    pub fn apply(self, raw: f64) -> f64 {
        raw * self.scale + self.shift
    }

    /// Shown to raw.
    pub fn invert(self, shown: f64) -> f64 {
        (shown - self.shift) / self.scale
    }
}

/// The view: automatic until a person changes it, and theirs from then on. Kept in raw scores.
#[derive(Debug, Clone, Default)]
pub struct Ranges {
    shown: Vec<[f64; 2]>,
    /// Whether a person has changed the view.
    owned: bool,
    /// Points up to here were looked at for `unseen`.
    known: usize,
    /// Positions of points that came after the person took the view and were never inside it.
    unseen: Vec<usize>,
    /// Points that the automatic fit leaves outside because they lie far off.
    outliers: usize,
    /// What the automatic view was fitted to.
    revision: Option<u64>,
    landmarks: Vec<[f64; 3]>,
}

/// Share of the range left free on each side.
const MARGIN: f64 = 0.12;

/// How many interquartile ranges beyond the quartiles a dominated point may lie to be fitted.
const FENCE: f64 = 3.0;

impl Ranges {
    /// Follows the data while the view is automatic; afterwards only counts what came outside.
    /// `landmarks` are raw scores that the automatic view always holds.
    pub fn update(&mut self, front: &Front, landmarks: &[[f64; 3]]) {
        let axes = front.axes().len();
        if self.shown.len() != axes {
            *self = Self::default();
        }
        if !self.owned {
            if self.revision != Some(front.revision()) || self.landmarks != landmarks {
                self.revision = Some(front.revision());
                self.landmarks = landmarks.to_vec();
                self.shown = (0..axes)
                    .map(|slot| fit(front, landmarks, slot, true))
                    .collect();
                let outside =
                    |e: &&FrontEntry| e.class.is_placed() && !inside(&self.shown, &e.mean);
                self.outliers = front.entries().iter().filter(outside).count();
            }
            self.known = front.entries().len();
            self.unseen.clear();
            return;
        }
        self.outliers = 0;
        if self.known > front.entries().len() {
            self.known = 0;
            self.unseen.clear();
        }
        self.unseen.extend(self.known..front.entries().len());
        self.known = front.entries().len();
        let shown = std::mem::take(&mut self.shown);
        self.unseen.retain(|&position| {
            front
                .entries()
                .get(position)
                .is_some_and(|e| e.class.is_placed() && !inside(&shown, &e.mean))
        });
        self.shown = shown;
    }

    /// A person moved the view of two axes.
    pub fn take(&mut self, x: usize, y: usize, range_x: [f64; 2], range_y: [f64; 2]) {
        let valid =
            |range: [f64; 2]| range[0].is_finite() && range[1].is_finite() && range[0] < range[1];
        if x < self.shown.len() && y < self.shown.len() && valid(range_x) && valid(range_y) {
            self.owned = true;
            self.shown[x] = range_x;
            self.shown[y] = range_y;
        }
    }

    /// Shows every point; the view stays the person's.
    pub fn fit_all(&mut self, front: &Front, landmarks: &[[f64; 3]]) {
        self.shown = (0..front.axes().len())
            .map(|slot| fit(front, landmarks, slot, false))
            .collect();
        self.owned = true;
        self.known = front.entries().len();
        self.unseen.clear();
    }

    /// The view as a person left it; `None` while it is automatic.
    pub fn zoom(&self) -> Option<Vec<[f64; 2]>> {
        self.owned.then(|| self.shown.clone())
    }

    /// Takes a view as [`Self::zoom`] gave it. One of another number of objectives is let go by the next update.
    pub fn set_zoom(&mut self, zoom: Option<&[[f64; 2]]>) {
        let valid = |range: &[f64; 2]| range[0].is_finite() && range[0] < range[1];
        match zoom.filter(|zoom| zoom.iter().all(valid)) {
            Some(zoom) => {
                self.owned = true;
                self.shown = zoom.to_vec();
            }
            None => self.reset(),
        }
    }

    /// Gives the view back to the data.
    pub fn reset(&mut self) {
        self.owned = false;
        self.revision = None;
    }

    /// The range of an axis, in raw scores.
    pub fn range(&self, slot: usize) -> [f64; 2] {
        self.shown.get(slot).copied().unwrap_or([0.0, 1.0])
    }

    /// Whether a person has changed the view.
    pub fn is_owned(&self) -> bool {
        self.owned
    }

    /// New points that never were inside the view.
    pub fn unseen(&self) -> usize {
        self.unseen.len()
    }

    /// Points that the automatic view leaves outside.
    pub fn outliers(&self) -> usize {
        self.outliers
    }
}

fn inside(ranges: &[[f64; 2]], mean: &[f64; 3]) -> bool {
    ranges
        .iter()
        .zip(mean)
        .all(|(range, value)| (range[0]..=range[1]).contains(value))
}

/// A range that holds the front with its errors, the landmarks, and the dominated points; with
/// `robust`, only those dominated points that are not far off the others.
fn fit(front: &Front, landmarks: &[[f64; 3]], slot: usize, robust: bool) -> [f64; 2] {
    let mut means: Vec<f64> = front
        .entries()
        .iter()
        .filter(|e| e.class.is_placed())
        .map(|e| e.mean[slot])
        .collect();
    let fence = if robust {
        fence(&mut means)
    } else {
        [f64::NEG_INFINITY, f64::INFINITY]
    };
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut hold = |value: f64| {
        low = low.min(value);
        high = high.max(value);
    };
    for entry in front.entries() {
        let mean = entry.mean[slot];
        match entry.class {
            Class::Front | Class::Uncertain => {
                hold(mean - entry.se[slot]);
                hold(mean + entry.se[slot]);
            }
            Class::Dominated if (fence[0]..=fence[1]).contains(&mean) => hold(mean),
            _ => {}
        }
    }
    landmarks
        .iter()
        .map(|mark| mark[slot])
        .filter(|v| v.is_finite())
        .for_each(&mut hold);
    if low > high {
        return [0.0, 1.0];
    }
    let span = high - low;
    let margin = if span > 0.0 {
        span * MARGIN
    } else {
        (low.abs() * 0.1).max(0.5)
    };
    [low - margin, high + margin]
}

/// Tukey's outer fence.
fn fence(values: &mut [f64]) -> [f64; 2] {
    if values.len() < 8 {
        return [f64::NEG_INFINITY, f64::INFINITY];
    }
    let (lower, upper) = (values.len() / 4, values.len() * 3 / 4);
    let q1 = *values.select_nth_unstable_by(lower, f64::total_cmp).1;
    let q3 = *values.select_nth_unstable_by(upper, f64::total_cmp).1;
    let reach = FENCE * (q3 - q1);
    // Half of the points alike says nothing about the rest.
    if reach > 0.0 {
        [q1 - reach, q3 + reach]
    } else {
        [f64::NEG_INFINITY, f64::INFINITY]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use paretoscope_core::types::{Point, PointResult, Preference, Summary};

    use super::*;

    fn front(rows: &[[f64; 2]]) -> Front {
        let point = |(index, means): (usize, &[f64; 2])| {
            let summary = |mean| {
                Some(Summary {
                    mean,
                    se: 0.0,
                    n: 1,
                    non_finite: 0,
                })
            };
            let point = Point::Preference(Preference::uniform(2));
            Arc::new(PointResult {
                name: None,
                index,
                point,
                scores: means.map(summary).to_vec(),
                rows: 1,
            })
        };
        let points: Vec<Arc<PointResult>> = rows.iter().enumerate().map(point).collect();
        let mut front = Front::default();
        front.update(&points, 1, &[0, 1]);
        front
    }

    /// A cloud in the unit square below a front, and one dominated point far away.
    fn cloud_with_outlier() -> Vec<[f64; 2]> {
        let mut rows: Vec<[f64; 2]> = (0..40)
            .map(|i| [f64::from(i) / 40.0, 1.0 - f64::from(i) / 40.0])
            .collect();
        rows.push([-500.0, -500.0]);
        rows
    }

    #[test]
    fn the_automatic_view_is_not_blown_up_by_one_point() {
        let front = front(&cloud_with_outlier());
        let mut ranges = Ranges::default();
        ranges.update(&front, &[]);
        assert!(ranges.range(0)[0] > -1.0, "{:?}", ranges.range(0));
        assert_eq!(ranges.outliers(), 1, "but it is counted");
        ranges.fit_all(&front, &[]);
        ranges.update(&front, &[]);
        assert!(ranges.range(0)[0] < -500.0);
        assert_eq!(ranges.outliers() + ranges.unseen(), 0);
    }

    #[test]
    fn a_landmark_is_always_inside_the_automatic_view() {
        let mut ranges = Ranges::default();
        let front = front(&[[0.0, 0.0], [1.0, 1.0]]);
        ranges.update(&front, &[]);
        assert!(ranges.range(1)[1] < 2.0);
        ranges.update(&front, &[[0.0, 9.0, 0.0]]);
        assert!(ranges.range(1)[1] > 9.0);
    }

    #[test]
    fn one_point_and_no_point_have_a_view() {
        let mut ranges = Ranges::default();
        ranges.update(&front(&[]), &[]);
        assert_eq!(ranges.range(0), [0.0, 1.0]);
        let mut ranges = Ranges::default();
        ranges.update(&front(&[[3.0, 3.0]]), &[]);
        assert!(ranges.range(0)[0] < 3.0 && 3.0 < ranges.range(0)[1]);
    }

    #[test]
    fn a_view_that_is_none_is_not_taken() {
        let mut ranges = Ranges::default();
        ranges.update(&front(&[[3.0, 3.0]]), &[]);
        ranges.take(0, 1, [1.0, 1.0], [0.0, f64::NAN]);
        assert!(!ranges.is_owned());
    }

    #[test]
    fn units_go_there_and_back() {
        let unit = Affine {
            scale: 4.0,
            shift: -2.0,
        };
        assert_eq!(unit.apply(0.5), 0.0);
        assert_eq!(unit.invert(unit.apply(-1.25)), -1.25);
    }
}
