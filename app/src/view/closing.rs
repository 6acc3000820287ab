//! Asked before the window closes on work under way: what is safe, and what stops.

use egui::{Context, Id, Modal, RichText, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;
use crate::widgets::format::count;
use crate::widgets::{command_button, primary_button};

/// The question. Escape keeps the window open.
pub(super) fn closing_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let keep = AppCommand::Show(Overlay::Closing);
    let modal = Modal::new(Id::unique("closing")).show(ctx, |ui| {
        ui.set_width((ctx.content_rect().width() - 60.0).min(440.0));
        ui.add(egui::Label::new(RichText::new("Close now?").heading()).selectable(false));
        work_ui(ui, state);
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| {
            primary_button(ui, state, queue, keep.clone(), "Keep open");
            command_button(ui, state, queue, AppCommand::Leave, "Close");
        });
    });
    if modal.should_close() {
        queue.push(keep);
    }
}

fn work_ui(ui: &mut Ui, state: &AppState) {
    let weak = Tokens::of(ui).weak;
    if state.annotate.desk.is_some() {
        // Whoever votes learns nothing of what else goes on.
        ui.label("Other work in this window stops; what is finished of it is kept.");
        return;
    }
    if state.sweep.is_active() {
        let (done, all) = state
            .sweep
            .progress
            .as_ref()
            .map_or((0, 0), |p| (p.points_done, p.points));
        ui.label(format!(
            "The sweep stops at {} of {} points.",
            count(done),
            count(all)
        ));
        let words = "Every finished answer is stored; the same sweep goes on from there when it is started again.";
        ui.label(RichText::new(words).color(weak));
    }
    if let Some(run) = state.training.active() {
        let at = run.steps.last().map_or_else(String::new, |last| {
            format!(" at step {} of {}", last.step, last.steps)
        });
        ui.label(format!("The training of {} stops{at}.", run.plan.name()));
        let words = "Resume in the training sheet goes on from the last checkpoint: one is written now, where a step ends within five seconds.";
        ui.label(RichText::new(words).color(weak));
    }
    if let Some(run) = state.judge.active() {
        ui.label(format!(
            "The judge stops after {} of {} verdicts.",
            count(run.progress.done),
            count(run.progress.of)
        ));
        let words = "What it said is kept; sent to it again, it goes on with the rest.";
        ui.label(RichText::new(words).color(weak));
    }
    if state.learn.phase.is_active() {
        ui.label("Learning from votes stops.");
        let words =
            "What is trained and measured so far is kept; started again, it goes on from there.";
        ui.label(RichText::new(words).color(weak));
    }
}
