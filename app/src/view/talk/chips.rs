//! Words of honesty on the stage.

use egui::{Color32, Label, RichText, Stroke, Ui};

use super::size::Size;
use crate::state::Tag;
use crate::theme::Tokens;

/// One chip after the other; those that have no room wrap.
pub(super) fn chips_ui(ui: &mut Ui, size: Size, tags: &[Tag]) {
    for tag in tags {
        chip_ui(ui, size, tag);
    }
}

fn chip_ui(ui: &mut Ui, size: Size, tag: &Tag) {
    let tokens = Tokens::of(ui);
    let color = color(tag, tokens);
    let margin = egui::Margin::symmetric((0.45 * size.u) as i8, (0.08 * size.u) as i8);
    egui::Frame::new()
        .fill(tokens.card)
        .stroke(Stroke::new(1.2 * size.times, color))
        .corner_radius(0.3 * size.u)
        .inner_margin(margin)
        .show(ui, |ui| {
            let words = RichText::new(tag.words())
                .font(size.strong(1.0))
                .color(color);
            ui.add(Label::new(words).selectable(false).extend());
        });
}

fn color(tag: &Tag, tokens: &Tokens) -> Color32 {
    match tag {
        Tag::Live => tokens.good,
        Tag::Replay(_) => tokens.warn,
        Tag::Interpolated => tokens.accent,
        Tag::Ablated(_) => tokens.error,
        Tag::Recorded | Tag::Demonstration | Tag::Chosen(_) => tokens.weak,
    }
}
