//! The figures of a training run over its steps.

use std::collections::BTreeSet;

use paretoscope_core::types::TrainStep;
use serde::{Deserialize, Serialize};

use super::axes::{Axes, Axis, holding};
use super::common::{Objective, paragraph};
use super::sheet::{Entry, Sheet};
use crate::color::{Paint, category};
use crate::error::{Error, Result};
use crate::figure::{Figure, Look};
use crate::scene::{Mark, Position, Rect, Stroke};
use crate::table::{Column, Kind, Table};
use crate::words;

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Its name in the legend; curves of one name have one colour.
    pub name: String,
    /// Its category of colour.
    pub color: usize,
    /// Step and number, in order; a number that is not finite breaks the line.
    pub points: Vec<[f64; 2]>,
}

/// Curves over one axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// The axis' title: `loss`, `reward, helpful`.
    pub y: String,
    /// The lines.
    pub curves: Vec<Curve>,
}

/// How many windows long a curve must be to be smoothed.
const MANY: usize = 4;

/// What curves are drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// The figure's title.
    pub title: String,
    /// What the steps are: `step`, `tokens`.
    pub x: String,
    /// The plots, side by side.
    pub panels: Vec<Panel>,
    /// Draws the running mean over so many points, and the points themselves faintly; of curves with four times as
    /// many points at least.
    pub smooth: Option<usize>,
    /// Further sentences of the caption.
    pub notes: Vec<String>,
    /// Where the numbers come from, for the file beside the figure.
    pub facts: Vec<(String, String)>,
}

/// Steps from which on a run's curves are smoothed, and over how many.
const LONG: (usize, usize) = (100, 25);

