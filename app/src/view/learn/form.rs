//! From which votes, how, and where it is measured.

use egui::{ComboBox, Id, RichText, TextEdit, Ui};

use super::weak;
use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, LearnForm};
use crate::theme::Tokens;
use crate::view::training::settings_ui;
use crate::widgets::number::{checked_field, real};
use crate::widgets::primary_button;

/// The plan.
pub(super) fn form_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let mut form = state.learn.form.clone();
    ui.add_enabled_ui(!state.learn.phase.is_active(), |ui| {
        ui.label(RichText::new("From these votes").strong());
        task_ui(ui, state, &mut form);
        if let Some(pairs) = form.pairs(state.learn.known()) {
            ui.label(pairs.words());
            let votes =
                "Prompts of the test part are never trained on. Judges' votes are not among them.";
            ui.label(weak(ui, votes));
        }
        ui.add_space(6.0);
        ui.label(RichText::new("A value vector by DPO").strong());
        name_ui(ui, &mut form.name);
    });
    // Above the settings: it stands in sight whatever the height of the window.
    start_ui(ui, state, queue);
    ui.add_enabled_ui(!state.learn.phase.is_active(), |ui| {
        settings_ui(ui, &mut form.training);
        ui.add_space(6.0);
        ui.label(RichText::new("Measured on test prompts").strong());
        weight_ui(ui, &mut form.weight);
        ui.checkbox(&mut form.in_sample, "Also on the voters' own prompts (in sample)")
            .on_hover_text("What was trained on is no measure of what was learnt; it shows how far the two are apart");
    });
    if form != state.learn.form {
        queue.push(AppCommand::SetLearn(Box::new(form)));
    }
}

fn task_ui(ui: &mut Ui, state: &AppState, form: &mut LearnForm) {
    let tasks = state.learn.known();
    let combo = ComboBox::from_id_salt("learn task")
        .width(200.0)
        .selected_text(form.task.as_str());
    let response = combo.show_ui(ui, |ui| {
        for task in tasks {
            ui.selectable_value(&mut form.task, task.name.clone(), &task.name);
        }
    });
    ui.ctx()
        .accesskit_node_builder(response.response.id, |node| node.set_label("Task"));
    let Some(task) = tasks.iter().find(|task| task.name == form.task) else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(weak(ui, "by"));
        for (objective, pairs) in &task.objectives {
            let words = format!("{objective} ({})", pairs.pairs);
            ui.selectable_value(&mut form.objective, objective.clone(), words)
                .on_hover_text("Pairs that were decided, on training prompts");
        }
    });
}

fn name_ui(ui: &mut Ui, name: &mut String) {
    let response = ui.add(TextEdit::singleline(name).desired_width(200.0));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label("Name of the value vector")
    });
}

fn weight_ui(ui: &mut Ui, weight: &mut f64) {
    ui.horizontal(|ui| {
        ui.label(weak(ui, "at the weight"));
        let check = |text: &str| real(text, 0.0, 100.0, false);
        let now = weight.to_string();
        let taken = checked_field(
            ui,
            Id::unique("learn weight"),
            "Weight it is measured at",
            now,
            74.0,
            check,
        );
        if let Some(taken) = taken {
            *weight = taken;
        }
    });
}

fn start_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.learn.phase.is_active() {
        return;
    }
    let start = AppCommand::StartLearn;
    let reason = registry::why_not(&start, state);
    primary_button(ui, state, queue, start, "Learn and measure");
    if let Some(reason) = reason {
        ui.label(
            RichText::new(format!("Not yet: {reason}"))
                .color(Tokens::of(ui).warn)
                .size(13.0),
        );
    }
}
