//! How much adapters depend on each other: layers by pairs, as numbers on colours.

use paretoscope_core::types::{Interference as Measured, Measure};
use serde::{Deserialize, Serialize};

use super::common::paragraph;
use super::sheet::{Bar, DROP, HAIR, SMALL, Sheet};
use crate::color::{Map, Paint};
use crate::error::{Error, Result};
use crate::figure::{Figure, Look};
use crate::fonts;
use crate::scene::{Anchor, Fill, Mark, Rect, Shape, Stroke, Text, Weight};
use crate::table::{Cell, Column, Kind, Table};
use crate::words;

/// What a matrix of interference is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interference {
    /// The figure's title.
    pub title: String,
    /// Names of rows: layers, or adapters.
    pub rows: Vec<String>,
    /// Names of columns: pairs, or adapters.
    pub columns: Vec<String>,
    /// A number per row and column; `None` where there is nothing to compare.
    pub values: Vec<Vec<Option<f64>>>,
    /// The measure's name.
    pub measure: String,
    /// What the ends of the colours stand for: −1 and 1 have a middle, 0 and 1 have none.
    pub range: [f64; 2],
    /// Further sentences of the caption: what the measure means, totals.
    pub notes: Vec<String>,
    /// Where the numbers come from, for the file beside the figure.
    pub facts: Vec<(String, String)>,
}

impl Interference {
    /// Layers by pairs as the engine measured them; what lies within twice the standard deviation of chance is 0.
    pub fn of(title: &str, measured: &Measured) -> Self {
        let pairs = &measured.pairs;
        let name = |index: usize| measured.names.get(index).map_or("?", String::as_str);
        let layers = pairs
            .iter()
            .map(|pair| pair.layers.len())
            .max()
            .unwrap_or(0);
        let value = |layer: usize, pair: &paretoscope_core::types::PairInterference| {
            let value = pair.layers.get(layer).copied().flatten()?;
            let chance = pair.chance.as_ref();
            let deviation = chance.and_then(|c| c.layers.get(layer).copied().flatten());
            let is_chance = deviation.is_some_and(|sd| value.abs() <= 2.0 * sd);
            Some(if is_chance { 0.0 } else { value })
        };
        let values: Vec<Vec<Option<f64>>> = (0..layers)
            .map(|layer| pairs.iter().map(|pair| value(layer, pair)).collect())
            .collect();
        let range = match measured.measure {
            Measure::Cosine => [-1.0, 1.0],
            Measure::HsicNormalised | Measure::HsicUnbiased | Measure::Signs | Measure::Angles => {
                [0.0, 1.0]
            }
            Measure::HsicReleased | Measure::HsicRows => {
                let finite = values.iter().flatten().flatten().filter(|v| v.is_finite());
                let most = finite.copied().fold(0.0, f64::max);
                [0.0, if most > 0.0 { most } else { 1.0 }]
            }
        };
        let totals: Vec<String> = pairs
            .iter()
            .map(|pair| {
                let (a, b) = pair.pair;
                format!("{} · {} {}", name(a), name(b), words::value(pair.total))
            })
            .collect();
        let mut notes = vec![format!("Over all modules: {}", totals.join(", "))];
        if pairs.iter().any(|pair| pair.chance.is_some()) {
            notes.push("Within two standard deviations of chance: drawn as 0".to_owned());
        }
        let columns = pairs.iter().map(|pair| {
            let (a, b) = pair.pair;
            format!("{} · {}", name(a), name(b))
        });
        Self {
            title: title.to_owned(),
            rows: (0..layers).map(|layer| format!("layer {layer}")).collect(),
            columns: columns.collect(),
            values,
            measure: measure_name(measured.measure).to_owned(),
            range,
            notes,
            facts: Vec::new(),
        }
    }

    /// Draws it.
    pub fn draw(&self, look: &Look) -> Result<Figure> {
        self.check()?;
        let mut sheet = Sheet::new(look)?;
        let map = if self.range[0] < 0.0 {
            Map::Diverging
        } else {
            Map::Magnitude
        };
        let bar = Bar {
            map: &map,
            range: self.range,
        };
        sheet.bar(&self.measure, &bar);
        self.matrix(&mut sheet, map);
        let title = [self.title.clone()].into_iter();
        let caption = paragraph(title.chain(self.notes.iter().cloned()));
        sheet.caption(&caption);
        Ok(Figure {
            kind: "interference",
            scene: sheet.finish(&self.title, &caption),
            theme: look.theme,
            caption,
            data: self.table()?,
            facts: self.facts.clone(),
        })
    }

    fn check(&self) -> Result<()> {
        if self.rows.is_empty() || self.columns.is_empty() {
            return Err(Error::Empty {
                what: "no adapters were compared".to_owned(),
            });
        }
        let count = |what: String, got, wanted| {
            if got == wanted {
                Ok(())
            } else {
                Err(Error::Count { what, got, wanted })
            }
        };
        let rows = self.rows.len();
        count("rows of the matrix".to_owned(), self.values.len(), rows)?;
        for (name, row) in self.rows.iter().zip(&self.values) {
            let what = format!("numbers of `{name}`");
            count(what, row.len(), self.columns.len())?;
        }
        let [low, high] = self.range;
        if low < high && (low - high).is_finite() {
            Ok(())
        } else {
            Err(Error::Empty {
                what: format!("the colours' range {low} to {high} is none"),
            })
        }
    }

