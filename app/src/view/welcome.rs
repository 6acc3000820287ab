//! Without a bundle: the first-run card, loading, or why it failed.

use egui::{Frame, RichText, Ui};

use crate::command::{AppCommand, CommandQueue, TalkCommand};
use crate::state::{AppState, EnginePhase, Overlay};
use crate::theme::Tokens;
use crate::widgets::{command_button, primary_button, trouble_ui};

/// What is shown before the first bundle.
pub(super) fn welcome_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let width = ui.available_width().min(520.0);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.2).min(140.0));
        ui.set_max_width(width);
        Frame::new()
            .fill(tokens.card)
            .stroke(egui::Stroke::new(1.0, tokens.line))
            .corner_radius(12)
            .inner_margin(24)
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.label(RichText::new("Paretoscope").size(26.0).strong());
                ui.label(
                    RichText::new("See and steer the trade-offs of a language model.")
                        .color(tokens.weak),
                );
                ui.add_space(14.0);
                card_ui(ui, state, queue);
            });
    });
}

fn card_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if let EnginePhase::Stopped(panic) = &state.engine.phase {
        let trouble = paretoscope_core::protocol::Trouble::system(
            panic
                .clone()
                .unwrap_or_else(|| "its thread ended".to_owned()),
        );
        trouble_ui(
            ui,
            "the engine has stopped",
            &trouble,
            "Stored sweeps are safe. Restart the program.",
            |_| {},
        );
        return;
    }
    if let Some(loading) = &state.bundle.loading {
        super::bundle_sheet::loading_ui(ui, state, loading, queue);
        return;
    }
    if let Some(failure) = &state.bundle.failure {
        let what = format!("{} was not loaded", failure.path.display());
        trouble_ui(ui, &what, &failure.trouble, "Nothing was changed.", |_| {});
        ui.add_space(10.0);
    } else {
        ui.label("No bundle is open. A bundle is a folder with a base model, adapters and reward models; a base model alone opens as well, and answers.");
        ui.add_space(8.0);
    }
    ui.horizontal_wrapped(|ui| {
        let open = AppCommand::Show(Overlay::Bundle);
        if state.bundle.demo.is_some() {
            primary_button(
                ui,
                state,
                queue,
                AppCommand::LoadDemo,
                "Open the demonstration",
            );
            if state.talk.shipped.is_some() {
                let talk = AppCommand::Talk(TalkCommand::OpenShipped);
                command_button(ui, state, queue, talk, "Open the talk");
            }
            command_button(ui, state, queue, open, "Open a bundle\u{2026}");
        } else {
            primary_button(ui, state, queue, open, "Open a bundle\u{2026}");
        }
    });
}
