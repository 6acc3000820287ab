//! The top bar: bundle, engine, device, training, the palette, and a menu of the rest.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Color32, RichText, Ui};
use paretoscope_core::protocol::SweepPhase;

use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, EnginePhase, Overlay};
use crate::theme::Tokens;
use crate::widgets::{ICON_SIZE, Icon, at_right, chip, command_button, paint_icon};

/// Below this width the name of the program gives way.
const NAMED: f32 = 900.0;

/// The top bar.
pub(super) fn top_bar_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        logo_ui(ui);
        if ui.available_width() > NAMED {
            let name = RichText::new("Paretoscope").heading().strong();
            ui.add(egui::Label::new(name).selectable(false));
        }
        bundle_ui(ui, state, queue);
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
        at_right(ui, "top bar", |ui| {
            let train = AppCommand::Show(Overlay::Training);
            command_button(ui, state, queue, train, training_words(state));
            find_ui(ui, queue);
            menu_ui(ui, state, queue);
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

/// The sign of the program: a simplex with a point in it.
fn logo_ui(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    let (rect, _) = ui.allocate_exact_size(egui::vec2(22.0, 20.0), egui::Sense::hover());
    let corners = [rect.center_top(), rect.left_bottom(), rect.right_bottom()];
    let inside = rect.center_top() + egui::vec2(2.0, 13.0);
    let painter = ui.painter();
    let line = egui::Stroke::new(1.5, tokens.text);
    painter.add(egui::Shape::closed_line(corners.to_vec(), line));
    for (index, corner) in corners.into_iter().enumerate() {
        painter.circle_filled(corner, 3.0, crate::theme::category(index));
    }
    painter.circle_filled(inside, 3.5, tokens.accent);
}

/// The bundle in use; a click opens another.
fn bundle_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let name = state.info().map_or("No bundle", |b| b.name.as_str());
    let response = ui.button(name).on_hover_text(bundle_hint(state));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(format!("Bundle: {name}"));
        node.set_description(bundle_hint(state));
    });
    if response.clicked() {
        queue.push(AppCommand::Show(Overlay::Bundle));
    }
}

/// What is set once and seldom: theme, size, full screen; and the way to all settings.
fn menu_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let config = MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    let button = egui::Button::new("").min_size(ICON_SIZE);
    let menu = MenuButton::from_button(button).config(config);
    let (response, _) = menu.ui(ui, |ui| {
        ui.set_min_width(190.0);
        for command in [AppCommand::Undo, AppCommand::Redo] {
            let words = registry::words(&command, state);
            command_button(ui, state, queue, command, words);
        }
        ui.separator();
        let weak = Tokens::of(ui).weak;
        ui.label(RichText::new("Theme").color(weak).size(13.0));
        ui.horizontal(|ui| super::settings::theme_ui(ui, state, queue));
        ui.label(RichText::new("Size").color(weak).size(13.0));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            // An en dash, as wide as the plus.
            command_button(ui, state, queue, AppCommand::ZoomOut, "\u{2013}");
            let zoom = format!("{:.0} %", state.prefs.zoom * 100.0);
            command_button(ui, state, queue, AppCommand::ZoomReset, zoom);
            command_button(ui, state, queue, AppCommand::ZoomIn, "+");
        });
        ui.separator();
        for (command, words) in [
            (AppCommand::Show(Overlay::Export), "Export\u{2026}"),
            (AppCommand::ToggleFullscreen, "Full screen"),
            (AppCommand::Show(Overlay::Settings), "Settings\u{2026}"),
            (AppCommand::Show(Overlay::Shortcuts), "Shortcuts\u{2026}"),
        ] {
            if command_button(ui, state, queue, command, words).clicked() {
                ui.close();
            }
        }
    });
    sign(
        ui,
        &response,
        Icon::Menu,
        "Menu",
        "Undo, theme, size, full screen, settings",
    );
}

/// The palette of commands.
fn find_ui(ui: &mut Ui, queue: &mut CommandQueue) {
    let palette = AppCommand::Show(Overlay::Palette);
    let response = ui.add(egui::Button::new("").min_size(ICON_SIZE));
    let keys = registry::entry(&palette)
        .and_then(|entry| entry.shortcut)
        .map(|keys| ui.ctx().format_shortcut(&keys));
    let hint = format!("Find a command or a prompt  ({})", keys.unwrap_or_default());
    sign(ui, &response, Icon::Find, "Commands", &hint);
    if response.clicked() {
        queue.push(palette);
    }
}

/// Gives a button without words its sign, its name and its hint.
fn sign(ui: &Ui, response: &egui::Response, icon: Icon, name: &str, hint: &str) {
    let stroke = egui::Stroke::new(1.5, ui.style().interact(response).text_color());
    paint_icon(ui.painter(), response.rect, icon, stroke);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(name);
        node.set_description(hint);
    });
    response.clone().on_hover_text(hint);
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
        Some(_) if state.bundle.stored => ("No model: stored answers".to_owned(), tokens.weak),
        Some(_) => ("Ready".to_owned(), tokens.good),
        None => ("No model".to_owned(), tokens.weak),
    }
}
