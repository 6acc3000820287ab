//! Points with names, and sets of points with names.

use serde::{Deserialize, Serialize};

use super::Point;

/// Which of the two kinds of [`Point`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// On the simplex.
    Preference,
    /// In the box.
    Weights,
}

/// A point of a list, with what a person calls it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedPoint {
    /// Where.
    pub point: Point,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<Point> for NamedPoint {
    fn from(point: Point) -> Self {
        Self { point, name: None }
    }
}

/// A set of points that papers evaluate at, or that fills a space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointSet {
    /// Two objectives in steps of a tenth: 11 preferences (HoE, appendix E.5).
    #[serde(rename = "hoe-11")]
    Hoe11,
    /// The 13 preferences over three objectives of HoE's appendix E.5.
    #[serde(rename = "hoe-13")]
    Hoe13,
    /// The three preferences of HoE's table over five objectives.
    #[serde(rename = "hoe-5")]
    Hoe5,
    /// Two value vectors, each by 0.1 to 1 in steps of a tenth: MVA's 100 weights.
    #[serde(rename = "mva-100")]
    Mva100,
    /// Points that fill the space evenly, however many: Halton's sequence.
    Halton {
        /// How many.
        count: usize,
        /// Preferences on the simplex, or weights of 0 to 1.
        kind: PointKind,
        /// Which of many shifted sequences; 0 is Halton's own.
        #[serde(default, skip_serializing_if = "is_zero")]
        seed: u64,
    },
    /// Weights in multiples of `step` that sum to 1: value vectors mixed as a preference would mix experts.
    Convex {
        /// Distance between neighbours along an edge; it must divide 1.
        step: f64,
    },
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(seed: &u64) -> bool {
    *seed == 0
}

impl PointSet {
    /// The kind of its points.
    pub fn kind(self) -> PointKind {
        match self {
            Self::Hoe11 | Self::Hoe13 | Self::Hoe5 => PointKind::Preference,
            Self::Mva100 | Self::Convex { .. } => PointKind::Weights,
            Self::Halton { kind, .. } => kind,
        }
    }
}

impl Point {
    /// Its kind.
    pub fn kind(&self) -> PointKind {
        match self {
            Self::Preference(_) => PointKind::Preference,
            Self::Weights(_) => PointKind::Weights,
        }
    }
}

impl PointKind {
    /// In words, of several.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Preference => "preferences",
            Self::Weights => "weights",
        }
    }
}
