//! A plot's frame: two axes with round numbers and titles, and what of the plane they show.

use super::sheet::{DROP, HAIR, SMALL, TEXT};
use crate::color::Paint;
use crate::fonts;
use crate::scene::{Anchor, Mark, Position, Rect, Stroke, Text, Weight};
use crate::ticks::{Ticks, ticks};

/// One axis.
pub(super) struct Axis {
    /// Ends, low and high, different.
    pub(super) range: [f64; 2],
    /// Its title, the longest first: the first that has room is taken.
    pub(super) titles: Vec<String>,
}

/// Beyond this numbers have no room for a margin around them.
const MOST: f64 = 1e300;

/// Share of the range left free on each side.
const MARGIN: f64 = 0.08;

/// A range that holds all finite numbers with a margin; where there is one number or none, a range around it.
pub(super) fn holding(values: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let finite = values.into_iter().filter(|v| v.is_finite());
    let finite = finite.map(|v| v.clamp(-MOST, MOST));
    let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| {
        [low.min(v), high.max(v)]
    });
    if low > high {
        return [0.0, 1.0];
    }
    let span = high - low;
    // So large that their span is none, or so alike that nothing lies between: a range around them all the same.
    let margin = if span.is_finite() && span > 1e-9 * low.abs().max(high.abs()) {
        span * MARGIN
    } else {
        (low.abs() * 0.1).max(0.5)
    };
    [(low - margin).max(-MOST), (high + margin).min(MOST)]
}

/// A frame with its axes.
pub(super) struct Axes {
    /// Inside the axes.
    pub(super) rect: Rect,
    x: Axis,
    y: Axis,
    x_ticks: Ticks,
    y_ticks: Ticks,
}

impl Axes {
    /// Axes that with their numbers and titles fill `room`.
    pub(super) fn new(room: Rect, x: Axis, y: Axis) -> Self {
        let below = 1.2 + SMALL + 0.6 + TEXT * 1.15;
        let height = room.height - below - 1.2;
        let most = ((height / 7.5) as usize).clamp(2, 9);
        let y_ticks = ticks(y.range[0], y.range[1], most);
        let widest = y_ticks
            .labels
            .iter()
            .map(|label| fonts::width(label, SMALL, Weight::Regular))
            .fold(0.0, f64::max);
        let left = TEXT * 1.15 + 0.8 + widest + 1.3;
        let width = room.width - left - 1.6;
        let mut most = ((width / 9.0) as usize).clamp(2, 11);
        let mut x_ticks = ticks(x.range[0], x.range[1], most);
        // Long numbers need more room than was thought.
        while most > 2 {
            let words: f64 = x_ticks
                .labels
                .iter()
                .map(|label| fonts::width(label, SMALL, Weight::Regular) + 2.5)
                .sum();
            if words <= width {
                break;
            }
            most -= 1;
            x_ticks = ticks(x.range[0], x.range[1], most);
        }
        Self {
            rect: Rect::new(room.x + left, room.y + 1.2, width, height),
            x,
            y,
            x_ticks,
            y_ticks,
        }
    }

    /// Where numbers stand on the sheet.
    pub(super) fn place(&self, [x, y]: [f64; 2]) -> Position {
        let part = |range: [f64; 2], v: f64| (v - range[0]) / (range[1] - range[0]);
        [
            self.rect.x + self.rect.width * part(self.x.range, x),
            self.rect.bottom() - self.rect.height * part(self.y.range, y),
        ]
    }

    /// A place moved to the edge, where it lies outside.
    pub(super) fn clamped(&self, [x, y]: Position) -> Position {
        [
            x.clamp(self.rect.x, self.rect.right()),
            y.clamp(self.rect.y, self.rect.bottom()),
        ]
    }

    /// Whether a place lies inside.
    pub(super) fn holds(&self, [x, y]: Position) -> bool {
        (self.rect.x..=self.rect.right()).contains(&x)
            && (self.rect.y..=self.rect.bottom()).contains(&y)
    }

