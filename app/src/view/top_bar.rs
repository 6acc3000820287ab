//! The top bar: bundle, engine, device, zoom, theme, palette.

use egui::{Color32, RichText, Ui};
use paretoscope_core::protocol::SweepPhase;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, EnginePhase, Overlay};
use crate::theme::Tokens;
use crate::widgets::{chip, command_button};

/// The top bar.
pub(super) fn top_bar_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        let name = state.info().map_or("No bundle", |b| b.name.as_str());
        let text = RichText::new(format!("Bundle: {name}")).strong();
        let response = ui.button(text).on_hover_text(bundle_hint(state));
        if response.clicked() {
            queue.push(AppCommand::Show(Overlay::Bundle));
        }
        let (words, color) = engine_words(state, tokens);
        let response = chip(ui, words.clone(), color);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_value(format!("Engine: {words}"))
        });
        if !state.engine.device.is_empty() && ui.available_width() > 420.0 {
            ui.label(
                RichText::new(&state.engine.device)
                    .color(tokens.weak)
                    .size(13.0),
            );
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            command_button(
                ui,
                state,
                queue,
                AppCommand::Show(Overlay::Palette),
                "Commands",
            );
            command_button(
                ui,
                state,
                queue,
                AppCommand::Show(Overlay::Settings),
                "Settings",
            );
            let train = AppCommand::Show(Overlay::Training);
            command_button(ui, state, queue, train, training_words(state));
            let dark = ui.visuals().dark_mode;
            command_button(
                ui,
                state,
                queue,
                AppCommand::ToggleTheme,
                if dark { "Light" } else { "Dark" },
            );
            if ui.available_width() > 150.0 {
                ui.spacing_mut().item_spacing.x = 3.0;
                command_button(ui, state, queue, AppCommand::ZoomIn, "+");
                let zoom = format!("{:.0} %", state.prefs.zoom * 100.0);
                command_button(ui, state, queue, AppCommand::ZoomReset, zoom);
                // An en dash, as wide as the plus.
                command_button(ui, state, queue, AppCommand::ZoomOut, "\u{2013}");
            }
        });
    });
    if let Some(reason) = fallback(state) {
        ui.label(
            RichText::new(format!("Note: {reason}"))
                .color(tokens.warn)
                .size(13.0),
        );
    }
}

/// What is being trained, if anything.
fn training_words(state: &AppState) -> String {
    let Some(run) = state.training.active() else {
        return "Train".to_owned();
    };
    match run.steps.last() {
        Some(last) => format!("Training {}/{}", last.step, last.steps),
        None => "Training\u{2026}".to_owned(),
    }
}

/// Why the device is not the one asked for.
fn fallback(state: &AppState) -> Option<&str> {
    let of_bundle = state.info().and_then(|b| b.model.fallback.as_deref());
    of_bundle.or(state.engine.fallback.as_deref())
}

fn bundle_hint(state: &AppState) -> String {
    match state.info() {
        Some(info) => {
            let model = &info.model;
            format!(
                "{}\n{} parameters, {} layers, {}\nClick to open another (Ctrl+O)",
                info.path.display(),
                crate::widgets::format::count(model.parameters),
                model.layers,
                model.dtype,
            )
        }
        None => "Click to open a bundle (Ctrl+O)".to_owned(),
    }
}

/// The single truth of what the engine does, in words.
pub(crate) fn engine_words(state: &AppState, tokens: &Tokens) -> (String, Color32) {
    match &state.engine.phase {
        EnginePhase::Starting => return ("Starting".to_owned(), tokens.weak),
        EnginePhase::Stopped(_) => {
            return ("Stopped: restart the program".to_owned(), tokens.error);
        }
        EnginePhase::Ready => {}
    }
    if let Some(loading) = &state.bundle.loading {
        return (
            format!("Loading {:.0} %", loading.fraction * 100.0),
            tokens.warn,
        );
    }
    if let Some(run) = state
        .session
        .runs
        .iter()
        .rev()
        .find(|r| r.phase.is_running())
    {
        let words = if run.stopping {
            "Stopping\u{2026}".to_owned()
        } else if let Some(rate) = run.tokens_per_second(state.now) {
            format!("Generating {rate:.0} tok/s")
        } else if let Some(all) = run.prompt_tokens.filter(|all| run.prompt_read < *all) {
            format!("Reading {} %", 100 * run.prompt_read / all.max(1))
        } else {
            "Generating".to_owned()
        };
        return (words, tokens.accent);
    }
    if state.sweep.is_active() {
        let (done, all, phase) = state
            .sweep
            .progress
            .as_ref()
            .map_or((0, 0, SweepPhase::Running), |p| {
                (p.points_done, p.points, p.phase)
            });
        return match phase {
            SweepPhase::Paused => (format!("Sweep paused {done}/{all}"), tokens.warn),
            SweepPhase::Yielding => (format!("Sweep yielding {done}/{all}"), tokens.accent),
            _ => (format!("Sweeping {done}/{all}"), tokens.accent),
        };
    }
    match state.info() {
        Some(_) => ("Ready".to_owned(), tokens.good),
        None => ("No model".to_owned(), tokens.weak),
    }
}
