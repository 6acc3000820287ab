//! What the Pareto plot is given and what it asks for.

use std::sync::Arc;

use egui::Color32;
use paretoscope_core::types::{Point, PointResult, Split, Summary};

use crate::state::{Front, Others, PlotOptions};

/// A run with a marker of its own: the current one, the pinned one, the base model.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmark {
    /// Where it stands; `None` for the base model.
    pub point: Option<Point>,
    /// One summary per objective of the bundle.
    pub scores: Vec<Option<Summary>>,
}

/// A sweep of the study that can be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticked {
    /// Its number.
    pub sweep: i64,
    /// Its name.
    pub name: String,
    /// Whether it is drawn.
    pub on: bool,
    /// Whether its points are the panel's own.
    pub own: bool,
    /// Whether another program makes rows of it now.
    pub elsewhere: bool,
}

/// The study's sweeps beside the panel's own.
#[derive(Clone, Copy)]
pub struct OthersData<'a> {
    /// Those that are drawn.
    pub others: &'a Others,
    /// All that could be, the newest first.
    pub sweeps: &'a [Ticked],
    /// The prompts that count; all of them where `None`.
    pub split: Option<Split>,
    /// What that is, in words.
    pub words: &'a str,
    /// What is in the way of it.
    pub trouble: Option<&'a str>,
    /// The dot of theirs that is looked at, by its name.
    pub selected: Option<&'a str>,
    /// Whether a dot was chosen before, by its name.
    pub chosen: &'a dyn Fn(&str) -> bool,
    /// How many times as long a token took as in the sweep that others are measured against, by a sweep's number, or of the
    /// panel's own.
    pub times: &'a dyn Fn(Option<i64>) -> Option<f64>,
}

/// What is plotted. Borrowed: nothing is copied per frame.
#[derive(Clone, Copy)]
pub struct ParetoData<'a> {
    /// Names of all objectives of the bundle.
    pub objectives: &'a [String],
    /// Points in order of arrival.
    pub points: &'a [Arc<PointResult>],
    /// Where they stand on the two or three objectives that are plotted, in the order of `points`.
    pub front: &'a Front,
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
    /// A point's colour: its preference.
    pub color: &'a dyn Fn(&Point) -> Color32,
    /// The first prompt's text at a point, by [`PointResult::index`], where it is known.
    pub text: &'a dyn Fn(usize) -> Option<String>,
    /// The study's sweeps, where it has any.
    pub study: Option<OthersData<'a>>,
}

impl<'a> ParetoData<'a> {
    /// Whether a landmark is the score of a single answer among means over several: not to be compared.
    pub fn is_single(&self, landmark: &Landmark) -> bool {
        let single = landmark.scores.iter().flatten().any(|score| score.n == 1);
        single && self.points.iter().any(|point| point.rows > 1)
    }

    /// The objectives that are plotted, by index.
    pub fn axes(&self) -> &'a [usize] {
        self.front.axes()
    }
}

/// What a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum ParetoAction {
    /// Look at a dot: its texts, its routing. By [`PointResult::index`].
    Select(usize),
    /// Move the point there. By [`PointResult::index`].
    Go(usize),
    /// Look at the plot differently.
    Options(PlotOptions),
    /// Draw a sweep of the study, or no longer.
    Tick(i64, bool),
    /// Choose the prompts that count.
    Split(Option<Split>),
    /// Look at a dot of another sweep, by its name.
    Mark(String),
    /// Compare the sweeps in the study's sheet.
    Compare,
}
