//! Scoring a text by hand, in the bundle sheet.

use egui::{Grid, RichText, TextEdit, Ui};
use paretoscope_core::types::BundleInfo;

use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::Tokens;
use crate::widgets::command_button;
use crate::widgets::format::signed;

/// Two fields, and the score of every objective below them.
pub(super) fn trial_ui(ui: &mut Ui, state: &AppState, info: &BundleInfo, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    if info.objectives.iter().all(|o| o.reward.is_none()) {
        return;
    }
    let trial = &state.bundle.trial;
    ui.horizontal(|ui| {
        ui.label(RichText::new("Score a text").strong());
        command_button(ui, state, queue, AppCommand::TryCurrent, "Take the answer");
    });
    let (mut prompt, mut response) = (trial.prompt.clone(), trial.response.clone());
    let mut changed = false;
    for (name, text, rows) in [("Prompt", &mut prompt, 1), ("Answer", &mut response, 3)] {
        let label = ui.label(RichText::new(name).color(tokens.weak).size(13.0));
        let edit = TextEdit::multiline(text)
            .desired_rows(rows)
            .desired_width(f32::INFINITY);
        changed |= ui.add(edit).labelled_by(label.id).changed();
    }
    if changed {
        queue.push(AppCommand::Try(prompt, response));
    }
    if let Some(trouble) = &trial.trouble {
        ui.label(RichText::new(format!("Not scored: {}", trouble.message)).color(tokens.error));
        return;
    }
    let Some(scores) = &trial.scores else {
        let words = if trial.job.is_some() {
            "scoring\u{2026}"
        } else {
            "Scores appear as you type an answer."
        };
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
        return;
    };
    Grid::new("trial").num_columns(2).show(ui, |ui| {
        for (objective, score) in info.objectives.iter().zip(&scores.0) {
            ui.label(&objective.name);
            match score {
                Some(score) => ui.label(signed(*score)),
                None => ui.label(RichText::new("no reward model").color(tokens.weak)),
            };
            ui.end_row();
        }
    });
}