impl Curves {
    /// The loss of a run and all its other figures: what stands before the first dot of their names is a plot, what
    /// stands behind it a curve of that plot, in the colour of the objective of that name.
    pub fn of(title: &str, steps: &[TrainStep], objectives: &[Objective]) -> Self {
        let mut panels = vec![Panel {
            y: "loss".to_owned(),
            curves: vec![Curve {
                name: "loss".to_owned(),
                color: 4,
                points: steps.iter().map(|s| [s.step as f64, s.loss]).collect(),
            }],
        }];
        let named = steps.iter().flat_map(|step| step.figures.keys());
        for figure in named.collect::<BTreeSet<_>>() {
            let (group, name) = figure.split_once('.').unwrap_or((figure, figure));
            let points = steps.iter().filter_map(|step| {
                let value = step.figures.get(figure)?;
                Some([step.step as f64, *value])
            });
            let curve = Curve {
                name: name.to_owned(),
                color: 0,
                points: points.collect(),
            };
            match panels.iter_mut().find(|panel| panel.y == group) {
                Some(panel) => panel.curves.push(curve),
                None => panels.push(Panel {
                    y: group.to_owned(),
                    curves: vec![curve],
                }),
            }
        }
        // One curve is a curve; of several, each has its colour.
        for panel in &mut panels {
            let several = panel.curves.len() > 1;
            for (index, curve) in panel.curves.iter_mut().enumerate() {
                let objective = objectives.iter().find(|o| o.name == curve.name);
                let other = if several { index } else { 4 };
                curve.color = objective.map_or(other, |objective| objective.color);
            }
        }
        let (long, window) = LONG;
        Self {
            title: title.to_owned(),
            x: "step".to_owned(),
            panels,
            smooth: (steps.len() >= long).then_some(window),
            notes: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Draws it.
    pub fn draw(&self, look: &Look) -> Result<Figure> {
        const GAP: f64 = 2.0;
        let mut points = self
            .panels
            .iter()
            .flat_map(|panel| &panel.curves)
            .flat_map(|curve| &curve.points);
        if !points.any(|point| point.iter().all(|v| v.is_finite())) {
            return Err(Error::Empty {
                what: "no step has a finite number".to_owned(),
            });
        }
        let mut sheet = Sheet::new(look)?;
        sheet.legend(&self.legend());
        let (_, width) = sheet.inside();
        let across = ((width / 50.0) as usize).clamp(1, self.panels.len());
        let each = (width - GAP * (across - 1) as f64) / across as f64;
        let height = (each * if across > 1 { 0.85 } else { 0.62 }).min(90.0);
        for row in self.panels.chunks(across) {
            let room = sheet.take(height);
            for (column, panel) in row.iter().enumerate() {
                let left = room.x + column as f64 * (each + GAP);
                let room = Rect::new(left, room.y, each, height);
                sheet.marks.push(self.panel(room, panel));
            }
        }
        let caption = self.caption();
        sheet.caption(&caption);
        Ok(Figure {
            kind: "curves",
            scene: sheet.finish(&self.title, &caption),
            theme: look.theme,
            caption,
            data: self.table()?,
            facts: self.facts.clone(),
        })
    }

    /// The window of a curve's running mean, where it has one.
    fn window(&self, curve: &Curve) -> Option<usize> {
        let window = self.smooth.filter(|window| *window > 1)?;
        (curve.points.len() / MANY >= window).then_some(window)
    }

    fn panel(&self, room: Rect, panel: &Panel) -> Mark {
        let numbers = |slot: usize| {
            let points = panel.curves.iter().flat_map(|curve| &curve.points);
            let finite = points.filter(|point| point.iter().all(|v| v.is_finite()));
            holding(finite.map(move |point| point[slot]))
        };
        let x = Axis {
            range: numbers(0),
            titles: vec![self.x.clone()],
        };
        let y = Axis {
            range: numbers(1),
            titles: vec![panel.y.clone()],
        };
        let axes = Axes::new(room, x, y);
        let mut marks = vec![axes.grid()];
        for curve in &panel.curves {
            let stroke = Stroke::of(Paint::Thin(category(curve.color)), 0.4);
            let raw = match self.window(curve) {
                Some(_) => Stroke {
                    width: 0.15,
                    opacity: 0.35,
                    ..stroke
                },
                None => stroke,
            };
            let mut parts = lines(&axes, &curve.points, raw);
            if let Some(window) = self.window(curve) {
                parts.extend(lines(&axes, &running_mean(&curve.points, window), stroke));
            }
            marks.push(Mark::group("curve", parts).title(&curve.name));
        }
        marks.push(axes.frame());
        Mark::group("panel", marks).title(&panel.y)
    }

    fn legend(&self) -> Vec<Entry<'_>> {
        let mut named: Vec<&Curve> = Vec::new();
        // A curve that is its plot's only one, under its plot's name, needs no other.
        let plots = self.panels.iter();
        let curves = plots.flat_map(|panel| panel.curves.iter().map(move |curve| (panel, curve)));
        let own =
            |(panel, curve): &(&Panel, &Curve)| panel.curves.len() > 1 || panel.y != curve.name;
        for (_, curve) in curves.filter(own) {
            let same = |known: &&Curve| known.name == curve.name && known.color == curve.color;
            if !named.iter().any(same) {
                named.push(curve);
            }
        }
        if named.len() < 2 {
            return Vec::new();
        }
        let entry = |curve: &Curve| {
            let stroke = Stroke::of(Paint::Thin(category(curve.color)), 0.5);
            Entry::line(&curve.name, stroke)
        };
        named.into_iter().map(entry).collect()
    }

    fn caption(&self) -> String {
        let mut sentences = vec![self.title.clone()];
        let mut curves = self.panels.iter().flat_map(|panel| &panel.curves);
        if let Some(window) = curves.find_map(|curve| self.window(curve)) {
            let points = words::count(window, "point");
            sentences.push(format!(
                "Thick lines amid faint ones: running means over {points}"
            ));
        }
        sentences.extend(self.notes.iter().cloned());
        paragraph(sentences)
    }

    fn table(&self) -> Result<Table> {
        let mut columns = vec![
            Column::new("figure", Kind::Text),
            Column::new("curve", Kind::Text),
        ];
        columns.push(Column::new(&self.x, Kind::Number));
        columns.push(Column::new("value", Kind::Number));
        let mut table = Table::new(columns);
        for panel in &self.panels {
            for curve in &panel.curves {
                for [x, y] in &curve.points {
                    let (panel, curve) = (panel.y.clone(), curve.name.clone());
                    table.push(vec![panel.into(), curve.into(), (*x).into(), (*y).into()])?;
                }
            }
        }
        Ok(table)
    }
}

/// Means over the last `window` finite numbers, at the places of the points; a number that is not finite stays one.
fn running_mean(points: &[[f64; 2]], window: usize) -> Vec<[f64; 2]> {
    let mut last = std::collections::VecDeque::with_capacity(window);
    let mean = |&[x, y]: &[f64; 2]| {
        if !y.is_finite() {
            return [x, y];
        }
        if last.len() == window {
            last.pop_front();
        }
        last.push_back(y);
        [x, last.iter().sum::<f64>() / last.len() as f64]
    };
    points.iter().map(mean).collect()
}

/// Unbroken pieces of a line; a number alone between breaks is a dot as wide as the line.
fn lines(axes: &Axes, points: &[[f64; 2]], stroke: Stroke) -> Vec<Mark> {
    let finite = |point: &[f64; 2]| point.iter().all(|v| v.is_finite());
    points
        .split(|point| !finite(point))
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let places: Vec<Position> = piece.iter().map(|&point| axes.place(point)).collect();
            let mut places = thinned(&places);
            if let [[x, y]] = places[..] {
                let half = stroke.width / 2.0;
                places = vec![[x - half, y], [x + half, y]];
            }
            Mark::line(places, stroke)
        })
        .collect()
}

