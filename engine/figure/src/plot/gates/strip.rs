//! The token strip.

use super::{Gates, Token, shares, visible};
use crate::color::{Paint, category};
use crate::error::Result;
use crate::figure::{Figure, Look};
use crate::fonts;
use crate::plot::sheet::{Sheet, TEXT};
use crate::scene::{Anchor, Fill, Mark, Position, Rect, Shape, Text, Weight};

/// Height of the ground of a text.
const GROUND: f64 = 4.0;
/// Height of the bar of shares under it.
const BAR: f64 = 2.0;
/// From one line of text to the next.
const LINE: f64 = GROUND + BAR + 1.3;

pub(super) fn draw(gates: &Gates, look: &Look) -> Result<Figure> {
    gates.check()?;
    let mut sheet = Sheet::new(look)?;
    sheet.legend(&gates.legend());
    let (left, width) = sheet.inside();
    let (mut x, mut y) = (left, sheet.y);
    let mut marks = Vec::new();
    for token in &gates.tokens {
        let breaks = token.text.contains('\n');
        let words = visible(&token.text);
        let wide = fonts::width(&words, TEXT, Weight::Regular).max(1.2);
        if x > left && x + wide > left + width {
            x = left;
            y += LINE;
        }
        let wide = wide.min(width);
        marks.push(cell(gates, token, &words, [x, y], wide));
        x += wide;
        if breaks {
            x = left;
            y += LINE;
        }
    }
    sheet.marks.push(Mark::group("tokens", marks));
    sheet.y = if x > left { y + LINE } else { y };
    let caption = gates.caption("Shares of the gates,");
    sheet.caption(&caption);
    Ok(Figure {
        kind: "strip",
        scene: sheet.finish(&gates.title, &caption),
        theme: look.theme,
        caption,
        data: gates.table()?,
        facts: gates.facts.clone(),
    })
}

/// A token: its ground, its text, its bar with the letter of the loudest.
fn cell(gates: &Gates, token: &Token, words: &str, [x, y]: Position, wide: f64) -> Mark {
    // A thin line of paper between tokens.
    let (at, inner) = (x + 0.08, wide - 0.16);
    let mut parts = Vec::new();
    let top = gates.top(token);
    if let Some((color, _, share)) = top {
        // From faint to plain, never so strong that running text loses its contrast.
        let opacity = 0.10 + 0.34 * share.powf(1.5);
        let fill = Fill {
            paint: Paint::Is(color),
            opacity,
        };
        parts.push(Mark::of(Shape::Rect {
            rect: Rect::new(at, y, inner, GROUND),
            fill: Some(fill),
            stroke: None,
        }));
    }
    let spaces = words.len() - words.trim_start().len();
    let indent = fonts::width(&words[..spaces], TEXT, Weight::Regular);
    let text = fonts::fitted(words.trim(), wide - indent + 0.01, TEXT, Weight::Regular);
    if !text.is_empty() {
        parts.push(Text::new([x + indent, y + 2.95], text, TEXT).into());
    }
    if let Some(shares) = shares(&token.gates) {
        let mut from = at;
        let mut middle = category(0);
        for (expert, share) in gates.experts.iter().zip(&shares) {
            let part = inner * share;
            let color = category(expert.color);
            if from <= at + inner / 2.0 {
                middle = color;
            }
            if part > 0.005 {
                let rect = Rect::new(from, y + GROUND, part, BAR);
                parts.push(Mark::filled(rect, Paint::Is(color)));
            }
            from += part;
        }
        if let Some((_, letter, _)) = top.filter(|_| inner >= 1.6) {
            let place = [x + wide / 2.0, y + GROUND + BAR / 2.0 + 0.62];
            let text = Text::new(place, letter, 1.75).strong();
            let text = text.anchor(Anchor::Middle);
            parts.push(text.paint(Paint::Is(middle.ink())).into());
        }
    }
    Mark::group("token", parts).title(gates.words(token))
}
