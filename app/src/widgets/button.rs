//! Buttons that know their command: a disabled one says why.

use egui::{Button, Response, RichText, Ui, WidgetText};

use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::AppState;
use crate::theme::Tokens;

/// A button for a command; its tooltip and its accessible description name the keys, or the reason
/// why it is off.
pub fn command_button(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    command: AppCommand,
    label: impl Into<String>,
) -> Response {
    show(ui, state, queue, command, label.into(), false)
}

/// The one button of a panel that stands out.
pub fn primary_button(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    command: AppCommand,
    label: impl Into<String>,
) -> Response {
    show(ui, state, queue, command, label.into(), true)
}

fn show(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    command: AppCommand,
    label: String,
    primary: bool,
) -> Response {
    let tokens = Tokens::of(ui);
    let reason = registry::why_not(&command, state);
    let button = if primary && reason.is_none() {
        Button::new(RichText::new(label).color(tokens.on_accent).strong()).fill(tokens.accent)
    } else {
        Button::new(label)
    };
    let response = ui.add_enabled(reason.is_none(), button);
    let listed = registry::entry(&command);
    let keys = listed.and_then(|entry| entry.shortcut);
    let hint = match (&reason, listed, keys) {
        (Some(reason), ..) => format!("Off: {reason}"),
        (None, Some(entry), Some(keys)) => {
            format!("{}  ({})", entry.title, ui.ctx().format_shortcut(&keys))
        }
        (None, Some(entry), None) => entry.title.to_owned(),
        // Its label says it.
        (None, None, _) => String::new(),
    };
    if !hint.is_empty() {
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_description(hint.clone()));
    }
    let response = match (hint.is_empty(), reason.is_some()) {
        (true, _) => response,
        (false, true) => response.on_disabled_hover_text(hint),
        (false, false) => response.on_hover_text(hint),
    };
    if response.clicked() {
        queue.push(command);
    }
    response
}

/// Text for a small button.
pub fn icon_text(text: &str) -> WidgetText {
    RichText::new(text).size(13.0).into()
}
