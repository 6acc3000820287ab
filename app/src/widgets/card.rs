//! Headings, empty states and errors, the same in every panel.

use egui::{Frame, RichText, Ui};
use paretoscope_core::protocol::Trouble;

use super::at_right;
use crate::theme::Tokens;

/// A panel's heading, with room for what belongs to it at the right end.
pub fn section<R>(ui: &mut Ui, title: &str, right: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        ui.add(egui::Label::new(RichText::new(title).heading().strong()).selectable(false));
        at_right(ui, title, right)
    })
    .inner
}

/// The title of a group within a panel; `hint` says it in the papers' words.
pub fn group_title(ui: &mut Ui, title: &str, hint: &str) {
    let weak = Tokens::of(ui).weak;
    let text = RichText::new(title).color(weak).size(13.0).strong();
    let label = ui.add(egui::Label::new(text).selectable(false));
    ui.ctx()
        .accesskit_node_builder(label.id, |node| node.set_description(hint));
    label.on_hover_text(hint);
}

/// One sentence why there is nothing, and room for one primary button.
pub fn empty_ui<R>(ui: &mut Ui, sentence: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let tokens = Tokens::of(ui);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.25).clamp(4.0, 60.0));
        ui.label(RichText::new(sentence).color(tokens.weak));
        ui.add_space(4.0);
        add(ui)
    })
    .inner
}

/// An error in three parts: what happened, what is still fine, what to do.
pub fn trouble_ui<R>(
    ui: &mut Ui,
    what: &str,
    trouble: &Trouble,
    fine: &str,
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.card)
        .stroke(egui::Stroke::new(1.0, tokens.error))
        .corner_radius(6)
        .inner_margin(10)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            let heading = ui.label(
                RichText::new(format!("Error: {what}"))
                    .color(tokens.error)
                    .strong(),
            );
            ui.ctx().accesskit_node_builder(heading.id, |node| {
                node.set_live(egui::accesskit::Live::Assertive);
            });
            ui.label(&trouble.message);
            if let Some(advice) = trouble.advice() {
                ui.label(advice);
            }
            ui.label(RichText::new(fine).color(tokens.weak));
            ui.horizontal_wrapped(|ui| {
                let inner = add(ui);
                if ui.button("Copy details").clicked() {
                    ui.ctx().copy_text(format!("{what}\n{}", trouble.message));
                }
                inner
            })
            .inner
        })
        .inner
}
