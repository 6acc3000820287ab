//! The field: one objective's measured scores where they were measured, on the segment or the triangle of preferences.
//! What is drawn between the marks, where that is wanted, is paler, and the caption says that nobody measured it.

use paretoscope_core::types::{Preference, Summary};
use serde::{Deserialize, Serialize};

use super::axes::{Axes, Axis, holding};
use super::common::{Objective, Prompts, paragraph};
use super::sheet::{Bar, HAIR, SMALL, Sheet, TEXT};
use super::surface::{BANDS, pieces};
use crate::color::{Map, Paint, Theme};
use crate::error::{Error, Result};
use crate::figure::{Figure, Look};
use crate::fonts;
use crate::glyph::Symbol;
use crate::scene::{Anchor, Fill, Mark, Position, Rect, Shape, Stroke, Text, Weight};
use crate::table::{Column, Kind, Table};
use crate::words;

/// A score where it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its uid in the study, frozen.
    pub uid: String,
    /// Where: one share per corner.
    pub preference: Preference,
    /// The score of [`Field::objective`].
    pub score: Summary,
}

/// What a field is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The figure's title.
    pub title: String,
    /// What the shares of a preference belong to: two or three; the first stands on top.
    pub corners: Vec<Objective>,
    /// Whose scores are drawn.
    pub objective: Objective,
    /// The scores.
    pub samples: Vec<Sample>,
    /// Whether what lies between neighbouring samples is drawn, linear from one to the next.
    #[serde(default)]
    pub surface: bool,
    /// What scores are means over.
    pub prompts: Prompts,
    /// Further sentences of the caption.
    pub notes: Vec<String>,
    /// Where the numbers come from, for the file beside the figure.
    pub facts: Vec<(String, String)>,
}

impl Field {
    /// Draws it: dots on the triangle of three corners, or scores over the share of the first of two.
    pub fn draw(&self, look: &Look) -> Result<Figure> {
        let corners = self.corners.len();
        if !(2..=3).contains(&corners) {
            return Err(Error::Count {
                what: "corners of a field (two or three are drawn)".to_owned(),
                got: corners,
                wanted: corners.clamp(2, 3),
            });
        }
        for sample in &self.samples {
            let shares = sample.preference.as_slice().len();
            if shares != corners {
                return Err(Error::Count {
                    what: format!("shares of `{}`", sample.uid),
                    got: shares,
                    wanted: corners,
                });
            }
        }
        let placed: Vec<&Sample> = self
            .samples
            .iter()
            .filter(|sample| sample.score.compared().is_finite())
            .collect();
        if placed.is_empty() {
            return Err(Error::Empty {
                what: format!("no finite score of {}", self.objective.name),
            });
        }
        let mut sheet = Sheet::new(look)?;
        if corners == 3 {
            self.triangle(&mut sheet, &placed, look.theme);
        } else {
            self.segment(&mut sheet, &placed);
        }
        let caption = self.caption(self.samples.len() - placed.len());
        sheet.caption(&caption);
        Ok(Figure {
            kind: "field",
            scene: sheet.finish(&self.title, &caption),
            theme: look.theme,
            caption,
            data: self.table()?,
            facts: self.facts.clone(),
        })
    }

    fn triangle(&self, sheet: &mut Sheet, placed: &[&Sample], theme: Theme) {
        const TALL: f64 = 0.866_025_403_784_438_6;
        let [low, high] = holding(placed.iter().map(|sample| sample.score.mean));
        let map = Map::Magnitude;
        let bar = Bar {
            map: &map,
            range: [low, high],
        };
        sheet.bar(&self.objective.titles()[1], &bar);
        let (_, width) = sheet.inside();
        let side = (width - 16.0).min(100.0);
        let room = sheet.take(side * TALL + 2.0 * (TEXT + 2.0));
        let top = room.y + TEXT + 2.0;
        let [middle, _] = room.centre();
        let corners = [
            [middle, top],
            [middle - side / 2.0, top + side * TALL],
            [middle + side / 2.0, top + side * TALL],
        ];
        if self.surface {
            let range = [low, high];
            sheet
                .marks
                .push(between_dots(corners, placed, range, theme));
        }
        sheet.marks.push(self.ternary_grid(corners));
        let radius = dot_radius(side, placed.len());
        let dots = placed.iter().map(|sample| {
            let at = between(corners, sample.preference.as_slice());
            let part = (sample.score.mean - low) / (high - low);
            let fill = Some(Fill::of(Paint::Is(map.at(part))));
            let edge = Some(Stroke::of(Paint::Outline, 0.14));
            Mark::symbol(Symbol::Circle, at, radius, fill, edge)
                .uid(&sample.uid)
                .title(self.words(sample))
        });
        let dots = Mark::group("dots", dots.collect());
        sheet.marks.push(dots);
    }