    fn matrix(&self, sheet: &mut Sheet, map: Map) {
        let (x, width) = sheet.inside();
        let measure = |words: &String| fonts::width(words, SMALL, Weight::Regular);
        let names = self.rows.iter().map(measure).fold(0.0, f64::max);
        let left = names.min(width * 0.3) + 1.4;
        let column = ((width - left) / self.columns.len() as f64).min(24.0);
        let row = (column * 0.6).clamp(2.6, 6.0);
        // Names in two lines where one has no room, upright where two have none.
        let lines: Vec<Vec<String>> = self
            .columns
            .iter()
            .map(|name| fonts::wrapped(name, column - 1.0, SMALL, Weight::Regular))
            .collect();
        let fits = |lines: &Vec<String>| {
            lines.len() <= 3 && lines.iter().all(|line| measure(line) <= column - 0.5)
        };
        let flat = lines.iter().all(fits);
        let below = if flat {
            3.2 * lines.iter().map(Vec::len).max().unwrap_or(1) as f64
        } else {
            self.columns
                .iter()
                .map(measure)
                .fold(0.0, f64::max)
                .min(30.0)
        };
        let rows = row * self.rows.len() as f64;
        let room = sheet.take(rows + 1.2 + below + 1.5);
        let mut marks = Vec::new();
        for (index, (name, values)) in self.rows.iter().zip(&self.values).enumerate() {
            let y = room.y + row * index as f64;
            let name = fonts::fitted(name, left - 1.4, SMALL, Weight::Regular);
            let at = [x + left - 1.2, y + row / 2.0 + DROP * SMALL];
            marks.push(Text::new(at, name, SMALL).anchor(Anchor::End).into());
            for (slot, value) in values.iter().enumerate() {
                let rect = Rect::new(x + left + column * slot as f64, y, column, row);
                marks.push(self.cell(rect, *value, map, index, slot));
            }
        }
        let whole = Rect::new(x + left, room.y, column * self.columns.len() as f64, rows);
        marks.push(Mark::framed(whole, Stroke::of(Paint::Ink, HAIR)));
        for (index, (name, lines)) in self.columns.iter().zip(lines).enumerate() {
            let middle = x + left + column * (index as f64 + 0.5);
            let top = room.y + rows + 1.2;
            if flat {
                for (number, line) in lines.into_iter().enumerate() {
                    let at = [middle, top + 3.0 * number as f64 + 0.75 * SMALL];
                    marks.push(Text::new(at, line, SMALL).anchor(Anchor::Middle).into());
                }
            } else {
                let name = fonts::fitted(name, 30.0, SMALL, Weight::Regular);
                let at = [middle + DROP * SMALL, top];
                let text = Text::new(at, name, SMALL).anchor(Anchor::End);
                marks.push(text.turned(-90.0).into());
            }
        }
        sheet.marks.push(Mark::group("matrix", marks));
    }

    /// A number on its colour; a line across where there is none.
    fn cell(&self, rect: Rect, value: Option<f64>, map: Map, row: usize, slot: usize) -> Mark {
        let [low, high] = self.range;
        let name = format!("{}, {}", self.rows[row], self.columns[slot]);
        let finite = value.filter(|v| v.is_finite());
        let mut parts = Vec::new();
        let Some(value) = finite else {
            let ends = [[rect.x, rect.bottom()], [rect.right(), rect.y]];
            let stroke = Stroke::of(Paint::Line, HAIR);
            parts.push(Mark::line(ends, stroke));
            let why = if value.is_some() {
                "not finite"
            } else {
                "no module in common"
            };
            return Mark::group("cell", parts).title(format!("{name}: {why}"));
        };
        let color = map.at((value - low) / (high - low));
        parts.push(Mark::of(Shape::Rect {
            rect,
            fill: Some(Fill::of(Paint::Is(color))),
            stroke: Some(Stroke::of(Paint::Card, 0.12)),
        }));
        let words = format!("{value:.2}").replace('-', "−");
        let words = words
            .strip_prefix('−')
            .filter(|w| *w == "0.00")
            .map_or(words.clone(), str::to_owned);
        let wide = fonts::width(&words, SMALL, Weight::Regular);
        if wide + 0.8 <= rect.width && rect.height >= SMALL {
            let [x, y] = rect.centre();
            let text = Text::new([x, y + DROP * SMALL], words, SMALL);
            let text = text.anchor(Anchor::Middle).paint(Paint::Is(color.ink()));
            parts.push(text.into());
        }
        Mark::group("cell", parts).title(format!("{name}: {}", words::value(value)))
    }

    fn table(&self) -> Result<Table> {
        let columns = self.columns.iter();
        let columns = columns.map(|name| Column::new(name, Kind::Number));
        let mut table = Table::new([Column::new("row", Kind::Text)].into_iter().chain(columns));
        for (name, values) in self.rows.iter().zip(&self.values) {
            let mut row: Vec<Cell> = vec![name.clone().into()];
            row.extend(values.iter().map(|&value| value.into()));
            table.push(row)?;
        }
        Ok(table)
    }
}

fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Cosine => "cosine",
        Measure::HsicNormalised => "HSIC, normalised",
        Measure::HsicUnbiased => "HSIC, unbiased",
        Measure::HsicRows => "HSIC of rows",
        Measure::HsicReleased => "HSIC as released",
        Measure::Signs => "sign agreement",
        Measure::Angles => "principal angles",
    }
}
