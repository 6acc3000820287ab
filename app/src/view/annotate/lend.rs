//! Packs: items for another machine as texts alone, and the votes that come back; other studies.

use egui::{ComboBox, TextEdit, Ui};

use super::parts::{file_ui, line, weak};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::AppState;
use crate::tasks::Wanted;
use crate::widgets::{command_button, group_title, primary_button, trouble_ui};

/// The page.
pub(super) fn lend_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let mut form = state.annotate.lend.clone();
    let hint = "A pack is a study that holds texts alone: no point, no score, no name of what is compared. Opened on another \
                machine, it goes straight to the blind view";
    group_title(ui, "Lend items to another machine", hint);
    ui.label(weak(ui, hint));
    line(ui, "Task", |ui| {
        let tasks = state
            .annotate
            .list
            .as_ref()
            .map_or(&[][..], |list| &list.tasks);
        let response = ComboBox::from_id_salt("lent task")
            .selected_text(form.task.as_str())
            .show_ui(ui, |ui| {
                for task in tasks.iter().filter(|task| !task.pack) {
                    ui.selectable_value(&mut form.task, task.name.clone(), &task.name);
                }
            });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| {
                node.set_label("Task that is lent");
            });
    });
    line(ui, "For", |ui| {
        let edit = TextEdit::singleline(&mut form.alias)
            .hint_text("A3")
            .desired_width(74.0);
        let response = ui.add(edit);
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_label("Whom it is lent to"));
    });
    line(ui, "Pack", |ui| {
        let hint = "path of the pack, e.g. /home/me/A3.study";
        let field = (Wanted::Pack, "Path of the pack", hint);
        if let Some(path) = file_ui(ui, state, queue, field, &form.out) {
            form.out = path;
        }
    });
    let pack = AppCommand::Annotate(Annotation::Pack);
    primary_button(ui, state, queue, pack, "Make the pack");
    ui.add_space(10.0);
    let hint = "Votes of a pack that was made here; or all of another study, whose sweeps can then be compared with these";
    group_title(ui, "Bring votes back", hint);
    ui.label(weak(ui, hint));
    line(ui, "File", |ui| {
        let hint = "path of a pack that was voted on, or of a study";
        let field = (Wanted::Back, "Path of what comes back", hint);
        if let Some(path) = file_ui(ui, state, queue, field, &form.back) {
            form.back = path;
        }
    });
    let bring = AppCommand::Annotate(Annotation::Bring);
    command_button(ui, state, queue, bring, "Bring back");
    moved_ui(ui, state);
    ui.add_space(10.0);
    group_title(
        ui,
        "Vote on a pack here",
        "It becomes the study of this window",
    );
    command_button(
        ui,
        state,
        queue,
        AppCommand::ChooseStudy,
        "Open a pack\u{2026}",
    );
    if form != state.annotate.lend {
        queue.push(AppCommand::Annotate(Annotation::SetLend(form)));
    }
}

/// What was written or taken in, or why not.
pub(super) fn moved_ui(ui: &mut Ui, state: &AppState) {
    match &state.annotate.moved {
        _ if state.annotate.moving => {
            ui.label(weak(ui, "Working\u{2026}"));
        }
        None => {}
        Some(Ok(words)) => {
            let response = ui.label(words);
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_live(egui::accesskit::Live::Polite);
            });
        }
        Some(Err(trouble)) => {
            let fine = "The study is as it was.";
            trouble_ui(ui, "nothing was written or taken in", trouble, fine, |_| {});
        }
    }
}
