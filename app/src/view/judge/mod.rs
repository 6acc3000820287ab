//! The sheet of judges: whom to ask what on the left; on the right what would be sent where, how far it is, and what judges
//! said beside people.
//!
//! | part | what is seen | file |
//! |---|---|---|
//! | form | the task, where the judge is, what it may cost, what it is told | `form` |
//! | sending | what would be sent, before anything is; a run | `sending` |
//! | said | what judges said, held against people | `said`, `words` |

mod form;
mod said;
mod sending;
mod words;

use egui::{Context, Id, Modal, ScrollArea, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay, is_judged};
use crate::widgets::{command_button, empty_ui, section};

/// Most of the sheet's width.
const WIDEST: f32 = 1040.0;
/// Narrower than this, the form and what it would send stand one above the other.
const BROAD: f32 = 720.0;
/// Width of the form beside it.
const FORM: f32 = 380.0;

/// The sheet.
pub(super) fn judge_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Judge);
    let modal = Modal::new(Id::unique("judge")).show(ctx, |ui| {
        let width = (room.x - 60.0).min(WIDEST);
        ui.set_width(width);
        section(ui, "Judge", |ui| {
            let back = state.judge.back != Overlay::None;
            if ui.button(if back { "Back" } else { "Close" }).clicked() {
                queue.push(close.clone());
            }
        });
        let tall = (room.y - 130.0).max(120.0);
        ScrollArea::vertical()
            .max_height(tall)
            .min_scrolled_height(tall)
            .show(ui, |ui| body_ui(ui, state, queue, width));
    });
    if modal.should_close() {
        queue.push(close);
    }
}

fn body_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, width: f32) {
    let active = state.judge.active().is_some();
    if !active && !state.judge.is_there {
        let words = "Nothing here asks judges: this program was built without what speaks to a network, or its thread ended. \
                     `study judge` of the command line does the same.";
        empty_ui(ui, words, |_| {});
        return;
    }
    if !active && !state.study.is_readable() {
        let words = "No study is open, and tasks stand in studies.";
        empty_ui(ui, words, |ui| {
            let open = AppCommand::ChooseStudy;
            command_button(ui, state, queue, open, "Open a study\u{2026}");
        });
        return;
    }
    let tasks = state.annotate.list.as_ref().map(|list| &list.tasks);
    match tasks {
        _ if active => {}
        None => return empty_ui(ui, "Looking for tasks\u{2026}", |_| {}),
        Some(tasks) if !tasks.iter().any(is_judged) => {
            let words = "This study has no task of pairs yet. A judge says which of two answers is better, as people do.";
            empty_ui(ui, words, |ui| {
                let annotate = AppCommand::Show(Overlay::Annotate);
                command_button(ui, state, queue, annotate, "Make a task\u{2026}");
            });
            return;
        }
        Some(_) => {}
    }
    if width < BROAD {
        form::form_ui(ui, state, queue);
        ui.separator();
        beside_ui(ui, state, queue);
        return;
    }
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(FORM);
            form::form_ui(ui, state, queue);
        });
        ui.add_space(14.0);
        ui.vertical(|ui| {
            ui.set_width(ui.available_width());
            beside_ui(ui, state, queue);
        });
    });
}

fn beside_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    sending::sending_ui(ui, state, queue);
    ui.add_space(10.0);
    said::said_ui(ui, state, queue);
}
