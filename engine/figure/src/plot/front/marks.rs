//! The marks of one plot: lines behind, then whiskers and dots, the front on top, landmarks above all.

use super::{Dot, Front, Landmark, LandmarkKind, Series, Standing};
use crate::color::{Paint, Rgb, category};
use crate::glyph::Symbol;
use crate::plot::axes::Axes;
use crate::plot::common::{error, placed};
use crate::plot::sheet::DROP;
use crate::plot::stairs::{pair_front, stairs};
use crate::scene::{Anchor, Fill, Mark, Position, Stroke, Text};

/// Shapes of bundles where there are several, and of methods where colours come again; the pentagon and the star are taken.
const SHAPES: [Symbol; 4] = [Symbol::Diamond, Symbol::Square, Symbol::Up, Symbol::Down];

/// Dash and gap of a line whose colour comes again, in mm.
const DASH: [f64; 2] = [1.2, 0.7];

/// Above so many points only the front keeps its whiskers: more cannot be told apart.
pub(super) const WHISKERS_FOR_ALL: usize = 150;

/// Above so many points dominated ones get smaller and paler, so that a cloud of them shows where it is dense.
const MANY: usize = 1000;

/// Radius of a circle on the front, in mm; other shapes are evened to it.
const FRONT: f64 = 1.15;
/// Radius of a dominated one.
const DOMINATED: f64 = 0.8;

/// How a dot is marked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marker {
    pub(super) standing: Standing,
    pub(super) extrapolated: bool,
    /// `None` where shapes say nothing of bundle or method: ◆ on the front, ○ or □ off it.
    pub(super) shape: Option<usize>,
    pub(super) color: Rgb,
    /// Whether it is one of very many.
    pub(super) many: bool,
}

impl Marker {
    /// Filled on the front, hollow off it and where membership is uncertain.
    pub(super) fn draw(self, at: Position) -> Vec<Mark> {
        let front = self.shape.map_or(Symbol::Diamond, symbol);
        let thin = Paint::Thin(self.color);
        let radius = FRONT * front.evened();
        let mut marks = Vec::new();
        match self.standing {
            Standing::Front => {
                let edge = Stroke::of(Paint::Outline, 0.16);
                let fill = Fill::of(Paint::Is(self.color));
                marks.push(Mark::symbol(front, at, radius, Some(fill), Some(edge)));
            }
            Standing::Uncertain => {
                let edge = Stroke::of(thin, 0.36).faint(0.85);
                marks.push(Mark::symbol(front, at, radius * 0.92, None, Some(edge)));
            }
            Standing::Dominated => {
                let symbol = match self.shape {
                    Some(shape) => symbol(shape),
                    None if self.extrapolated => Symbol::Square,
                    None => Symbol::Circle,
                };
                let edge = if self.many {
                    Stroke::of(thin, 0.18).faint(0.4)
                } else {
                    Stroke::of(thin, 0.26).faint(0.8)
                };
                let radius = DOMINATED * symbol.evened() * if self.many { 0.6 } else { 1.0 };
                marks.push(Mark::symbol(symbol, at, radius, None, Some(edge)));
            }
        }
        if self.extrapolated && (self.standing.is_front() || self.shape.is_some()) {
            let halo = Stroke::of(thin, 0.2);
            let radius = radius * if self.standing.is_front() { 1.45 } else { 1.1 };
            marks.push(Mark::symbol(front, at, radius, None, Some(halo)));
        }
        marks
    }
}

fn symbol(shape: usize) -> Symbol {
    SHAPES[shape % SHAPES.len()]
}

/// The line of a series that has its own colour; in dashes where that is the colour of one before.
pub(super) fn colored(series: &Series, width: f64) -> Stroke {
    let line = Stroke::of(Paint::Thin(category(series.color)), width);
    if series.round() > 0 {
        line.dashed(DASH)
    } else {
        line
    }
}

impl LandmarkKind {
    pub(super) const ALL: [Self; 3] = [Self::Base, Self::Pinned, Self::Current];

