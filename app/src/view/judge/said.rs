//! What judges said of a task, held against people: the numbers of `study judge` and `study stats`.

use egui::{Grid, Label, RichText, Ui};
use paretoscope_core::study::JudgeSaid;

use super::words::{checks_words, lines};
use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::Tokens;
use crate::view::annotate::weak;
use crate::widgets::{command_button, group_title, trouble_ui};

/// All judges of the task in the form.
pub(super) fn said_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(of) = &state.judge.said else { return };
    let hint =
        "Their votes stand apart from people's: they are in no result of people, and train nobody";
    group_title(ui, "What judges said", hint);
    match &of.said {
        None => {
            ui.label(weak(ui, "Weighing what they said\u{2026}"));
        }
        Some(Err(trouble)) => {
            let fine = "The votes are as they were.";
            trouble_ui(ui, "what judges said is not known", trouble, fine, |_| {});
        }
        Some(Ok(said)) if said.is_empty() => {
            ui.label(weak(ui, "No judge has voted on this task yet."));
        }
        Some(Ok(said)) => {
            for said in said.iter() {
                ui.push_id(&said.judge, |ui| one_ui(ui, state, said, queue));
            }
        }
    }
}

fn one_ui(ui: &mut Ui, state: &AppState, said: &JudgeSaid, queue: &mut CommandQueue) {
    ui.add_space(6.0);
    let model = said.of.as_ref().map(|of| of.model.as_str());
    let title = format!("{}: {}", said.judge, model.unwrap_or("of another file"));
    ui.label(RichText::new(title).heading());
    if let Some(of) = &said.of {
        let words = format!(
            "{}; temperature {}, at most {} tokens a reply",
            of.endpoint, of.temperature, of.max_tokens
        );
        ui.add(Label::new(weak(ui, words)).wrap());
        let now = state.judge_plan().map(|plan| plan.of);
        if now.as_ref() != Some(of) && state.judge.active().is_none() {
            let mut form = state.prefs.judge.clone();
            form.go_on_as(of);
            let go_on = AppCommand::SetJudge(Box::new(form));
            let words = format!("Go on as {}", said.judge);
            command_button(ui, state, queue, go_on, words)
                .on_hover_text("Takes its address, model and what it is told into the form");
        }
    }
    ui.label(checks_words(said));
    for (objective, said) in &said.objectives {
        ui.label(RichText::new(objective).strong());
        Grid::new(("said", objective))
            .num_columns(2)
            .spacing([14.0, 3.0])
            .show(ui, |ui| {
                for (label, words, flag) in lines(said) {
                    ui.label(weak(ui, label));
                    let words = if flag {
                        let words = format!("Flag: {words}; the place says something");
                        RichText::new(words).color(Tokens::of(ui).warn)
                    } else {
                        RichText::new(words)
                    };
                    ui.add(Label::new(words).wrap());
                    ui.end_row();
                }
            });
    }
}
