//! What lies over an item: why it is skipped, whether to leave annotation. And the text fields of the blind view.

use egui::{Context, Id, Key, Modal, RichText, TextEdit, Ui};

use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::{AppState, Desk, DeskCard, DeskField};
use crate::theme::Tokens;
use crate::widgets::{command_button, primary_button};

/// Reasons that many have.
const REASONS: [&str; 3] = [
    "I cannot judge this",
    "Not in a language I read",
    "A text is broken",
];

/// A text field: what it is, its name, what stands in it while it is empty.
pub(super) struct Field {
    pub(super) which: DeskField,
    pub(super) name: &'static str,
    pub(super) hint: &'static str,
    pub(super) rows: usize,
}

/// A text field of the blind view; what was typed, and whether Enter ended it.
pub(super) fn field_ui(
    ui: &mut Ui,
    desk: &Desk,
    queue: &mut CommandQueue,
    field: &Field,
    value: &str,
) -> (Option<String>, bool) {
    let mut text = value.to_owned();
    let edit = if field.rows > 1 {
        TextEdit::multiline(&mut text).desired_rows(field.rows)
    } else {
        TextEdit::singleline(&mut text)
    };
    let edit = edit
        .id(Id::unique(field.name))
        .hint_text(field.hint)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(field.name));
    if desk.focus == Some(field.which) {
        // A card that comes up gives the keyboard away in its first frame.
        if response.has_focus() {
            queue.push(AppCommand::Annotate(Annotation::FieldTaken));
        } else {
            response.request_focus();
        }
    }
    let entered = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    (response.changed().then_some(text), entered)
}

/// What lies over the item, if anything.
pub(super) fn cards_ui(ctx: &Context, state: &AppState, desk: &Desk, queue: &mut CommandQueue) {
    let close = AppCommand::Annotate(Annotation::Close);
    let name = match desk.card {
        DeskCard::None => return,
        DeskCard::Skip => "skip",
        DeskCard::Leave => "leave annotation",
    };
    let modal = Modal::new(Id::unique(name)).show(ctx, |ui| {
        ui.set_width((ctx.content_rect().width() - 60.0).min(440.0));
        match desk.card {
            DeskCard::Skip => skip_ui(ui, state, desk, queue),
            _ => leave_ui(ui, state, desk, queue),
        }
    });
    if modal.should_close() {
        queue.push(close);
    }
}

fn title_ui(ui: &mut Ui, words: &str) {
    let title = RichText::new(words).heading();
    ui.add(egui::Label::new(title).selectable(false));
}

fn skip_ui(ui: &mut Ui, state: &AppState, desk: &Desk, queue: &mut CommandQueue) {
    title_ui(ui, "Skip this item?");
    ui.label("Say why: a skip without a reason tells nobody anything.");
    ui.horizontal_wrapped(|ui| {
        for reason in REASONS {
            if ui.button(reason).clicked() {
                queue.push(AppCommand::Annotate(Annotation::SetReason(
                    reason.to_owned(),
                )));
                queue.push(AppCommand::Annotate(Annotation::Skip));
            }
        }
    });
    let field = Field {
        which: DeskField::Reason,
        name: "Why it is skipped",
        hint: "or in your own words",
        rows: 1,
    };
    let (typed, entered) = field_ui(ui, desk, queue, &field, &desk.reason);
    if let Some(text) = typed {
        queue.push(AppCommand::Annotate(Annotation::SetReason(text)));
    }
    let skip = AppCommand::Annotate(Annotation::Skip);
    if entered {
        queue.push(skip.clone());
    }
    hint_ui(ui, desk);
    ui.horizontal_wrapped(|ui| {
        primary_button(ui, state, queue, skip, "Skip it");
        let close = AppCommand::Annotate(Annotation::Close);
        command_button(ui, state, queue, close, "Back to the item");
    });
}

fn leave_ui(ui: &mut Ui, state: &AppState, desk: &Desk, queue: &mut CommandQueue) {
    title_ui(ui, "Leave annotation?");
    ui.label(
        "Behind it lies the rest of the program, which tells which answer is whose. Who still votes should not see it. \
         All votes are saved.",
    );
    let field = Field {
        which: DeskField::Word,
        name: "The word that leaves",
        hint: "type explorer to leave",
        rows: 1,
    };
    let (typed, entered) = field_ui(ui, desk, queue, &field, &desk.word);
    if let Some(text) = typed {
        queue.push(AppCommand::Annotate(Annotation::SetWord(text)));
    }
    let leave = AppCommand::Annotate(Annotation::Leave);
    if entered {
        queue.push(leave.clone());
    }
    hint_ui(ui, desk);
    ui.horizontal_wrapped(|ui| {
        let close = AppCommand::Annotate(Annotation::Close);
        primary_button(ui, state, queue, close, "Stay");
        command_button(ui, state, queue, leave, "Leave");
    });
}

/// Why the last key or button did nothing.
pub(super) fn hint_ui(ui: &mut Ui, desk: &Desk) {
    if desk.hint.is_empty() {
        return;
    }
    let warn = Tokens::of(ui).warn;
    let response = ui.label(RichText::new(&desk.hint).color(warn).size(13.0));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(egui::accesskit::Live::Polite);
    });
}
