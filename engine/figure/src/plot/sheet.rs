//! A sheet of a width that fills from the top: legend, plots, caption.

use crate::color::Paint;
use crate::error::Result;
use crate::figure::Look;
use crate::fonts;
use crate::scene::{Anchor, Mark, Position, Rect, Scene, Shape, Stroke, Text, Weight};

/// Type of 8 points, in mm: titles of axes, names.
pub(super) const TEXT: f64 = 8.0 * 25.4 / 72.0;
/// Type of 7 points, in mm: ticks, legends, captions.
pub(super) const SMALL: f64 = 7.0 * 25.4 / 72.0;
/// A hairline, in mm.
pub(super) const HAIR: f64 = 0.15;
/// Half the height of small letters, of the em: from a middle down to the base line.
pub(super) const DROP: f64 = 0.34;

/// An entry of a legend.
pub(super) struct Entry<'a> {
    /// How wide its sample is, in mm.
    width: f64,
    words: String,
    /// Draws the sample around a centre.
    sample: Box<dyn Fn(Position) -> Vec<Mark> + 'a>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        width: f64,
        words: impl Into<String>,
        sample: impl Fn(Position) -> Vec<Mark> + 'a,
    ) -> Self {
        Self {
            width,
            words: words.into(),
            sample: Box::new(sample),
        }
    }

    /// A square of a colour.
    pub(super) fn swatch(words: impl Into<String>, paint: Paint) -> Self {
        Self::new(2.4, words, move |[x, y]| {
            vec![Mark::filled(Rect::new(x - 1.0, y - 1.0, 2.0, 2.0), paint)]
        })
    }

    /// A piece of line.
    pub(super) fn line(words: impl Into<String>, stroke: Stroke) -> Self {
        Self::new(6.0, words, move |[x, y]| {
            vec![Mark::line([[x - 2.8, y], [x + 2.8, y]], stroke)]
        })
    }

    /// Words without a sample, which say what the next entries are.
    pub(super) fn heading(words: impl Into<String>) -> Self {
        Self::new(0.0, words, |_| Vec::new())
    }

    fn is_heading(&self) -> bool {
        self.width == 0.0
    }

    /// Between its sample and its words.
    fn gap(&self) -> f64 {
        if self.is_heading() { 0.0 } else { 1.0 }
    }

    /// How wide it is, in mm.
    fn room(&self) -> f64 {
        self.width + self.gap() + fonts::width(&self.words, SMALL, Weight::Regular)
    }
}

/// A sheet.
pub(super) struct Sheet {
    pub(super) width: f64,
    /// How far down it is filled.
    pub(super) y: f64,
    pub(super) marks: Vec<Mark>,
    caption: bool,
}

/// Free room at all four edges.
const EDGE: f64 = 1.0;

impl Sheet {
    pub(super) fn new(look: &Look) -> Result<Self> {
        Ok(Self {
            width: look.checked()?,
            y: EDGE,
            marks: Vec::new(),
            caption: look.caption,
        })
    }

    /// The left edge of what is drawn, and how wide it is.
    pub(super) fn inside(&self) -> (f64, f64) {
        (EDGE, self.width - 2.0 * EDGE)
    }

    /// Takes room of a height.
    pub(super) fn take(&mut self, height: f64) -> Rect {
        let (x, width) = self.inside();
        let rect = Rect::new(x, self.y, width, height);
        self.y += height;
        rect
    }