    /// Edges, lines at quarters, names at corners.
    fn ternary_grid(&self, corners: [Position; 3]) -> Mark {
        let thin = Stroke::of(Paint::Line, HAIR);
        let mut marks = Vec::new();
        for quarter in 1..4 {
            let share = f64::from(quarter) / 4.0;
            for corner in 0..3 {
                let mut from = [0.0; 3];
                let mut to = [0.0; 3];
                from[corner] = share;
                to[corner] = share;
                from[(corner + 1) % 3] = 1.0 - share;
                to[(corner + 2) % 3] = 1.0 - share;
                let ends = [between(corners, &from), between(corners, &to)];
                marks.push(Mark::line(ends, thin));
            }
        }
        let ring = [corners[0], corners[1], corners[2], corners[0]];
        marks.push(Mark::line(ring, Stroke::of(Paint::Ink, 0.2)));
        let names = self.corners.iter().zip(corners).enumerate();
        for (index, (corner, [x, y])) in names {
            let below = if index == 0 { -2.5 } else { TEXT + 1.4 };
            let words = format!("100 % {}", corner.name);
            let half = fonts::width(&words, TEXT, Weight::Regular) / 2.0;
            // The lower corners' names stay on the sheet.
            let x = x + match index {
                1 => (half - 8.0).max(0.0),
                2 => -(half - 8.0).max(0.0),
                _ => 0.0,
            };
            let text = Text::new([x, y + below], words, TEXT).anchor(Anchor::Middle);
            marks.push(text.into());
        }
        Mark::group("triangle", marks)
    }

    fn segment(&self, sheet: &mut Sheet, placed: &[&Sample]) {
        let (_, width) = sheet.inside();
        let room = sheet.take((width * 0.62).min(90.0));
        let ends = placed.iter().flat_map(|sample| {
            let se = if sample.score.se.is_finite() {
                sample.score.se
            } else {
                0.0
            };
            [sample.score.mean - se, sample.score.mean + se]
        });
        let (first, second) = (&self.corners[0].name, &self.corners[1].name);
        let x = Axis {
            range: [-0.04, 1.04],
            titles: vec![
                format!("share of {first} (the rest is {second})"),
                format!("share of {first}"),
            ],
        };
        let y = Axis {
            range: holding(ends),
            titles: self.objective.titles(),
        };
        let axes = Axes::new(Rect::new(room.x, room.y, room.width, room.height), x, y);
        sheet.marks.push(axes.grid());
        if self.surface {
            let place = |sample: &&Sample| [sample.preference.as_slice()[0], sample.score.mean];
            let mut through: Vec<[f64; 2]> = placed.iter().map(place).collect();
            through.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let places: Vec<Position> = through.into_iter().map(|at| axes.place(at)).collect();
            let thin = Stroke::of(Paint::Thin(self.objective.rgb()), 0.2).faint(0.6);
            let line = Mark::line(places, thin.dashed([0.9, 0.7]));
            sheet.marks.push(Mark::group("surface", vec![line]));
        }
        let dots = placed.iter().map(|sample| {
            let share = sample.preference.as_slice()[0];
            let at = |y| axes.place([share, y]);
            let (mean, se) = (sample.score.mean, sample.score.se);
            let stroke = Stroke::of(Paint::Weak, 0.16).faint(0.75);
            let mut parts = Vec::new();
            if se.is_finite() && se > 0.0 {
                parts.push(Mark::line([at(mean - se), at(mean + se)], stroke));
                for end in [mean - se, mean + se] {
                    let [x, y] = at(end);
                    parts.push(Mark::line([[x - 0.45, y], [x + 0.45, y]], stroke));
                }
            }
            let fill = Some(Fill::of(Paint::Is(self.objective.rgb())));
            let edge = Some(Stroke::of(Paint::Outline, 0.16));
            parts.push(Mark::symbol(Symbol::Circle, at(mean), 1.0, fill, edge));
            Mark::group("dot", parts)
                .uid(&sample.uid)
                .title(self.words(sample))
        });
        let dots = Mark::group("dots", dots.collect());
        sheet.marks.push(dots);
        sheet.marks.push(axes.frame());
    }

