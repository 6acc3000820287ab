//! Two texts as they were written, side by side, with the words that differ marked.

use std::sync::Arc;

use egui::cache::{ComputerMut, FrameCache};
use egui::text::{LayoutJob, TextFormat};
use egui::{FontId, Label, Ui};

use super::differences::{Differences, differences};
use super::markdown::{Piece, Style};
use super::marks::{Mark, Marks, append};
use crate::theme::Tokens;

/// Compares two texts once, as long as they are shown.
#[derive(Default)]
struct Comparer;

impl ComputerMut<(&str, &str), Arc<Differences>> for Comparer {
    fn compute(&mut self, (first, second): (&str, &str)) -> Arc<Differences> {
        Arc::new(differences(first, second, false))
    }
}

type Compared = FrameCache<Arc<Differences>, Comparer>;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::view) enum Which {
    /// The first.
    First,
    /// The second.
    Second,
}

/// One of two texts, with what the other has not got.
pub(in crate::view) fn differing_ui(ui: &mut Ui, texts: (&str, &str), which: Which, size: f32) {
    let found = ui.memory_mut(|memory| Arc::clone(memory.caches.cache::<Compared>().get(texts)));
    let (text, ranges) = match which {
        Which::First => (texts.0, &found.first),
        Which::Second => (texts.1, &found.second),
    };
    let tokens = Tokens::of(ui);
    let marks: Marks = ranges.iter().map(|r| (r.clone(), Mark::Differs)).collect();
    let format = TextFormat {
        font_id: FontId::proportional(size),
        color: tokens.text,
        line_height: Some((1.42 * size).round()),
        ..TextFormat::default()
    };
    let piece = Piece {
        text: text.to_owned(),
        source: 0..text.len(),
        style: Style::default(),
    };
    let mut job = LayoutJob::default();
    append(&mut job, &piece, &format, &marks, tokens);
    ui.add(Label::new(job).wrap());
}