/// Of the places in a column finer than a line, the first, the lowest, the highest and the last: thousands of steps look
/// as they did, in a file that opens.
fn thinned(places: &[Position]) -> Vec<Position> {
    const COLUMN: f64 = 0.08;
    let column = |place: &Position| (place[0] / COLUMN).floor();
    let mut kept = Vec::new();
    for places in places.chunk_by(|a, b| column(a) == column(b)) {
        let count = places.len();
        let by_height = |a: &usize, b: &usize| places[*a][1].total_cmp(&places[*b][1]);
        let low = (0..count).min_by(by_height).unwrap_or(0);
        let high = (0..count).max_by(by_height).unwrap_or(0);
        let mut of_column = [0, low.min(high), low.max(high), count - 1].to_vec();
        of_column.dedup();
        kept.extend(of_column.into_iter().map(|index| places[index]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mean_looks_back_over_its_window() {
        let points = [[1.0, 2.0], [2.0, 4.0], [3.0, f64::NAN], [4.0, 6.0]];
        let mean = running_mean(&points, 2);
        assert_eq!(mean[0], [1.0, 2.0]);
        assert_eq!(mean[1], [2.0, 3.0]);
        assert!(mean[2][1].is_nan());
        assert_eq!(mean[3], [4.0, 5.0]);
    }

    #[test]
    fn a_run_becomes_a_plot_per_group_of_figures() {
        let step = |step: usize| -> TrainStep {
            serde_json::from_value(serde_json::json!({
                "step": step, "steps": 2, "loss": 1.0 / step as f64, "learning_rate": 1e-3, "gradient_norm": 1.0,
                "tokens_per_second": 5.0, "eta_seconds": 0.0,
                "accuracy": 0.5, "reward.helpful": 1.0, "reward.humor": -1.0,
            }))
            .unwrap()
        };
        let curves = Curves::of(
            "A run",
            &[step(1), step(2)],
            &[Objective {
                name: "humor".to_owned(),
                unit: String::new(),
                color: 2,
            }],
        );
        let names: Vec<(&str, usize)> = curves
            .panels
            .iter()
            .map(|panel| (panel.y.as_str(), panel.curves.len()))
            .collect();
        assert_eq!(names, [("loss", 1), ("accuracy", 1), ("reward", 2)]);
        assert_eq!(curves.panels[0].curves[0].points, [[1.0, 1.0], [2.0, 0.5]]);
        assert_eq!(curves.panels[2].curves[1].color, 2, "humor's own");
        assert_eq!(curves.smooth, None);
        assert_eq!(curves.legend().len(), 2, "helpful and humor");
        curves.draw(&Look::new(Look::PAGE)).unwrap();
    }

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let few = [[0.0, 1.0], [1.0, 2.0], [2.0, 0.0]];
        assert_eq!(thinned(&few), few);
        let many: Vec<Position> = (0..10_000)
            .map(|i| [f64::from(i) / 1000.0, f64::from(i % 97)])
            .collect();
        let kept = thinned(&many);
        assert!(kept.len() <= 4 * 126, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), (many[0], many[9_999]));
        let highest = kept.iter().map(|place| place[1]).fold(0.0, f64::max);
        assert_eq!(highest, 96.0);
    }
}