    /// What a tooltip says.
    fn words(&self, sample: &Sample) -> String {
        let names: Vec<String> = self.corners.iter().map(|c| c.name.clone()).collect();
        let point = paretoscope_core::types::Point::Preference(sample.preference.clone());
        format!(
            "{}\n{} {}",
            words::point(&point, &names),
            self.objective.name,
            words::score(Some(&sample.score))
        )
    }

    fn caption(&self, left_out: usize) -> String {
        let mut sentences = vec![format!(
            "Mean {} ({}) at {}; {}",
            self.objective.name,
            self.objective.unit,
            words::count(self.samples.len() - left_out, "measured point"),
            self.prompts.words()
        )];
        if self.corners.len() == 2 {
            sentences.push("Whiskers: ±1 SE".to_owned());
        }
        if self.surface {
            let looks = if self.corners.len() == 2 {
                "Dashed"
            } else {
                "Pale, without an outline"
            };
            sentences.push(format!(
                "{looks}: interpolated between neighbouring dots, not measured"
            ));
        }
        if left_out > 0 {
            let points = words::count(left_out, "point");
            sentences.push(format!("{points} without a finite score not drawn"));
        }
        sentences.extend(self.notes.iter().cloned());
        paragraph(sentences)
    }

    fn table(&self) -> Result<Table> {
        let corners = self.corners.iter();
        let shares = corners.map(|c| Column::new(format!("at_{}", c.name), Kind::Number));
        let uid = [Column::new("uid", Kind::Text)];
        let score = [Column::new(&self.objective.name, Kind::Estimate)];
        let mut table = Table::new(uid.into_iter().chain(shares).chain(score));
        for sample in &self.samples {
            let mut row = vec![sample.uid.clone().into()];
            row.extend(sample.preference.as_slice().iter().map(|&v| v.into()));
            row.push(sample.score.into());
            table.push(row)?;
        }
        Ok(table)
    }
}

/// What lies between the dots, paler than any of them.
fn between_dots(
    corners: [Position; 3],
    placed: &[&Sample],
    [low, high]: [f64; 2],
    theme: Theme,
) -> Mark {
    /// How far from a dot's colour towards the paper's.
    const PALE: f64 = 0.5;
    let place = |sample: &&Sample| between(corners, sample.preference.as_slice());
    let places: Vec<Position> = placed.iter().map(place).collect();
    let values: Vec<f64> = placed.iter().map(|sample| sample.score.mean).collect();
    let card = theme.color(Paint::Card);
    let piece = |piece: crate::plot::surface::Piece| {
        let part = (piece.band as f64 + 0.5) / BANDS as f64;
        let paint = Paint::Is(Map::Magnitude.at(part).towards(card, PALE));
        Mark::of(Shape::Area {
            places: piece.corners,
            fill: Some(Fill::of(paint)),
            // No hairline of paper between neighbours.
            stroke: Some(Stroke::of(paint, 0.08)),
        })
    };
    let pieces = pieces(&places, &values, [low, high]);
    Mark::group("surface", pieces.into_iter().map(piece).collect())
}

/// Dots as large as their number leaves room for, in mm.
fn dot_radius(side: f64, count: usize) -> f64 {
    let spacing = side / (2.0 * count as f64).sqrt();
    (spacing * 0.32).clamp(0.35, 0.62 * SMALL)
}

/// The place of shares between corners.
fn between(corners: [Position; 3], shares: &[f64]) -> Position {
    let sum: f64 = shares.iter().sum();
    let mut at = [0.0; 2];
    for (corner, share) in corners.iter().zip(shares) {
        at[0] += corner[0] * share / sum;
        at[1] += corner[1] * share / sum;
    }
    at
}