    /// Lines at the round numbers, behind the data.
    pub(super) fn grid(&self) -> Mark {
        let stroke = Stroke::of(Paint::Line, HAIR).faint(0.7);
        let Rect { x, y, .. } = self.rect;
        let (right, bottom) = (self.rect.right(), self.rect.bottom());
        let mut marks = Vec::new();
        for value in &self.x_ticks.values {
            let [at, _] = self.place([*value, self.y.range[0]]);
            marks.push(Mark::line([[at, y], [at, bottom]], stroke));
        }
        for value in &self.y_ticks.values {
            let [_, at] = self.place([self.x.range[0], *value]);
            marks.push(Mark::line([[x, at], [right, at]], stroke));
        }
        Mark::group("grid", marks)
    }

    /// Edges, numbers and titles.
    pub(super) fn frame(&self) -> Mark {
        let ink = Stroke::of(Paint::Ink, 0.2);
        let Rect { x, y, .. } = self.rect;
        let (right, bottom) = (self.rect.right(), self.rect.bottom());
        let mut marks = vec![Mark::line([[x, y], [x, bottom], [right, bottom]], ink)];
        for (value, label) in self.x_ticks.values.iter().zip(&self.x_ticks.labels) {
            let [at, _] = self.place([*value, self.y.range[0]]);
            marks.push(Mark::line([[at, bottom], [at, bottom + 0.8]], ink));
            let place = [at, bottom + 1.2 + 0.8 * SMALL];
            let text = Text::new(place, label, SMALL).anchor(Anchor::Middle);
            marks.push(text.into());
        }
        for (value, label) in self.y_ticks.values.iter().zip(&self.y_ticks.labels) {
            let [_, at] = self.place([self.x.range[0], *value]);
            marks.push(Mark::line([[x - 0.8, at], [x, at]], ink));
            let place = [x - 1.3, at + DROP * SMALL];
            marks.push(Text::new(place, label, SMALL).anchor(Anchor::End).into());
        }
        let [centre_x, centre_y] = self.rect.centre();
        let title = titled(&self.x.titles, self.rect.width);
        let at = [centre_x, bottom + 1.2 + SMALL + 0.6 + 0.8 * TEXT];
        marks.push(Text::new(at, title, TEXT).anchor(Anchor::Middle).into());
        let title = titled(&self.y.titles, self.rect.height);
        let widest = self
            .y_ticks
            .labels
            .iter()
            .map(|label| fonts::width(label, SMALL, Weight::Regular))
            .fold(0.0, f64::max);
        let at = [x - 1.3 - widest - 0.8 - 0.3 * TEXT, centre_y];
        let text = Text::new(at, title, TEXT).anchor(Anchor::Middle);
        marks.push(text.turned(-90.0).into());
        Mark::group("axes", marks)
    }
}

/// The first title that has room, or what of the last has.
fn titled(titles: &[String], room: f64) -> String {
    let fits = |title: &&String| fonts::width(title, TEXT, Weight::Regular) <= room;
    match titles.iter().find(fits) {
        Some(title) => title.clone(),
        None => {
            let last = titles.last().map_or("", String::as_str);
            fonts::fitted(last, room, TEXT, Weight::Regular)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_the_numbers_are_they_have_places(
            numbers in prop::collection::vec(prop_oneof![any::<f64>(), -2.0_f64..2.0], 0..6),
        ) {
            let range = holding(numbers.iter().copied());
            prop_assert!(range[0] < range[1]);
            let axis = || Axis {
                range,
                titles: vec!["a title that is too long for any of the axes here".to_owned()],
            };
            let axes = Axes::new(Rect::new(0.0, 0.0, 40.0, 30.0), axis(), axis());
            for number in numbers.into_iter().filter(|v| v.is_finite() && v.abs() < 1e300) {
                prop_assert!((range[0]..=range[1]).contains(&number));
                let place = axes.place([number, number]);
                prop_assert!(axes.holds(axes.clamped(place)), "{number} at {place:?}");
            }
        }
    }
}
