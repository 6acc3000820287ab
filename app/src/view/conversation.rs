//! The conversation editor: turns with their roles, one below the other.

use egui::{ComboBox, Id, RichText, TextEdit, Ui};
use paretoscope_core::types::Message;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Panel, ROLES};
use crate::theme::Tokens;
use crate::widgets::command_button;

/// All turns.
pub(super) fn turns_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    for (index, turn) in state.prompt.turns.iter().enumerate() {
        turn_ui(ui, state, queue, index, turn);
    }
}

/// What is done with them.
pub(super) fn buttons_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    ui.horizontal_wrapped(|ui| {
        command_button(ui, state, queue, AppCommand::AddTurn, "Add turn");
        command_button(ui, state, queue, AppCommand::AddSystemTurn, "Add system");
        let number = state.prompt.turn + 1;
        let words = format!("Turn {number}:");
        ui.label(RichText::new(words).color(Tokens::of(ui).weak));
        command_button(ui, state, queue, AppCommand::MoveTurn(-1), "Up");
        command_button(ui, state, queue, AppCommand::MoveTurn(1), "Down");
        command_button(ui, state, queue, AppCommand::RemoveTurn, "Remove");
    });
}

fn turn_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, index: usize, turn: &Message) {
    let tokens = Tokens::of(ui);
    let number = index + 1;
    ui.horizontal_top(|ui| {
        let marked = if state.prompt.turn == index {
            tokens.accent
        } else {
            tokens.line
        };
        // The mark of the turn that the buttons below act on; they name it as well.
        let bar = ui.allocate_exact_size(egui::vec2(3.0, 24.0), egui::Sense::hover());
        ui.painter().rect_filled(bar.0, 1.0, marked);
        let roles = ComboBox::from_id_salt(("role", index))
            .selected_text(&turn.role)
            .width(92.0)
            .show_ui(ui, |ui| {
                for role in ROLES {
                    if ui.selectable_label(turn.role == role, role).clicked() {
                        let turn = Message::new(role, turn.content.clone());
                        queue.push(AppCommand::SetTurn(index, turn));
                    }
                }
            });
        ui.ctx().accesskit_node_builder(roles.response.id, |node| {
            node.set_label(format!("Role of turn {number}"));
        });
        let mut text = turn.content.clone();
        let hint = match turn.role.as_str() {
            "system" => "Sent as an empty system turn; remove it to send none",
            "assistant" => "What the model said",
            _ => "What the user says",
        };
        let edit = TextEdit::multiline(&mut text)
            .id(Id::unique(("turn", index)))
            .hint_text(hint)
            .desired_rows(1)
            .desired_width(f32::INFINITY);
        let response = ui.add(edit);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label(format!("Turn {number}, {}", turn.role));
        });
        if state.overlay.focus == Some(Panel::Answers) && state.prompt.turn == index {
            response.request_focus();
            response.scroll_to_me(None);
            queue.push(AppCommand::FocusTaken);
        }
        if response.gained_focus() && state.prompt.turn != index {
            queue.push(AppCommand::FocusTurn(index));
        }
        if response.changed() {
            queue.push(AppCommand::SetTurn(
                index,
                Message::new(turn.role.clone(), text),
            ));
        }
    });
}
