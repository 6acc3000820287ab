//! When a moved point starts an answer: beside Generate, and in the settings.

use egui::Ui;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, GenerateWhen};

/// The choices, each in a word and in a sentence.
pub(super) const CHOICES: [(GenerateWhen, &str, &str); 3] = [
    (
        GenerateWhen::Release,
        "on release",
        "when the point is let go",
    ),
    (
        GenerateWhen::Live,
        "live",
        "whenever the point rests while it is dragged",
    ),
    (GenerateWhen::Manual, "by hand", "only by Ctrl+Enter"),
];

/// What holds now.
pub(super) fn title(state: &AppState) -> String {
    let now = CHOICES.iter().find(|(w, ..)| *w == state.prefs.generate);
    format!("Answer: {}", now.map_or("", |(_, title, _)| title))
}

/// The choices, in a menu.
pub(super) fn when_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    for (when, title, sentence) in CHOICES {
        let on = state.prefs.generate == when;
        if ui
            .selectable_label(on, format!("{title}: {sentence}"))
            .clicked()
        {
            queue.push(AppCommand::SetGenerate(when));
            ui.close();
        }
    }
}
