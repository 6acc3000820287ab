//! Where the point stands.

use paretoscope_core::routing::{Complex, Routing};
use paretoscope_core::types::{BundleInfo, Point, PointKind, Preference, Weights};
use serde::{Deserialize, Serialize};

use super::RunId;

/// On the simplex or in the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mode {
    /// A preference, through the router of HoE.
    #[default]
    Interpolate,
    /// Free weights on the value vectors (MVA).
    Extrapolate,
}

impl Mode {
    /// Whether a bundle has places of this kind. A base model alone has one, in the box: no weight at all.
    pub fn fits(self, info: &BundleInfo) -> bool {
        match self {
            Self::Interpolate => info.objectives.len() > 1 && !info.experts.is_empty(),
            Self::Extrapolate => !info.values.is_empty() || info.is_bare(),
        }
    }

    /// The kind of its points.
    pub fn points(self) -> PointKind {
        match self {
            Self::Interpolate => PointKind::Preference,
            Self::Extrapolate => PointKind::Weights,
        }
    }
}

/// A numeric field being typed into.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldDraft {
    /// Which field.
    pub index: usize,
    /// What stands in it.
    pub text: String,
    /// The rule that it breaks, if any; the last good value is kept meanwhile.
    pub problem: Option<String>,
    /// Numbers of another sum that were pasted: Enter takes them as shares.
    pub offer: Option<Vec<f64>>,
}

/// Where the point stands, and how it is looked at.
#[derive(Debug, Default)]
pub struct SimplexState {
    /// Simplex or box.
    pub mode: Mode,
    /// One share per objective; together 1. Empty without a bundle.
    pub preference: Vec<f64>,
    /// One weight per value vector.
    pub weights: Vec<f64>,
    /// Whether the weights were ever placed; until then they start where the preference is.
    pub weights_placed: bool,
    /// The objectives that vary, by index: three for the triangle, two for the segment.
    pub axes: Vec<usize>,
    /// The axis that the arrow keys move, by place in `axes`.
    pub axis: usize,
    /// The field being typed into.
    pub draft: Option<FieldDraft>,
    /// Whether the pointer is dragging the point.
    pub dragging: bool,
    /// The answer that this drag began last, where it answers live.
    pub drag_run: Option<RunId>,
    /// When the point last moved.
    pub moved: f64,
    /// Whether the point moved since the last generation.
    pub stale: bool,
    /// The cells of the simplex; `None` without a bundle.
    pub complex: Option<Complex>,
    /// Why there are no cells.
    pub complex_problem: Option<String>,
    /// What the preference is mixed from.
    pub routing: Option<Routing>,
}

impl SimplexState {
    /// What the objectives have together that do not vary.
    pub fn beside_axes(&self) -> f64 {
        let shares = self.preference.iter().enumerate();
        let beside = shares.filter(|(index, _)| !self.axes.contains(index));
        beside.map(|(_, share)| share).sum::<f64>().clamp(0.0, 1.0)
    }

    /// The point for the engine; `None` without a bundle.
    pub fn point(&self) -> Option<Point> {
        match self.mode {
            Mode::Interpolate => Preference::new(self.preference.clone())
                .ok()
                .map(Point::Preference),
            Mode::Extrapolate => Weights::new(self.weights.clone()).ok().map(Point::Weights),
        }
    }
}

/// The seven presets over `axes` of `objectives`: corners, edge midpoints, centre (HoE, figure 4).
/// For two axes: the ends, the quarters and the middle.
pub fn presets(axes: &[usize], objectives: usize) -> Vec<Vec<f64>> {
    let at = |shares: &[f64]| {
        let mut place = vec![0.0; objectives];
        for (&axis, &share) in axes.iter().zip(shares) {
            if let Some(slot) = place.get_mut(axis) {
                *slot = share;
            }
        }
        place
    };
    match axes.len() {
        0 => Vec::new(),
        1 => vec![at(&[1.0])],
        2 => [0.0, 0.25, 0.5, 0.75, 1.0]
            .iter()
            .map(|t| at(&[1.0 - t, *t]))
            .collect(),
        _ => {
            let third = 1.0 / 3.0;
            [
                [1.0, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [0.0, 0.0, 1.0],
                [0.5, 0.5, 0.0],
                [0.5, 0.0, 0.5],
                [0.0, 0.5, 0.5],
                [third, third, third],
            ]
            .iter()
            .map(|shares| at(shares))
            .collect()
        }
    }
}
