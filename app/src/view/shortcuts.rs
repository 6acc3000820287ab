//! The list of shortcuts.

use egui::{Context, Grid, Id, Modal, RichText, ScrollArea};

use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;
use crate::widgets::section;

/// What the canvas does by itself while it has the keyboard.
const CANVAS: [(&str, &str); 6] = [
    (
        "Up, Down",
        "Point: 0.01 more or less of the picked objective",
    ),
    ("Left, Right", "Point: trade the other two"),
    ("Shift", "Point: steps of 0.1; a drag goes towards a corner"),
    (
        "Alt",
        "Point: steps of 0.001; a drag goes a tenth of the way",
    ),
    ("Tab", "Point: pick the next objective"),
    ("Enter", "Point: generate"),
];

/// The sheet.
pub(super) fn shortcuts_ui(ctx: &Context, _state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let modal = Modal::new(Id::unique("shortcuts")).show(ctx, |ui| {
        ui.set_width((room.x - 60.0).min(620.0));
        section(ui, "Shortcuts", |ui| {
            if ui.button("Close").clicked() {
                queue.push(AppCommand::Show(Overlay::Shortcuts));
            }
        });
        ScrollArea::vertical()
            .max_height(room.y - 140.0)
            .show(ui, |ui| {
                Grid::new("shortcut-list")
                    .num_columns(2)
                    .striped(true)
                    .spacing([24.0, 4.0])
                    .show(ui, |ui| {
                        for entry in registry::entries() {
                            if let Some(shortcut) = entry.shortcut {
                                ui.label(
                                    RichText::new(ui.ctx().format_shortcut(&shortcut)).monospace(),
                                );
                                ui.label(entry.title);
                                ui.end_row();
                            }
                        }
                        for (keys, words) in CANVAS {
                            ui.label(RichText::new(keys).monospace());
                            ui.label(words);
                            ui.end_row();
                        }
                    });
                let words = "Keys without Ctrl are off while a text field has the keyboard.";
                ui.label(RichText::new(words).color(Tokens::of(ui).weak));
            });
    });
    if modal.should_close() {
        queue.push(AppCommand::Show(Overlay::Shortcuts));
    }
}
