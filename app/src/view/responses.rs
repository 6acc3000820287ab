//! Prompt and answers: current beside pinned.

use egui::{RichText, Ui};

use super::{answer, prompt};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Origin, RunEntry};
use crate::theme::Tokens;
use crate::widgets::format::point;
use crate::widgets::{command_button, empty_ui, section};

/// Narrower columns are stacked.
const COLUMN: f32 = 270.0;

/// Room for answers below which the panel scrolls as a whole.
const LEAST: f32 = 170.0;

/// The panel. Where prompt and answers do not fit under each other, all of it scrolls.
pub(super) fn responses_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let room = ui.available_size();
    egui::ScrollArea::vertical()
        .id_salt("answers panel")
        .auto_shrink(false)
        .show(ui, |ui| {
            let top = egui::Rect::from_min_size(
                ui.cursor().min,
                egui::vec2(ui.available_width(), room.y),
            );
            ui.scope_builder(egui::UiBuilder::new().max_rect(top), |ui| {
                section(ui, "Answers", |ui| history_ui(ui, state, queue));
                prompt::prompt_ui(ui, state, queue);
            });
            ui.add_space(2.0);
            let used = ui.min_rect().height() + ui.spacing().item_spacing.y;
            let left = (room.y - used - 1.0).max(LEAST);
            let below =
                egui::Rect::from_min_size(ui.cursor().min, egui::vec2(ui.available_width(), left));
            ui.scope_builder(egui::UiBuilder::new().max_rect(below), |ui| {
                ui.set_clip_rect(ui.clip_rect().intersect(below.expand(4.0)));
                answers_ui(ui, state, queue);
            });
        });
}

fn answers_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(current) = state.session.current() else {
        let samples = state.info().map_or(0, |b| b.prompts.len());
        let words = match samples {
            0 => "Type a prompt, then generate.".to_owned(),
            n => format!("Type a prompt or pick one of {n} samples, then generate."),
        };
        empty_ui(ui, &words, |_| {});
        return;
    };
    dot_ui(ui, state, queue, current);
    let pinned = state.session.pinned().filter(|p| p.id != current.id);
    match pinned {
        None => answer::answer_ui(ui, state, queue, current, None),
        Some(pinned) => {
            if identical(current, pinned) {
                let words = "Identical to the pinned answer, byte for byte.";
                ui.label(RichText::new(words).color(Tokens::of(ui).warn));
            }
            pair_ui(ui, state, queue, current, pinned);
        }
    }
}

fn pair_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    current: &RunEntry,
    pinned: &RunEntry,
) {
    if ui.available_width() >= 2.0 * COLUMN {
        ui.columns(2, |columns| {
            answer::answer_ui(&mut columns[0], state, queue, current, Some(pinned));
            answer::answer_ui(&mut columns[1], state, queue, pinned, None);
        });
    } else {
        let half = (ui.available_height() / 2.0 - 8.0).max(90.0);
        egui::ScrollArea::vertical()
            .id_salt("stacked")
            .show(ui, |ui| {
                for (run, other) in [(current, Some(pinned)), (pinned, None)] {
                    ui.allocate_ui(egui::vec2(ui.available_width(), half), |ui| {
                        answer::answer_ui(ui, state, queue, run, other);
                    });
                }
            });
    }
}

/// Whether two ended runs say the same, byte for byte.
fn identical(a: &RunEntry, b: &RunEntry) -> bool {
    let ended = |r: &RunEntry| !r.phase.is_running() && !r.text.is_empty();
    ended(a) && ended(b) && a.prompt == b.prompt && a.text == b.text
}

/// The way through the rows of a swept dot.
fn dot_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, current: &RunEntry) {
    let tokens = Tokens::of(ui);
    if state.sweep.recalling {
        ui.label(
            RichText::new("Bringing the stored answers of this dot back\u{2026}")
                .color(tokens.weak),
        );
        return;
    }
    let Origin::Sweep { row, .. } = current.origin else {
        return;
    };
    if !state.sweep.rows.contains(&current.id) {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let words = format!(
            "Stored answer {} of {} at this dot",
            row + 1,
            state.sweep.rows.len()
        );
        ui.label(RichText::new(words).color(tokens.weak));
        command_button(ui, state, queue, AppCommand::StepRow(-1), "Previous");
        command_button(ui, state, queue, AppCommand::StepRow(1), "Next");
    });
}

fn history_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.session.runs.is_empty() {
        return;
    }
    let title = format!("History ({})", state.session.runs.len());
    ui.menu_button(title, |ui| {
        ui.set_min_width(300.0);
        egui::ScrollArea::vertical()
            .max_height(320.0)
            .show(ui, |ui| {
                for run in state.session.runs.iter().rev() {
                    let start: String = run.text.chars().take(38).collect();
                    let muted = run
                        .mute_words()
                        .map_or_else(String::new, |m| format!("[{m}] "));
                    let words = format!(
                        "{}  {muted}{}",
                        point(run.point_now()),
                        start.replace('\n', " ")
                    );
                    let now = state.session.current == Some(run.id);
                    if ui.selectable_label(now, words).clicked() {
                        queue.push(AppCommand::SelectRun(run.id));
                        ui.close();
                    }
                }
            });
    });
}
