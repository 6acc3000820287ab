//! The stored answers of a dot: prompt by prompt, with their scores. No model is needed.

use egui::{Frame, RichText, Ui};
use paretoscope_figure::plot::Front;

use super::plot::find;
use crate::command::{AppCommand, CommandQueue};
use crate::plot::dot_words;
use crate::state::{AppState, PromptState};
use crate::theme::Tokens;
use crate::widgets::format::signed;
use crate::widgets::{command_button, trouble_ui};

/// The dot that is looked at, where there is one.
pub(super) fn dot_ui(ui: &mut Ui, state: &AppState, front: &Front, queue: &mut CommandQueue) {
    let Some(open) = &state.study.dot else {
        return;
    };
    let tokens = Tokens::of(ui);
    ui.separator();
    let series = front
        .series
        .iter()
        .find(|s| s.dots.iter().any(|d| d.uid == open.dot));
    if let (Some(series), Some(dot)) = (series, find(front, &open.dot)) {
        ui.label(RichText::new(dot_words(front, series, dot)).size(13.0));
    }
    let rows = match &open.rows {
        None => {
            ui.label(RichText::new("Bringing its stored answers back\u{2026}").color(tokens.weak));
            return;
        }
        Some(Err(trouble)) => {
            trouble_ui(ui, "no answers", trouble, "The study is as it was.", |_| {});
            return;
        }
        Some(Ok(rows)) => rows,
    };
    let Some(row) = rows.get(open.row.min(rows.len().saturating_sub(1))) else {
        ui.label(RichText::new("No answer of this dot is in the study.").color(tokens.weak));
        return;
    };
    ui.horizontal_wrapped(|ui| {
        let at = open.row.min(rows.len() - 1) + 1;
        let words = format!("Stored answer {at} of {} at this dot", rows.len());
        ui.label(RichText::new(words).color(tokens.weak));
        command_button(
            ui,
            state,
            queue,
            AppCommand::StepMarkRow(-1),
            "Previous prompt",
        );
        command_button(ui, state, queue, AppCommand::StepMarkRow(1), "Next prompt");
        let pinned = state.study.differ.pinned.as_ref() == Some(&open.dot);
        if pinned {
            command_button(ui, state, queue, AppCommand::UnpinMark, "Unpin the dot");
        } else {
            command_button(ui, state, queue, AppCommand::PinMark, "Pin the dot");
        }
        if ui.button("Close the dot").clicked() {
            queue.push(AppCommand::SelectMark(None));
        }
    });
    ui.label(RichText::new(PromptState::words(&row.run.prompt)).strong());
    Frame::new()
        .fill(tokens.card)
        .corner_radius(6)
        .inner_margin(10)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.label(&row.run.text);
        });
    let scores: Vec<String> = row
        .scores
        .0
        .iter()
        .map(|score| score.map_or_else(|| "not scored".to_owned(), signed))
        .collect();
    let words = format!("Scores: {}", scores.join(" / "));
    ui.label(RichText::new(words).color(tokens.weak).size(13.0));
}