    /// Its name in the legend and in tooltips.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Base => "base model",
            Self::Pinned => "pinned (B)",
            Self::Current => "current (A)",
        }
    }

    /// ⬠ for the base model, a B in a circle, an A in a star; hollow where it is the score of a `single` answer.
    pub(super) fn draw(self, at: Position, single: bool) -> Vec<Mark> {
        let filled = |symbol, radius, paint, letter: &str, drop| {
            let (fill, edge, ink) = if single {
                (Paint::Card, Stroke::of(paint, 0.36), paint)
            } else {
                (paint, Stroke::of(Paint::Card, 0.3), Paint::Card)
            };
            let marker = Mark::symbol(symbol, at, radius, Some(Fill::of(fill)), Some(edge));
            let text = Text::new([at[0], at[1] + drop], letter, 2.0).strong();
            vec![marker, text.anchor(Anchor::Middle).paint(ink).into()]
        };
        match self {
            Self::Base => {
                let fill = Some(Fill::of(Paint::Card));
                let edge = Some(Stroke::of(Paint::Ink, 0.36));
                vec![Mark::symbol(Symbol::Pentagon, at, 1.55, fill, edge)]
            }
            Self::Pinned => filled(Symbol::Circle, 1.6, Paint::Pinned, "B", DROP * 2.0),
            Self::Current => filled(Symbol::Star, 2.6, Paint::Accent, "A", DROP * 2.0 + 0.1),
        }
    }
}

/// Draws what is in one plot.
pub(super) struct Painter<'a> {
    front: &'a Front,
    axes: &'a Axes,
    pair: (usize, usize),
    pub(super) marks: Vec<Mark>,
    /// Dots outside the view.
    pub(super) outside: usize,
}

impl<'a> Painter<'a> {
    pub(super) fn new(front: &'a Front, axes: &'a Axes, pair: (usize, usize)) -> Self {
        Self {
            front,
            axes,
            pair,
            marks: Vec::new(),
            outside: 0,
        }
    }

    pub(super) fn paint(&mut self) {
        self.seeds();
        self.lines();
        self.reference();
        self.dots();
        self.landmarks();
    }

    /// Where scores stand in this plot.
    fn numbers(&self, scores: &[Option<paretoscope_core::types::Summary>]) -> Option<[f64; 2]> {
        let place = placed(scores, &self.front.axes)?;
        Some([place[self.pair.0], place[self.pair.1]])
    }

    /// The line of a front in a series' colour, or in ink where there is one series.
    fn stroke(&self, series: &Series, width: f64) -> Stroke {
        if self.front.by_series() {
            colored(series, width)
        } else {
            Stroke::of(Paint::Ink, width).faint(0.75)
        }
    }

    fn line(&self, numbers: &[[f64; 2]], stroke: Stroke) -> Option<Mark> {
        let members: Vec<[f64; 2]> = pair_front(numbers).iter().map(|&i| numbers[i]).collect();
        // One member is a dot, not a line.
        (members.len() > 1).then(|| Mark::line(stairs(self.axes, &members), stroke))
    }

    fn seeds(&mut self) {
        let mut marks = Vec::new();
        for series in &self.front.series {
            for seed in &series.seeds {
                let scores = seed.scores.iter();
                let numbers: Vec<[f64; 2]> =
                    scores.filter_map(|scores| self.numbers(scores)).collect();
                let stroke = self.stroke(series, 0.2).faint(0.35);
                let title = format!("{}, seed {}", series.name, seed.seed);
                let line = self.line(&numbers, stroke);
                marks.extend(line.map(|line| line.title(title)));
                let fill = Some(Fill {
                    paint: stroke.paint,
                    opacity: 0.35,
                });
                let dots = numbers.iter().map(|&numbers| self.axes.place(numbers));
                let dots = dots.filter(|at| self.axes.holds(*at));
                marks.extend(dots.map(|at| Mark::symbol(Symbol::Circle, at, 0.35, fill, None)));
            }
        }
        self.push("seeds", marks);
    }

    fn lines(&mut self) {
        let mut marks = Vec::new();
        for series in &self.front.series {
            let dots = series.dots.iter();
            let numbers: Vec<[f64; 2]> = dots.filter_map(|dot| self.numbers(&dot.scores)).collect();
            marks.extend(self.line(&numbers, self.stroke(series, 0.45)));
        }
        self.push("lines", marks);
    }

    fn reference(&mut self) {
        let Some(reference) = self.front.reference.as_ref() else {
            return;
        };
        let numbers = [reference[self.pair.0], reference[self.pair.1]];
        let at = self.axes.place(numbers);
        if self.axes.holds(at) {
            let mark = reference_mark(at).title(format!(
                "reference point {}, {}",
                crate::words::value(numbers[0]),
                crate::words::value(numbers[1])
            ));
            self.push("reference", vec![mark]);
        }
    }