    /// Entries from left to right, in as many lines as they need.
    pub(super) fn legend(&mut self, entries: &[Entry<'_>]) {
        const LINE: f64 = 3.9;
        const BETWEEN: f64 = 3.2;
        let (left, width) = self.inside();
        let mut marks = Vec::new();
        let (mut x, mut rows) = (left, 0);
        for (index, entry) in entries.iter().enumerate() {
            let gap = entry.gap();
            let room = width - entry.width - gap;
            let words = fonts::fitted(&entry.words, room, SMALL, Weight::Regular);
            let text = fonts::width(&words, SMALL, Weight::Regular);
            let all = entry.width + gap + text;
            // What stands under a heading stays with it, where a line has room for all.
            let group = if entry.is_heading() {
                let members = entries[index + 1..].iter().take_while(|e| !e.is_heading());
                all + members.map(|e| e.room() + BETWEEN).sum::<f64>()
            } else {
                all
            };
            let right = left + width + 1e-6;
            let wraps = x + all > right || (x + group > right && left + group <= right);
            if rows == 0 {
                rows = 1;
            } else if wraps {
                rows += 1;
                x = left;
            }
            let middle = self.y + (f64::from(rows) - 0.5) * LINE;
            marks.extend((entry.sample)([x + entry.width / 2.0, middle]));
            let at = [x + entry.width + gap, middle + DROP * SMALL];
            let (paint, after) = if entry.is_heading() {
                (Paint::Weak, BETWEEN / 2.0)
            } else {
                (Paint::Ink, BETWEEN)
            };
            marks.push(Text::new(at, words, SMALL).paint(paint).into());
            x += all + after;
        }
        self.y += f64::from(rows) * LINE + 1.2;
        self.marks.push(Mark::group("legend", marks));
    }

    /// A scale of colours with its numbers, at the right of a line of its own.
    pub(super) fn bar(&mut self, words: &str, bar: &Bar<'_>) {
        const LINE: f64 = 7.2;
        let (left, width) = self.inside();
        let long = (width * 0.5).min(46.0);
        let label = fonts::fitted(words, width - long - 6.0, SMALL, Weight::Regular);
        let text = fonts::width(&label, SMALL, Weight::Regular);
        let x = left + text + 4.0;
        let mut marks = vec![Text::new([left, self.y + 2.4], label, SMALL).into()];
        const STEPS: usize = 48;
        let step = long / STEPS as f64;
        for i in 0..STEPS {
            let part = (i as f64 + 0.5) / STEPS as f64;
            // A little over the next, so that no line shows between.
            let wide = if i + 1 == STEPS { step } else { step + 0.1 };
            let rect = Rect::new(x + i as f64 * step, self.y, wide, 2.8);
            marks.push(Mark::filled(rect, Paint::Is(bar.map.at(part))));
        }
        let [low, high] = bar.range;
        let ticks = crate::ticks::ticks(low, high, 5);
        for (value, label) in ticks.values.iter().zip(ticks.labels) {
            let at = x + long * (value - low) / (high - low);
            let stroke = Stroke::of(Paint::Ink, HAIR);
            marks.push(Mark::line([[at, self.y + 2.8], [at, self.y + 3.5]], stroke));
            let place = [at, self.y + 3.9 + 0.7 * SMALL];
            let text = Text::new(place, label, SMALL).anchor(Anchor::Middle);
            marks.push(text.into());
        }
        self.y += LINE;
        self.marks.push(Mark::group("scale", marks));
    }

    /// A paragraph beneath everything, where one is wanted.
    pub(super) fn caption(&mut self, caption: &str) {
        const LINE: f64 = 3.1;
        if !self.caption || caption.is_empty() {
            return;
        }
        self.y += 1.0;
        let (left, width) = self.inside();
        let lines = fonts::wrapped(caption, width, SMALL, Weight::Regular);
        let mut marks = Vec::new();
        for line in lines {
            self.y += LINE;
            let at = [left, self.y - 0.25 * LINE];
            marks.push(Text::new(at, line, SMALL).paint(Paint::Weak).into());
        }
        self.marks.push(Mark::group("caption", marks));
    }

    /// The scene, as high as it is filled.
    pub(super) fn finish(self, title: &str, description: &str) -> Scene {
        let marks = self
            .marks
            .into_iter()
            .filter(|mark| !matches!(&mark.shape, Shape::Group { marks, .. } if marks.is_empty()));
        Scene {
            width: self.width,
            height: self.y + EDGE,
            title: title.to_owned(),
            description: description.to_owned(),
            marks: marks.collect(),
        }
    }
}

/// A scale of colours.
pub(super) struct Bar<'a> {
    pub(super) map: &'a crate::color::Map,
    /// What its ends stand for.
    pub(super) range: [f64; 2],
}
