//! Lines of the sheets of whoever asks: a label before a field, a file that is chosen or typed.

use std::path::{Path, PathBuf};

use egui::{Id, RichText, Ui};

use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::AppState;
use crate::tasks::Wanted;
use crate::theme::Tokens;
use crate::widgets::{command_button, path_field};

/// Where fields begin, so that they stand in one line.
const LABEL: f32 = 128.0;

/// A line with a label of one width before it.
pub(in crate::view) fn line<R>(ui: &mut Ui, label: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal_top(|ui| {
        let size = egui::vec2(LABEL, 24.0);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_width(LABEL);
            ui.label(weak(ui, label));
        });
        ui.vertical(add).inner
    })
    .inner
}

/// The path of a file: chosen in a dialog, typed or pasted; one that was entered comes back.
pub(super) fn file_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    (wanted, name, hint): (Wanted, &str, &str),
    path: &Path,
) -> Option<PathBuf> {
    ui.horizontal(|ui| {
        let choose = AppCommand::Annotate(Annotation::Choose(wanted));
        let response = command_button(ui, state, queue, choose, "Choose\u{2026}");
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label(format!("Choose: {name}"));
        });
        path_field(ui, Id::unique(name), name, hint, path)
    })
    .inner
}

/// Words in the secondary colour.
pub(in crate::view) fn weak(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).color(Tokens::of(ui).weak).size(13.0)
}
