//! Answers: current beside pinned.

use egui::{RichText, Ui};

use super::answer::{self, AnswersPanel};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Origin, Overlay, PromptState, RunEntry};
use crate::theme::Tokens;
use crate::widgets::{command_button, empty_ui};

/// The answers, in the room that is left to them.
pub(super) fn answers_ui(
    ui: &mut Ui,
    panel: &mut AnswersPanel,
    state: &AppState,
    queue: &mut CommandQueue,
) {
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
        None => answer::one_ui(ui, panel, state, queue, current),
        Some(pinned) => {
            if identical(current, pinned) {
                let words = "Identical to the pinned answer, byte for byte.";
                ui.label(RichText::new(words).color(Tokens::of(ui).warn));
            }
            answer::pair_ui(ui, panel, state, queue, (current, pinned));
        }
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
    let (Origin::Sweep { row, .. } | Origin::Study { row }) = current.origin else {
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
        let prompt = PromptState::words(&current.prompt);
        ui.add(egui::Label::new(format!("\u{201C}{prompt}\u{201D}")).truncate())
            .on_hover_text(&prompt);
        command_button(ui, state, queue, AppCommand::StepRow(-1), "Previous");
        command_button(ui, state, queue, AppCommand::StepRow(1), "Next");
        if state.study.dot.is_some() {
            differ_ui(ui, state, queue);
        }
    });
}

/// A dot of the study can be compared with another one, prompt by prompt.
fn differ_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let current = state.study.dot.as_ref().map(|open| &open.dot);
    match &state.study.differ.pinned {
        Some(pinned) if current != Some(pinned) => {
            let show = AppCommand::Show(Overlay::Study);
            command_button(ui, state, queue, show, "Prompts by difference\u{2026}");
        }
        Some(_) => {
            command_button(ui, state, queue, AppCommand::UnpinMark, "Unpin the dot");
        }
        None => {
            command_button(ui, state, queue, AppCommand::PinMark, "Pin the dot");
        }
    }
}
