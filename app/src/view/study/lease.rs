//! Whose view and undo these are, where they are another window's.

use std::time::{Duration, SystemTime};

use egui::{RichText, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::Tokens;
use crate::widgets::format::duration;
use crate::widgets::{between, command_button};

/// The chip of the bottom strip, with the way to take over.
pub(crate) fn lease_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some((who, since)) = &state.study.theirs else {
        return;
    };
    let begun = Duration::from_millis(u64::try_from(*since).unwrap_or(0));
    let ago = (SystemTime::UNIX_EPOCH + begun)
        .elapsed()
        .unwrap_or_default();
    let words = format!(
        "Its view and undo belong to {who}, open for {}",
        duration(ago.as_secs_f64())
    );
    let text = RichText::new(&words).color(Tokens::of(ui).weak).size(13.0);
    let hint = "Answers, stars and notes are written by both windows. Where you look is kept by the other one alone.";
    let title = |ui: &mut Ui| {
        let label = ui.add(egui::Label::new(text).truncate());
        label.on_hover_text(format!("{words}. {hint}"));
    };
    between(ui, "lease", title, |ui| {
        command_button(ui, state, queue, AppCommand::TakeOver, "Take over");
    });
}
