//! The bottom strip: the last news, and what the demonstration bundle is.

use egui::{RichText, Ui};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, NoticeKind, Overlay};
use crate::theme::Tokens;
use crate::widgets::between;
use crate::widgets::format::counted;

/// The bottom strip.
pub(super) fn status_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 18.0;
        // So much of it at most is the study's name.
        let most = 0.3 * ui.available_width();
        let news = |ui: &mut Ui| news_ui(ui, state);
        between(ui, "status", news, |ui| {
            if let Some(words) = state.info().and_then(|b| b.demonstration.clone()) {
                let text = RichText::new("Demonstration model")
                    .color(tokens.warn)
                    .size(13.0);
                ui.label(text).on_hover_text(words);
            }
            if let Some(words) = state.mute_words() {
                ui.label(RichText::new(words).color(tokens.error).size(13.0));
            }
            let parts: [fn(&mut Ui, &AppState, &mut CommandQueue); 2] =
                [super::study::lease_ui, super::study::saved_ui];
            for part in parts {
                ui.scope(|ui| {
                    ui.set_max_width(most);
                    part(ui, state, queue);
                });
            }
            let help = ui.add(egui::Button::new(RichText::new("?").size(13.0)).small());
            let help = help.on_hover_text("List of shortcuts (?)");
            ui.ctx()
                .accesskit_node_builder(help.id, |node| node.set_label("List of shortcuts"));
            if help.clicked() {
                queue.push(AppCommand::Show(Overlay::Shortcuts));
            }
        });
    });
}

/// What was said last.
fn news_ui(ui: &mut Ui, state: &AppState) {
    let tokens = Tokens::of(ui);
    let (text, color) = match &state.engine.notice {
        Some(n) if n.kind == NoticeKind::Error => (format!("Error: {}", n.text), tokens.error),
        Some(n) => (n.text.clone(), tokens.text),
        None => (idle_words(state), tokens.weak),
    };
    let label = egui::Label::new(RichText::new(&text).color(color).size(13.0)).truncate();
    let response = ui.add(label);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(egui::accesskit::Live::Polite);
    });
}

fn idle_words(state: &AppState) -> String {
    match state.info() {
        None => "Open a bundle to begin".to_owned(),
        Some(_) if state.session.history().next().is_none() => {
            "Drag the point, or press Ctrl+Enter, to generate".to_owned()
        }
        Some(_) if state.session.history().any(|run| run.written.is_some()) => {
            counted(state.session.history().count(), "answer") + " in the history"
        }
        Some(_) if state.session.history().count() == 1 => "1 answer in this session".to_owned(),
        Some(_) => format!(
            "{} answers in this session",
            state.session.history().count()
        ),
    }
}
