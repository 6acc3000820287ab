//! The prompt: its editor, its buttons, and what the model is given of it.

use egui::{Id, RichText, ScrollArea, TextEdit, Ui};

use super::{conversation, given, tools};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Panel};
use crate::theme::Tokens;

/// Room above the editor.
const MARGIN: f32 = 8.0;

/// What the panel keeps from frame to frame: the height of its parts.
#[derive(Debug, Clone, Copy)]
pub struct PromptPanel {
    /// The editor and what folds out: as high as they were drawn.
    bounded: f32,
    /// Everything else.
    rest: f32,
}

impl Default for PromptPanel {
    fn default() -> Self {
        Self {
            bounded: 52.0,
            rest: 52.0,
        }
    }
}

impl PromptPanel {
    /// Height that all of it takes.
    pub fn height(&self) -> f32 {
        self.bounded + self.rest
    }
}

/// The editor with its buttons, and what the model is given of it, in at most `at_most` of height: the
/// editor and what folds out scroll within their part of that, so the buttons are always to be seen.
pub(super) fn prompt_ui(
    ui: &mut Ui,
    panel: &mut PromptPanel,
    at_most: f32,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    let top = ui.cursor().top();
    ui.add_space(MARGIN);
    let one_row = ui.text_style_height(&egui::TextStyle::Body) + 8.0;
    let room = (at_most - panel.rest).max(one_row);
    let fold = if state.prefs.show_given {
        (0.45 * room).min(200.0)
    } else {
        0.0
    };
    let editor = (room - fold).min(0.5 * at_most).max(one_row);
    let begun = ui.cursor().top();
    ScrollArea::vertical()
        .id_salt("editor")
        .max_height(editor)
        .min_scrolled_height(one_row)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            if state.prompt.conversation {
                conversation::turns_ui(ui, state, queue);
            } else {
                text_ui(ui, if at_most < 150.0 { 1 } else { 2 }, state, queue);
            }
        });
    let mut bounded = ui.cursor().top() - begun;
    if state.prompt.conversation {
        conversation::buttons_ui(ui, state, queue);
    }
    tools::tools_ui(ui, state, queue);
    if let Some(problem) = state.prompt.problem().filter(|_| state.prompt.conversation) {
        let words = format!("Not ready: {problem}.");
        ui.label(RichText::new(words).color(Tokens::of(ui).warn).size(13.0));
    }
    given::problem_ui(ui, state);
    if state.info().is_some_and(|b| {
        b.model.has_tokenizer && !b.model.has_chat_template && b.demonstration.is_none()
    }) {
        let words = "Plain text: this bundle has no chat template.";
        ui.label(RichText::new(words).color(Tokens::of(ui).weak).size(13.0));
    }
    if state.prefs.show_given {
        let begun = ui.cursor().top();
        given::preview_ui(ui, state, queue, fold);
        bounded += ui.cursor().top() - begun;
    }
    let now = PromptPanel {
        bounded,
        rest: ui.cursor().top() - top - bounded,
    };
    if (now.height() - panel.height()).abs() > 0.5 || (now.rest - panel.rest).abs() > 0.5 {
        ui.ctx().request_discard("the prompt has another height");
    }
    *panel = now;
}

/// One text, at least so many rows high.
fn text_ui(ui: &mut Ui, rows: usize, state: &AppState, queue: &mut CommandQueue) {
    let mut text = state.prompt.text.clone();
    let edit = TextEdit::multiline(&mut text)
        .id(Id::unique("prompt"))
        .hint_text("Type a prompt")
        .desired_rows(rows)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("Prompt"));
    if state.overlay.focus == Some(Panel::Answers) {
        response.request_focus();
        queue.push(AppCommand::FocusTaken);
    }
    if response.changed() {
        queue.push(AppCommand::SetPrompt(text));
    }
}
