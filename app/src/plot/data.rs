//! What the Pareto plot is given and what it asks for.

use std::sync::Arc;

use paretoscope_core::types::{Point, PointResult, Summary};
use serde::{Deserialize, Serialize};

/// A run with a marker of its own: the current one, the pinned one, the base model.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmark {
    /// Where it stands; `None` for the base model.
    pub point: Option<Point>,
    /// One summary per objective of the bundle.
    pub scores: Vec<Option<Summary>>,
}

/// Raw scores, or in deviations of the base model's own answers from their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Units {
    /// As the reward model gives them, sign applied.
    #[default]
    Raw,
    /// (score - mean of the base model) / deviation of the base model's scores.
    Base,
}

/// How a person looks at the plot. Remembered, and never changed by data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlotOptions {
    /// The table instead of the plot.
    pub table: bool,
    /// Whether dominated points are drawn.
    pub dominated: bool,
    /// Whether ±1 SE is drawn.
    pub whiskers: bool,
    /// Two places of [`ParetoData::axes`] for one large plot; `None` shows all pairs.
    pub pair: Option<(usize, usize)>,
    /// Raw or against the base model.
    pub units: Units,
    /// Counts "Fit" commands: the plot fits when this differs from what it saw last.
    #[serde(skip)]
    pub fits: u64,
}

impl Default for PlotOptions {
    fn default() -> Self {
        Self {
            table: false,
            dominated: true,
            whiskers: true,
            pair: None,
            units: Units::Raw,
            fits: 0,
        }
    }
}

/// What is plotted. Borrowed: nothing is copied per frame.
#[derive(Clone, Copy)]
pub struct ParetoData<'a> {
    /// Names of all objectives of the bundle.
    pub objectives: &'a [String],
    /// The two or three of them that are plotted, by index.
    pub axes: &'a [usize],
    /// Points in order of arrival; within one generation they are only appended to.
    pub points: &'a [Arc<PointResult>],
    /// Changes when the points are others, e.g. with a new sweep.
    pub generation: u64,
    /// The dot that is looked at, by [`PointResult::index`].
    pub selected: Option<usize>,
    /// The current run, where it is scored.
    pub current: Option<&'a Landmark>,
    /// The pinned run, where it is scored.
    pub pinned: Option<&'a Landmark>,
    /// The base model's own answers, where they are scored.
    pub base: Option<&'a Landmark>,
    /// Points of the sweep that are still to come.
    pub pending: usize,
    /// The first prompt's text at a point, by [`PointResult::index`], where it is known.
    pub text: &'a dyn Fn(usize) -> Option<String>,
}

/// What a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum ParetoAction {
    /// Look at a dot: its point, its texts, its routing. By [`PointResult::index`].
    Select(usize),
    /// Move the point there. By [`PointResult::index`].
    Go(usize),
    /// Look at the plot differently.
    Options(PlotOptions),
    /// Start a sweep (the button of the empty plot).
    Sweep,
}
