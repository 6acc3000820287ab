//! The matrix of gates, in as many bands as the tokens need.

use super::{Gates, Token, lettered, visible};
use crate::color::{Map, Paint, category};
use crate::error::Result;
use crate::figure::{Figure, Look};
use crate::fonts;
use crate::plot::sheet::{Bar, DROP, HAIR, SMALL, Sheet};
use crate::scene::{Anchor, Mark, Rect, Stroke, Text, Weight};

/// Type of tokens, 6 points in mm: they stand upright in narrow columns.
const TINY: f64 = 6.0 * 25.4 / 72.0;
/// Least width of a column.
const NARROWEST: f64 = 2.5;
/// Most width of a column.
const WIDEST: f64 = 6.0;
/// Height of a row.
const ROW: f64 = 3.4;
/// Height of the strip of the loudest experts.
const STRIP: f64 = 2.6;
/// Longest token that is shown in full.
const LONGEST: f64 = 15.0;

/// A scale that holds all gates: shares from 0 to 1, signed gates from −1 to 1, and larger where they are larger.
fn scale(gates: &Gates) -> (Map, f64) {
    let all = || {
        let gates = gates.tokens.iter().flat_map(|token| &token.gates);
        gates.copied().filter(|gate| gate.is_finite())
    };
    let most = all().map(f64::abs).fold(0.0, f64::max);
    let map = if all().any(|gate| gate < 0.0) {
        Map::Diverging
    } else {
        Map::Magnitude
    };
    // A sum of shares may be a rounding above 1.
    (map, if most <= 1.0 + 1e-6 { 1.0 } else { most })
}

fn color(map: Map, most: f64, gate: f64) -> Option<Paint> {
    gate.is_finite().then(|| {
        Paint::Is(match map {
            Map::Magnitude => map.at(gate / most),
            Map::Diverging => map.at(0.5 + 0.5 * gate / most),
        })
    })
}

pub(super) fn draw(gates: &Gates, look: &Look) -> Result<Figure> {
    gates.check()?;
    let mut sheet = Sheet::new(look)?;
    let (map, most) = scale(gates);
    let low = if map == Map::Diverging { -most } else { 0.0 };
    let bar = Bar {
        map: &map,
        range: [low, most],
    };
    sheet.bar("gate", &bar);
    let (_, width) = sheet.inside();
    let names = gates.experts.iter().map(|expert| {
        let room = width * 0.3;
        let name = fonts::fitted(&expert.name, room, SMALL, Weight::Regular);
        (fonts::width(&name, SMALL, Weight::Regular), name)
    });
    let names: Vec<(f64, String)> = names.collect();
    let widest = names.iter().map(|(width, _)| *width).fold(0.0, f64::max);
    // Letter, gap, name, gap.
    let left = 3.0 + 0.8 + widest + 1.2;
    let room = width - left;
    let most_columns = ((room / NARROWEST) as usize).max(1);
    let bands = gates.tokens.len().div_ceil(most_columns);
    let columns = gates.tokens.len().div_ceil(bands);
    let column = (room / columns as f64).min(WIDEST);
    for tokens in gates.tokens.chunks(columns) {
        let band = Band {
            gates,
            tokens,
            names: &names,
            left,
            column,
            map,
            most,
        };
        band.draw(&mut sheet);
    }
    let mut caption = gates.caption("Gates,");
    caption += " Above: the loudest expert of each token.";
    if most > 1.0 {
        caption += &format!(" The scale goes to {}.", crate::words::value(most));
    }
    sheet.caption(&caption);
    Ok(Figure {
        kind: "heatmap",
        scene: sheet.finish(&gates.title, &caption),
        theme: look.theme,
        caption,
        data: gates.table()?,
        facts: gates.facts.clone(),
    })
}

/// A line of tokens with its rows of experts.
struct Band<'a> {
    gates: &'a Gates,
    tokens: &'a [Token],
    /// Names of experts with their widths.
    names: &'a [(f64, String)],
    left: f64,
    column: f64,
    map: Map,
    most: f64,
}

impl Band<'_> {
    fn draw(&self, sheet: &mut Sheet) {
        let labels: Vec<String> = self
            .tokens
            .iter()
            .map(|token| {
                let words = visible(&token.text);
                fonts::fitted(words.trim(), LONGEST, TINY, Weight::Regular)
            })
            .collect();
        let longest = labels
            .iter()
            .map(|label| fonts::width(label, TINY, Weight::Regular))
            .fold(0.0, f64::max);
        let rows = ROW * self.gates.experts.len() as f64;
        let room = sheet.take(STRIP + 0.5 + rows + 0.9 + longest + 2.0);
        let (x, top) = (room.x + self.left, room.y + STRIP + 0.5);
        let mut marks = Vec::new();
        for (index, expert) in self.gates.experts.iter().enumerate() {
            let y = top + ROW * index as f64;
            let swatch = Rect::new(room.x, y + 0.3, ROW - 0.6, ROW - 0.6);
            marks.extend(lettered(swatch, expert.letter, category(expert.color)));
            let at = [room.x + 3.8, y + ROW / 2.0 + DROP * SMALL];
            let name = self.names.get(index).map_or("", |(_, name)| name);
            marks.push(Text::new(at, name, SMALL).into());
        }
        for (index, (token, label)) in self.tokens.iter().zip(labels).enumerate() {
            let at = x + self.column * index as f64;
            let mut parts = self.column(token, at, room.y, top);
            let place = [at + self.column / 2.0 + DROP * TINY, top + rows + 0.9];
            let text = Text::new(place, label, TINY).anchor(Anchor::End);
            parts.push(text.turned(-90.0).into());
            marks.push(Mark::group("token", parts).title(self.gates.words(token)));
        }
        let whole = Rect::new(x, top, self.column * self.tokens.len() as f64, rows);
        marks.push(Mark::framed(whole, Stroke::of(Paint::Ink, HAIR)));
        sheet.marks.push(Mark::group("band", marks));
    }

    /// The gates of a token, from the strip down.
    fn column(&self, token: &Token, x: f64, strip: f64, top: f64) -> Vec<Mark> {
        let mut parts = Vec::new();
        if let Some((color, letter, _)) = self.gates.top(token) {
            let rect = Rect::new(x + 0.06, strip, self.column - 0.12, STRIP);
            parts.extend(lettered(rect, letter, color));
        }
        for (index, gate) in token.gates.iter().enumerate() {
            let y = top + ROW * index as f64;
            let rect = Rect::new(x, y, self.column, ROW);
            let thin = Stroke::of(Paint::Card, 0.1);
            match color(self.map, self.most, *gate) {
                Some(paint) => {
                    let mut mark = Mark::filled(rect, paint);
                    if let crate::scene::Shape::Rect { stroke, .. } = &mut mark.shape {
                        *stroke = Some(thin);
                    }
                    parts.push(mark);
                }
                // What is not finite has no colour: a cross.
                None => {
                    let weak = Stroke::of(Paint::Weak, HAIR);
                    let ends = [[x, y + ROW], [x + self.column, y]];
                    parts.push(Mark::line(ends, weak));
                }
            }
        }
        parts
    }
}
