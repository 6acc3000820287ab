//! Tags of the answer that is looked at, and the tag that the history shows alone.

use egui::{ComboBox, Id, Key, RichText, TextEdit, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, RunEntry};
use crate::theme::Tokens;

/// Letters of a tag at most.
const LONGEST: usize = 40;
/// Known tags that are offered at most.
const OFFERED: usize = 8;

/// Its tags, each with a way to take it off; a field for another, and those that were used before.
pub(super) fn tags_ui(ui: &mut Ui, state: &AppState, run: &RunEntry, queue: &mut CommandQueue) {
    ui.horizontal_wrapped(|ui| {
        for tag in &run.tags {
            let off = ui.small_button(format!("{tag} \u{d7}"));
            let name = format!("Take the tag {tag} off");
            ui.ctx()
                .accesskit_node_builder(off.id, |node| node.set_label(name.clone()));
            if off.on_hover_text(name).clicked() {
                queue.push(AppCommand::RemoveTag(run.id, tag.clone()));
            }
        }
        field_ui(ui, run, queue);
    });
    let unused = state
        .study
        .tags
        .iter()
        .filter(|tag| !run.tags.contains(*tag));
    let offered: Vec<&String> = unused.take(OFFERED).collect();
    if offered.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        let weak = Tokens::of(ui).weak;
        ui.label(RichText::new("Used before:").color(weak).size(13.0));
        for tag in offered {
            let on = ui.small_button(tag);
            let name = format!("Tag this answer {tag}");
            ui.ctx()
                .accesskit_node_builder(on.id, |node| node.set_label(name.clone()));
            if on.on_hover_text(name).clicked() {
                queue.push(AppCommand::AddTag(run.id, tag.clone()));
            }
        }
    });
}

/// A tag is taken with Enter; one that is none is said so below.
fn field_ui(ui: &mut Ui, run: &RunEntry, queue: &mut CommandQueue) {
    let id = Id::unique(("tag", run.id));
    let draft = id.with("draft");
    let mut text = ui.data(|d| d.get_temp::<String>(draft)).unwrap_or_default();
    let field = TextEdit::singleline(&mut text)
        .id(id)
        .hint_text("Add a tag")
        .desired_width(110.0);
    let response = ui.add(field);
    let problem = problem(&text);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label("Add a tag to this answer");
        if let Some(problem) = &problem {
            node.set_invalid(egui::accesskit::Invalid::True);
            node.set_description(problem.clone());
        }
    });
    if response.changed() {
        ui.data_mut(|d| d.insert_temp(draft, text.clone()));
    }
    if response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) && problem.is_none() {
        let tag = text.trim().to_owned();
        if !tag.is_empty() {
            queue.push(AppCommand::AddTag(run.id, tag));
        }
        ui.data_mut(|d| d.remove_temp::<String>(draft));
        // The next one is typed at once.
        response.request_focus();
    }
    if let Some(problem) = problem {
        let color = Tokens::of(ui).error;
        ui.label(
            RichText::new(format!("Not taken: {problem}"))
                .color(color)
                .size(13.0),
        );
    }
}

/// Why a text is no tag.
fn problem(text: &str) -> Option<String> {
    let letters = text.trim().chars().count();
    (letters > LONGEST).then(|| format!("{letters} letters; a tag has {LONGEST} at most"))
}

/// The tag that the history shows alone.
pub(super) fn filter_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let now = &state.study.sought.tag;
    if state.study.tags.is_empty() && now.is_none() {
        return;
    }
    let mut next = now.clone();
    let all = "all answers";
    ComboBox::from_label("Tagged")
        .selected_text(now.as_deref().unwrap_or(all))
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut next, None, all);
            for tag in &state.study.tags {
                ui.selectable_value(&mut next, Some(tag.clone()), tag.as_str());
            }
        });
    if next != *now {
        queue.push(AppCommand::FilterTag(next));
    }
}
