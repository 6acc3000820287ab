//! Who votes: an alias, never a name. And the end, where all is voted on.

use egui::{Frame, RichText, Ui};

use super::cards::{Field, field_ui, hint_ui};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::{AppState, Desk, DeskField, DeskPhase};
use crate::theme::Tokens;
use crate::widgets::{command_button, primary_button, trouble_ui};

/// Width of the card.
const WIDE: f32 = 440.0;

/// A card in the middle of the window.
fn card_ui(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let width = (ui.available_width() - 40.0).min(WIDE);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.2).clamp(8.0, 180.0));
        let tokens = Tokens::of(ui);
        Frame::new()
            .fill(tokens.card)
            .stroke(egui::Stroke::new(1.0, tokens.line))
            .corner_radius(10)
            .inner_margin(18)
            .show(ui, |ui| {
                ui.set_width(width);
                ui.with_layout(egui::Layout::top_down(egui::Align::LEFT), add);
            });
    });
}

/// Who votes is asked.
pub(super) fn door_ui(ui: &mut Ui, state: &AppState, desk: &Desk, queue: &mut CommandQueue) {
    card_ui(ui, |ui| {
        let title = RichText::new("Who votes?").heading();
        ui.add(egui::Label::new(title).selectable(false));
        if desk.phase == DeskPhase::Seating {
            ui.label(
                RichText::new("Looking for the first item\u{2026}").color(Tokens::of(ui).weak),
            );
            return;
        }
        ui.label("People have an alias here: A1, A2, and so on. Names are never asked.");
        if desk.only.is_none() {
            alias_ui(ui, state, desk, queue);
        }
        let alias = desk.typed.trim().to_uppercase();
        let sit = AppCommand::Annotate(Annotation::Sit);
        let words = match () {
            () if alias.is_empty() => "Begin".to_owned(),
            () if state.annotate.knows(&alias) => format!("Continue as {alias}"),
            () => format!("Begin as {alias}"),
        };
        if !alias.is_empty() && desk.only.is_none() && state.annotate.knows(&alias) {
            ui.label(format!("{alias} is known here. Is that you?"));
        }
        hint_ui(ui, desk);
        if let Some(trouble) = &desk.trouble {
            let fine = "All votes are as they were.";
            trouble_ui(ui, "nobody sits down", trouble, fine, |_| {});
        }
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            primary_button(ui, state, queue, sit, words);
            leave_button(ui, state, queue);
        });
    });
}

fn alias_ui(ui: &mut Ui, state: &AppState, desk: &Desk, queue: &mut CommandQueue) {
    let field = Field {
        which: DeskField::Alias,
        name: "Your alias",
        hint: "A1",
        rows: 1,
    };
    let (typed, entered) = field_ui(ui, desk, queue, &field, &desk.typed);
    if let Some(text) = typed {
        queue.push(AppCommand::Annotate(Annotation::TypeAlias(text)));
    }
    let next = state.annotate.list.as_ref().map(|list| list.next.clone());
    let sit_new = |queue: &mut CommandQueue, next: String| {
        queue.push(AppCommand::Annotate(Annotation::TypeAlias(next)));
        queue.push(AppCommand::Annotate(Annotation::Sit));
    };
    if entered {
        match &next {
            // Whoever types nothing is new.
            Some(next) if desk.typed.trim().is_empty() => sit_new(queue, next.clone()),
            _ => queue.push(AppCommand::Annotate(Annotation::Sit)),
        }
    }
    if let Some(next) = next.filter(|next| desk.typed.trim().to_uppercase() != *next)
        && ui.button(format!("I am new: {next}")).clicked()
    {
        sit_new(queue, next);
    }
}

fn leave_button(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let leave = AppCommand::Annotate(Annotation::AskLeave);
    command_button(ui, state, queue, leave, "Leave\u{2026}");
}

/// All is voted on.
pub(super) fn done_ui(ui: &mut Ui, state: &AppState, desk: &Desk, queue: &mut CommandQueue) {
    card_ui(ui, |ui| {
        let title = RichText::new("All done, thank you").heading();
        ui.add(egui::Label::new(title).selectable(false));
        let words = format!("{} of {} are saved.", desk.saved, desk.of);
        let response = ui.label(words);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
        if let Some(trouble) = &desk.trouble {
            let fine = "All votes are as they were.";
            trouble_ui(ui, "nothing was undone", trouble, fine, |_| {});
        }
        hint_ui(ui, desk);
        ui.horizontal_wrapped(|ui| {
            let back = AppCommand::Annotate(Annotation::TakeBack);
            if desk.only.is_none() {
                let next = AppCommand::Annotate(Annotation::HandOver);
                primary_button(ui, state, queue, next, "Hand over  H");
            }
            command_button(ui, state, queue, back, "Undo  U");
            leave_button(ui, state, queue);
        });
    });
}
