//! What to do in the first minute, said once.

use egui::{RichText, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, GenerateWhen};
use crate::theme::Tokens;
use crate::widgets::at_right;

/// Whether there is something to say.
pub(super) fn is_due(state: &AppState) -> bool {
    !state.prefs.hints.first_steps && state.simplex.axes.len() == 3
}

/// Room for the button at the end of the line.
const BUTTON: f32 = 80.0;

/// A line under the top bar.
pub(super) fn first_steps_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let names = state.objective_names();
    ui.horizontal(|ui| {
        ui.label(RichText::new("First steps").color(tokens.accent).strong());
        ui.label("Press");
        let corners = state.first_steps.corners;
        for (index, (&axis, seen)) in state.simplex.axes.iter().zip(corners).enumerate() {
            let name = names.get(axis).copied().unwrap_or("?");
            let words = format!("{} {name}", index + 1);
            let text = if seen {
                RichText::new(words).color(tokens.weak).strikethrough()
            } else {
                RichText::new(words).strong()
            };
            let label = ui.label(text);
            if seen {
                let done = format!("{} {name}, done", index + 1);
                ui.ctx()
                    .accesskit_node_builder(label.id, |node| node.set_value(done));
            }
        }
        let corners = match state.prefs.generate {
            GenerateWhen::Manual => "and Ctrl+Enter for an answer at each corner",
            GenerateWhen::Release | GenerateWhen::Live => "for an answer at each corner",
        };
        let words = format!("{corners}, then drag the point between them. P pins an answer.");
        let room = egui::vec2(
            (ui.available_width() - BUTTON).max(0.0),
            ui.available_height(),
        );
        let left = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(room, left, |ui| {
            ui.add(egui::Label::new(words).truncate());
        });
        at_right(ui, "first steps", |ui| {
            let response = ui.button("Got it").on_hover_text("Never show this again");
            if response.clicked() {
                queue.push(AppCommand::DismissFirstSteps);
            }
        });
    });
}
