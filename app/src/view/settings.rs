//! Settings: theme, size, motion, when to answer.

use egui::{Context, Id, Modal, RichText, Ui};

use super::when::CHOICES;
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay, ThemeChoice};
use crate::theme::Tokens;
use crate::widgets::{command_button, section};

/// The sheet.
pub(super) fn settings_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let modal = Modal::new(Id::unique("settings")).show(ctx, |ui| {
        ui.set_width((room.x - 60.0).min(440.0));
        section(ui, "Settings", |ui| {
            if ui.button("Close").clicked() {
                queue.push(AppCommand::Show(Overlay::Settings));
            }
        });
        ui.label(RichText::new("Theme").color(Tokens::of(ui).weak).size(13.0));
        ui.horizontal(|ui| {
            theme_ui(ui, state, queue);
        });
        ui.label(RichText::new("Size").color(Tokens::of(ui).weak).size(13.0));
        ui.horizontal_wrapped(|ui| {
            for zoom in [1.0, 1.25, 1.5, 1.8, 2.0] {
                let title = format!("{:.0} %", zoom * 100.0);
                if ui
                    .selectable_label((state.prefs.zoom - zoom).abs() < 0.06, title)
                    .clicked()
                {
                    queue.push(AppCommand::SetZoom(zoom));
                }
            }
        });
        ui.label(
            RichText::new("A new answer starts")
                .color(Tokens::of(ui).weak)
                .size(13.0),
        );
        for (when, _, title) in CHOICES {
            if ui.radio(state.prefs.generate == when, title).clicked() {
                queue.push(AppCommand::SetGenerate(when));
            }
        }
        let mut still = state.prefs.reduce_motion;
        if ui.checkbox(&mut still, "Reduce motion").changed() {
            queue.push(AppCommand::ReduceMotion(still));
        }
        ui.separator();
        ui.label(
            RichText::new(if state.study.path.is_some() {
                "Answers and sweeps are kept in"
            } else {
                "Sweeps are stored in"
            })
                .color(Tokens::of(ui).weak)
                .size(13.0),
        );
        let kept = state.study.path.as_ref().unwrap_or(&state.sweep.folder);
        ui.label(kept.display().to_string());
        let words = if state.study.path.is_some() {
            "Every answer is written there at once, prompt included; the last ones come back at the next start."
        } else {
            "No study is open: answers end with this window."
        };
        ui.label(RichText::new(words).color(Tokens::of(ui).weak).size(13.0));
        let forget = AppCommand::ForgetAnswers;
        command_button(ui, state, queue, forget, "Forget the answers\u{2026}");
        command_button(
            ui,
            state,
            queue,
            AppCommand::Show(Overlay::Shortcuts),
            "List of shortcuts",
        );
    });
    if modal.should_close() {
        queue.push(AppCommand::Show(Overlay::Settings));
    }
}

/// Light, dark, or what the system says.
pub(super) fn theme_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    for (theme, title) in [
        (ThemeChoice::System, "System"),
        (ThemeChoice::Light, "Light"),
        (ThemeChoice::Dark, "Dark"),
    ] {
        if ui
            .selectable_label(state.prefs.theme == theme, title)
            .clicked()
        {
            queue.push(AppCommand::SetTheme(theme));
        }
    }
}
