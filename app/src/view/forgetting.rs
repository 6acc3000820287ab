//! Asked before all answers are forgotten.

use egui::{Context, Id, Modal, RichText, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;
use crate::widgets::format::counted;
use crate::widgets::{command_button, primary_button};

/// The question. Escape keeps them.
pub(super) fn forgetting_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let keep = AppCommand::Show(Overlay::Forgetting);
    let modal = Modal::new(Id::unique("forgetting")).show(ctx, |ui| {
        ui.set_width((ctx.content_rect().width() - 60.0).min(440.0));
        let title = RichText::new("Forget all answers?").heading();
        ui.add(egui::Label::new(title).selectable(false));
        words_ui(ui, state);
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| {
            primary_button(ui, state, queue, keep.clone(), "Keep them");
            command_button(ui, state, queue, AppCommand::ForgetNow, "Forget");
        });
    });
    if modal.should_close() {
        queue.push(keep);
    }
}

fn words_ui(ui: &mut Ui, state: &AppState) {
    let here = counted(state.session.history().count(), "answer");
    let words = format!(
        "{here} in the history, and those of earlier sessions with other bundles, are hidden; undo brings them back."
    );
    ui.label(words);
    let kept = state.study.path.as_ref().filter(|_| state.study.is_open());
    let words = match kept {
        Some(path) => format!(
            "Their texts stay in {}: remove that file to erase them. Sweeps stay, and the prompt stays in its field.",
            path.display()
        ),
        None => "Sweeps stay in their stores, and the prompt stays in its field.".to_owned(),
    };
    ui.label(RichText::new(words).color(Tokens::of(ui).weak));
}
