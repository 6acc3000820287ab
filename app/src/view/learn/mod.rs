//! The sheet in which votes become a value vector: the plan with its counts on the left, progress and effect on the right.

mod effect;
mod form;

use egui::{Context, Id, Modal, ProgressBar, RichText, ScrollArea, Ui};
use paretoscope_core::types::Measured;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, LearnPhase, Overlay};
use crate::theme::Tokens;
use crate::widgets::format::{count, duration};
use crate::widgets::{command_button, empty_ui, primary_button, section, trouble_ui};

/// Most of the sheet's width.
const WIDEST: f32 = 1040.0;
/// Narrower than this, plan and effect stand one above the other.
const BROAD: f32 = 720.0;
/// Width of the plan beside the effect.
const FORM: f32 = 330.0;

/// The sheet.
pub(super) fn learn_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Learn);
    let modal = Modal::new(Id::unique("learn")).show(ctx, |ui| {
        let width = (room.x - 60.0).min(WIDEST);
        ui.set_width(width);
        section(ui, "Learn from votes", |ui| {
            if ui.button("Close").clicked() {
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
    if state.info().is_none() {
        empty_ui(
            ui,
            "Learning starts from the base model of a bundle, and none is open.",
            |ui| {
                let open = AppCommand::Show(Overlay::Bundle);
                primary_button(ui, state, queue, open, "Open a bundle\u{2026}");
            },
        );
        return;
    }
    match &state.learn.tasks {
        _ if state.learn.phase.is_active() || state.learn.effect.is_some() => {}
        None if state.study.path.is_none() => {
            empty_ui(ui, "No study is open, and votes stand in studies.", |ui| {
                command_button(
                    ui,
                    state,
                    queue,
                    AppCommand::ChooseStudy,
                    "Open a study\u{2026}",
                );
            });
            return;
        }
        None => {
            empty_ui(ui, "Reading the votes of the study\u{2026}", |ui| {
                ui.spinner()
            });
            return;
        }
        Some(Err(trouble)) => {
            let fine = "Answers and votes are untouched.";
            trouble_ui(
                ui,
                "the votes of the study cannot be read",
                trouble,
                fine,
                |_| {},
            );
            return;
        }
        Some(Ok(tasks)) if tasks.is_empty() => {
            let words = "This study has no task of pairs yet. Draw one from a sweep, let people vote on it, and what they \
                         prefer can be learnt here.";
            empty_ui(ui, words, |_| {});
            return;
        }
        Some(Ok(_)) => {}
    }
    if width < BROAD {
        form::form_ui(ui, state, queue);
        ui.separator();
        progress_ui(ui, state, queue);
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
            progress_ui(ui, state, queue);
        });
    });
}

/// How far it is, and what came of it.
fn progress_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let learn = &state.learn;
    if let Some(pairs) = &learn.pairs
        && learn.phase.is_active()
    {
        ui.label(weak(ui, format!("Learns from {}.", pairs.words())));
    }
    let (fraction, words) = progress(&learn.phase);
    if let Some(fraction) = fraction {
        let bar = ProgressBar::new(fraction)
            .desired_height(8.0)
            .corner_radius(4.0);
        ui.add(bar.fill(Tokens::of(ui).accent));
    }
    let response = ui.label(RichText::new(words).size(13.0));
    if learn.phase.is_active() {
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
        let hint = "What is trained and measured so far is kept, so that it can go on later";
        command_button(ui, state, queue, AppCommand::CancelLearn, "Cancel").on_hover_text(hint);
    }
    if let LearnPhase::Failed(trouble) = &learn.phase {
        let fine = "The bundle in use is untouched; what was trained and measured before is kept.";
        trouble_ui(ui, "nothing was learnt", trouble, fine, |_| {});
    }
    if let Some(effect) = &learn.effect {
        effect::effect_ui(ui, state, queue, effect);
    }
}

/// Of the present part, and in words.
fn progress(phase: &LearnPhase) -> (Option<f32>, String) {
    let share = |done: usize, of: usize| Some(done as f32 / of.max(1) as f32);
    match phase {
        LearnPhase::Idle => {
            let words = "What it does to the scores stands here afterwards: an arrow per point, before and after, on prompts \
                         that nobody voted on.";
            (None, words.to_owned())
        }
        LearnPhase::Starting => (
            None,
            "Reading the votes and the base model\u{2026}".to_owned(),
        ),
        LearnPhase::Preparing(what, done, of) => {
            let words = format!("1 of 3, before the first step: {what}, {done} of {of}");
            (share(*done, *of), words)
        }
        LearnPhase::Training(step) => {
            let words = format!(
                "1 of 3, training: step {} of {}, loss {:.3}, {} to go",
                count(step.step),
                count(step.steps),
                step.loss,
                duration(step.eta_seconds)
            );
            (share(step.step, step.steps), words)
        }
        LearnPhase::Measuring(what, done, of, eta) => {
            let part = match what {
                Measured::Before => "2 of 3, measuring without the vector",
                Measured::After => "3 of 3, measuring with it",
            };
            let eta = eta.map_or_else(String::new, |s| format!(", {} to go", duration(s)));
            let words = format!("{part}: {} of {} answers{eta}", count(*done), count(*of));
            (share(*done, *of), words)
        }
        LearnPhase::Stopping => (
            None,
            "Stopping; what there is so far is kept\u{2026}".to_owned(),
        ),
        LearnPhase::Done => (None, "Done.".to_owned()),
        LearnPhase::Cancelled => (
            None,
            "Stopped. Started again with the same settings it goes on.".to_owned(),
        ),
        LearnPhase::Failed(_) => (None, "Failed.".to_owned()),
    }
}

/// Words in the secondary colour.
fn weak(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).color(Tokens::of(ui).weak).size(13.0)
}
