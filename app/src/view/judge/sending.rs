//! What would be sent where, before anything is; then how far it is.

use egui::{Frame, Label, ProgressBar, RichText, ScrollArea, Ui};
use paretoscope_core::types::JudgePreview;
use serde_json::Value;

use super::words::{cost_words, run_words, seen_words, spent_words};
use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, JudgePhase, JudgeRun};
use crate::theme::Tokens;
use crate::view::annotate::weak;
use crate::widgets::format::counted;
use crate::widgets::{command_button, group_title, primary_button, trouble_ui};

/// Height of the first request.
const TALL: f32 = 190.0;

/// The run under way; else what would be sent, and what became of the last run.
pub(super) fn sending_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if let Some(run) = state.judge.active() {
        run_ui(ui, state, run, queue);
        return;
    }
    if let Some(run) = &state.judge.run {
        last_ui(ui, run);
        ui.add_space(6.0);
    }
    let hint = "It is looked up in the study. Nothing leaves the program before the button below is pressed";
    group_title(ui, "What would be sent", hint);
    if let Some(problem) = state.prefs.judge.problem(&state.annotate) {
        ui.label(weak(ui, format!("Not yet: {problem}.")));
        return;
    }
    let plan = state.judge_plan();
    match plan.as_ref().and_then(|plan| state.judge.seen(plan)) {
        None => {
            ui.label(weak(ui, "Looking it up\u{2026}"));
        }
        Some(Err(trouble)) => {
            let fine = "Nothing was sent.";
            trouble_ui(ui, "nothing can be sent", trouble, fine, |_| {});
        }
        Some(Ok(seen)) if seen.requests == 0 => {
            ui.label("Nothing: this judge has judged all of it.");
        }
        Some(Ok(seen)) => seen_ui(ui, state, seen, queue),
    }
}

/// All that a person sees before anything is sent, and the button that sends it.
fn seen_ui(ui: &mut Ui, state: &AppState, seen: &JudgePreview, queue: &mut CommandQueue) {
    let form = &state.prefs.judge;
    let Some(plan) = state.judge_plan() else {
        return;
    };
    ui.add(Label::new(RichText::new(&seen.endpoint).strong()).wrap());
    if seen.this_machine {
        ui.label("This machine: no text leaves it, unless what listens there sends it on.");
    } else {
        let words =
            "Another machine: prompts and answers leave this one, over an encrypted connection.";
        ui.label(RichText::new(words).color(Tokens::of(ui).warn));
    }
    for words in seen_words(&plan, seen) {
        ui.label(words);
    }
    ui.label(cost_words(plan.prices, seen));
    let key = if seen.key {
        format!("With the key in {}, which is not shown.", form.key_env)
    } else {
        "Without a key.".to_owned()
    };
    ui.label(key);
    if let Some(first) = &seen.first_request {
        first_ui(ui, first);
    }
    let words = format!(
        "Send {} to {}",
        counted(seen.requests, "request"),
        plan.endpoint.authority()
    );
    ui.horizontal_wrapped(|ui| {
        let send = AppCommand::SendToJudge;
        let reason = registry::why_not(&send, state);
        primary_button(ui, state, queue, send, words);
        let why = reason.map_or_else(
            || "None of it was sent yet.".to_owned(),
            |reason| format!("Not now: {reason}."),
        );
        ui.label(weak(ui, why));
    });
}

/// The first request as it goes, each of its fields.
fn first_ui(ui: &mut Ui, body: &Value) {
    ui.label(weak(ui, "The first request, in full:"));
    Frame::new()
        .fill(Tokens::of(ui).card)
        .corner_radius(6)
        .inner_margin(8)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ScrollArea::vertical()
                .id_salt("first request")
                .max_height(TALL)
                .auto_shrink([false, true])
                .show(ui, |ui| {
                    let fields = body.as_object().into_iter().flatten();
                    let others = fields.filter(|(name, _)| *name != "messages");
                    let others: Vec<String> = others
                        .map(|(name, value)| format!("{name}: {value}"))
                        .collect();
                    mono_ui(ui, &others.join(", "));
                    for message in body["messages"].as_array().into_iter().flatten() {
                        let part = |name: &str| message[name].as_str().unwrap_or("");
                        ui.label(weak(ui, format!("{}:", part("role"))));
                        mono_ui(ui, part("content"));
                    }
                });
        });
}

fn mono_ui(ui: &mut Ui, text: &str) {
    let text = RichText::new(text).monospace().size(13.0);
    ui.add(Label::new(text).wrap());
}

/// How far a run is.
fn run_ui(ui: &mut Ui, state: &AppState, run: &JudgeRun, queue: &mut CommandQueue) {
    let (plan, progress) = (&run.plan, &run.progress);
    let asked = format!("{} judges {}", plan.of.model, plan.task);
    ui.label(RichText::new(asked).strong());
    ui.add(Label::new(weak(ui, plan.endpoint.url())).wrap());
    if state.study.path.as_ref() != Some(&plan.study) {
        ui.label(weak(ui, format!("In {}", plan.study.display())));
    }
    let share = progress.done as f32 / progress.of.max(1) as f32;
    let bar = ProgressBar::new(share)
        .desired_height(8.0)
        .corner_radius(4.0);
    ui.add(bar.fill(Tokens::of(ui).accent));
    let response = ui.label(run_words(run));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(egui::accesskit::Live::Polite);
    });
    if let Some((why, until)) = &run.waits {
        let rest = (until - state.now).max(0.0).ceil();
        let words = format!("Waiting: {why}; asked again in {rest:.0} s");
        let response = ui.label(RichText::new(words).color(Tokens::of(ui).warn));
        // The seconds are not read out.
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_value(format!("Waiting: {why}"));
            node.set_live(egui::accesskit::Live::Polite);
        });
    }
    for words in spent_words(run) {
        ui.label(weak(ui, words));
    }
    let hint =
        "Ends after the request under way; every verdict that came is kept, and it can go on later";
    command_button(ui, state, queue, AppCommand::CancelJudge, "Cancel").on_hover_text(hint);
}

/// What became of the last run.
fn last_ui(ui: &mut Ui, run: &JudgeRun) {
    match &run.phase {
        JudgePhase::Running | JudgePhase::Stopping => {}
        JudgePhase::Done => {
            ui.label(format!("Done: {}", run_words(run)));
        }
        JudgePhase::Cancelled => {
            let words = format!(
                "Stopped: {}. What was said is kept; sent again, it goes on with the rest.",
                run_words(run)
            );
            ui.label(words);
        }
        JudgePhase::Failed(trouble) => {
            let fine = format!(
                "{} of this run are kept; sent again, it goes on with the rest.",
                counted(run.progress.done, "verdict")
            );
            trouble_ui(ui, "the judge stopped", trouble, &fine, |_| {});
        }
    }
    for words in spent_words(run) {
        ui.label(weak(ui, words));
    }
}
