//! Small framed words: states, scores, badges.

use egui::{Color32, Frame, Response, RichText, Stroke, Ui};

use crate::theme::Tokens;

/// A chip in a colour of the theme.
pub fn chip(ui: &mut Ui, text: impl Into<String>, color: Color32) -> Response {
    let text = text.into();
    chip_with(ui, color, |ui| {
        ui.label(RichText::new(text).color(color).size(13.0))
    })
}

/// A chip around anything.
pub fn chip_with<R>(ui: &mut Ui, color: Color32, add: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new()
        .fill(Tokens::of(ui).card)
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.6)))
        .corner_radius(9)
        .inner_margin(egui::Margin::symmetric(8, 2))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.spacing_mut().interact_size.y = 16.0;
            ui.horizontal(add).inner
        })
        .inner
}
