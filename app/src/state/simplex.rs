//! Where the point stands.

use paretoscope_engine::types::{Point, Preference, Weights};
use serde::{Deserialize, Serialize};

/// On the simplex or in the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Mode {
    /// A preference, through the router of HoE.
    #[default]
    Interpolate,
    /// Free weights on the value vectors (MVA).
    Extrapolate,
}

/// A numeric field being typed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDraft {
    /// Which field.
    pub index: usize,
    /// What stands in it.
    pub text: String,
    /// The rule that it breaks, if any; the last good value is kept meanwhile.
    pub problem: Option<String>,
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
    /// The objectives that vary, by index: three for the triangle, two for the segment.
    pub axes: Vec<usize>,
    /// The axis that the arrow keys move, by place in `axes`.
    pub axis: usize,
    /// The field being typed into.
    pub draft: Option<FieldDraft>,
    /// Whether the pointer is dragging the point.
    pub dragging: bool,
    /// When the point last moved.
    pub moved: f64,
    /// Whether the point moved since the last generation.
    pub stale: bool,
}

impl SimplexState {
    /// The point for the engine; `None` without a bundle.
    pub fn point(&self) -> Option<Point> {
        match self.mode {
            Mode::Interpolate => Preference::new(self.preference.clone())
                .ok()
                .map(Point::Preference),
            Mode::Extrapolate if self.weights.is_empty() => None,
            Mode::Extrapolate => Weights::new(self.weights.clone()).ok().map(Point::Weights),
        }
    }
}