    fn dots(&mut self) {
        let all = self.front.series.iter().flat_map(|series| {
            let dots = series.dots.iter();
            dots.map(move |dot| (series, dot))
        });
        let mut placed: Vec<(&Series, &Dot, [f64; 2])> = all
            .filter_map(|(series, dot)| Some((series, dot, self.numbers(&dot.scores)?)))
            .collect();
        let every = placed.len() <= WHISKERS_FOR_ALL;
        let many = placed.len() > MANY;
        // The front lies on top, and what may not be on it beneath what is.
        placed.sort_by_key(|(_, dot, _)| match dot.standing {
            Standing::Dominated => 0,
            Standing::Uncertain => 1,
            Standing::Front => 2,
        });
        let mut marks = Vec::new();
        for (series, dot, numbers) in placed {
            let at = self.axes.place(numbers);
            if !self.axes.holds(at) {
                self.outside += 1;
                continue;
            }
            let mut parts = Vec::new();
            if self.front.whiskers && (every || dot.standing.is_front()) {
                self.whiskers(&mut parts, dot, numbers);
            }
            let marker = Marker {
                standing: dot.standing,
                extrapolated: self.front.is_marked_extrapolated(dot),
                shape: self.front.shown_shape(series),
                color: self.front.color(series, dot),
                many,
            };
            parts.extend(marker.draw(at));
            let title = self.front.dot_words(series, dot);
            marks.push(Mark::group("dot", parts).uid(&dot.uid).title(title));
        }
        self.push("dots", marks);
    }

    /// ±1 SE as thin bars with short ends, cut at the frame.
    fn whiskers(&self, marks: &mut Vec<Mark>, dot: &Dot, [x, y]: [f64; 2]) {
        let faint = if dot.standing.is_front() { 0.75 } else { 0.35 };
        let stroke = Stroke::of(Paint::Weak, 0.16).faint(faint);
        let se = |slot: usize| error(&dot.scores, self.front.axes[slot]);
        let (across, up) = (se(self.pair.0), se(self.pair.1));
        const END: f64 = 0.45;
        for (low, high, end) in [
            ([x - across, y], [x + across, y], [0.0, END]),
            ([x, y - up], [x, y + up], [END, 0.0]),
        ] {
            let (from, to) = (self.axes.place(low), self.axes.place(high));
            // Shorter than the marker, it says nothing.
            if (to[0] - from[0]).abs() + (to[1] - from[1]).abs() < 0.4 {
                continue;
            }
            let cut = [self.axes.clamped(from), self.axes.clamped(to)];
            marks.push(Mark::line(cut, stroke));
            for at in [from, to] {
                if self.axes.holds(at) {
                    let ends = [
                        [at[0] - end[0], at[1] - end[1]],
                        [at[0] + end[0], at[1] + end[1]],
                    ];
                    marks.push(Mark::line(ends, stroke));
                }
            }
        }
    }

    fn landmarks(&mut self) {
        let mut landmarks: Vec<&Landmark> = self.front.landmarks.iter().collect();
        landmarks.sort_by_key(|landmark| landmark.kind);
        let mut marks = Vec::new();
        for landmark in landmarks {
            let Some(numbers) = self.numbers(&landmark.scores) else {
                continue;
            };
            let mut lines = vec![landmark.kind.name().to_owned()];
            lines.extend(self.front.score_lines(&landmark.scores));
            let single = self.front.is_single(landmark);
            let parts = landmark.kind.draw(self.axes.place(numbers), single);
            let mut mark = Mark::group("landmark", parts).title(lines.join("\n"));
            mark.uid.clone_from(&landmark.uid);
            marks.push(mark);
        }
        self.push("landmarks", marks);
    }

    fn push(&mut self, name: &str, marks: Vec<Mark>) {
        if !marks.is_empty() {
            self.marks.push(Mark::group(name, marks));
        }
    }
}

/// The frozen reference point.
pub(super) fn reference_mark(at: Position) -> Mark {
    let stroke = Stroke::of(Paint::Ink, 0.3);
    Mark::symbol(Symbol::Cross, at, 1.2, None, Some(stroke))
}
