//! What can be chosen of an item: each button bears its key.

use egui::{Button, RichText, Ui};
use paretoscope_core::annotate::{BlindItem, Picked, Question};

use super::cards::{Field, field_ui, hint_ui};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::{AppState, Desk, DeskField};
use crate::theme::Tokens;
use crate::widgets::{command_button, primary_button, trouble_ui};

/// How much better, 1 to 3.
const MUCH: [&str; 3] = ["slightly", "clearly", "much"];
/// Ratings, 1 to 5.
const RATINGS: [&str; 5] = ["bad", "rather bad", "middling", "rather good", "good"];

/// All questions of an item, and what can be done with it.
pub(super) fn ballot_ui(
    ui: &mut Ui,
    state: &AppState,
    desk: &Desk,
    item: &BlindItem,
    queue: &mut CommandQueue,
) {
    for at in 0..item.objectives.len() {
        question_ui(ui, desk, item, at, queue);
    }
    let tokens = Tokens::of(ui);
    if item.objectives.len() > 1 {
        let words = "Keys choose by the question with the bar before it; arrows up and down go to another one.";
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    }
    if desk.commenting {
        let field = Field {
            which: DeskField::Comment,
            name: "Comment on this item",
            hint: "what should be known of this item",
            rows: 2,
        };
        let (typed, _) = field_ui(ui, desk, queue, &field, &desk.comment);
        if let Some(text) = typed {
            queue.push(AppCommand::Annotate(Annotation::SetComment(text)));
        }
    }
    if let Some(trouble) = &desk.trouble {
        let fine = "What you chose is still here; try again.";
        trouble_ui(ui, "the vote is not saved", trouble, fine, |_| {});
    }
    let annotate = |command| AppCommand::Annotate(command);
    ui.horizontal_wrapped(|ui| {
        if desk.is_single() {
            let words = "A choice is saved at once.";
            ui.label(RichText::new(words).color(tokens.weak).size(13.0));
        } else {
            let words = "Submit  Enter";
            primary_button(ui, state, queue, annotate(Annotation::Submit), words);
        }
        command_button(ui, state, queue, annotate(Annotation::TakeBack), "Undo  U");
        command_button(
            ui,
            state,
            queue,
            annotate(Annotation::AskSkip),
            "Skip\u{2026}  S",
        );
        command_button(
            ui,
            state,
            queue,
            annotate(Annotation::Comment),
            "Comment  C",
        );
        hint_ui(ui, desk);
    });
}

/// One objective: its choices, and what follows from the one that is made.
fn question_ui(ui: &mut Ui, desk: &Desk, item: &BlindItem, at: usize, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let objective = &item.objectives[at];
    let several = item.objectives.len() > 1;
    ui.horizontal_wrapped(|ui| {
        if several {
            let (bar, _) = ui.allocate_exact_size(egui::vec2(4.0, 22.0), egui::Sense::hover());
            if desk.objective == at {
                ui.painter().rect_filled(bar, 2.0, tokens.accent);
            }
        }
        let words = asks(item.question, objective);
        let response = ui.label(RichText::new(words).strong());
        if several && desk.objective == at {
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_description("keys choose by this question");
            });
        }
        for digit in 1..=desk.digits() {
            choice_ui(ui, desk, item, (at, digit), queue);
        }
        if item.question == Question::Ranking {
            ui.label(order_words(desk, at));
        }
        strength_ui(ui, desk, item, at, queue);
    });
}

fn asks(question: Question, objective: &str) -> String {
    match question {
        Question::Pair => format!("{objective}: which is better?"),
        Question::Rating => format!("{objective}: how good is it?"),
        Question::Ranking => format!("{objective}: the best first"),
    }
}

/// What a digit stands for.
fn digit_words(question: Question, digit: usize) -> String {
    match (question, digit) {
        (Question::Pair, 1 | 2) => format!("Response {digit} is better"),
        (Question::Pair, 3) => "Tie".to_owned(),
        (Question::Pair, _) => "Both bad".to_owned(),
        (Question::Rating, _) => RATINGS.get(digit - 1).copied().unwrap_or("").to_owned(),
        (Question::Ranking, _) => format!("Response {digit}"),
    }
}

fn choice_ui(
    ui: &mut Ui,
    desk: &Desk,
    item: &BlindItem,
    (at, digit): (usize, usize),
    queue: &mut CommandQueue,
) {
    let picked = desk
        .choices
        .get(at)
        .and_then(|choice| choice.picked.as_ref());
    let on = match (item.question, picked) {
        (Question::Ranking, Some(Picked::Order(order))) => order.contains(&(digit - 1)),
        (Question::Ranking, _) => false,
        (_, picked) => picked.is_some() && picked == desk.by_digit(at, digit).as_ref(),
    };
    let words = digit_words(item.question, digit);
    let button = Button::selectable(on, format!("{digit}  {words}"));
    let response = ui.add_enabled(!desk.busy, button.frame_when_inactive(true));
    let spoken = match item.objectives.get(at) {
        Some(objective) if item.objectives.len() > 1 => format!("{objective}: {words} ({digit})"),
        _ => format!("{words} ({digit})"),
    };
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(spoken);
        node.set_toggled(on.into());
    });
    if response.clicked()
        && let Some(picked) = desk.by_digit(at, digit)
    {
        queue.push(AppCommand::Annotate(Annotation::Pick(at, picked)));
    }
}

/// The order so far: `2 > 1 > ?`.
fn order_words(desk: &Desk, at: usize) -> String {
    let picked = desk
        .choices
        .get(at)
        .and_then(|choice| choice.picked.as_ref());
    let Some(Picked::Order(order)) = picked else {
        return "Press the number of the best one first.".to_owned();
    };
    let mut words: Vec<String> = order.iter().map(|side| (side + 1).to_string()).collect();
    if order.len() < desk.digits() {
        words.push("?".to_owned());
    }
    format!("Order: {}", words.join(" > "))
}

/// How much better, where that is asked and a side was chosen.
fn strength_ui(ui: &mut Ui, desk: &Desk, item: &BlindItem, at: usize, queue: &mut CommandQueue) {
    let Some(choice) = desk.choices.get(at).filter(|_| item.strength) else {
        return;
    };
    if !matches!(choice.picked, Some(Picked::Left | Picked::Right)) {
        return;
    }
    let weak = Tokens::of(ui).weak;
    ui.label(
        RichText::new("by how much (the same key again)")
            .color(weak)
            .size(13.0),
    );
    for (place, words) in MUCH.iter().enumerate() {
        let strength = u8::try_from(place + 1).unwrap_or(u8::MAX);
        let on = choice.strength == Some(strength);
        let response = ui.add_enabled(!desk.busy, Button::selectable(on, *words));
        let objective = item.objectives.get(at).map_or("", String::as_str);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label(format!("{objective}: {words} better"));
            node.set_toggled(on.into());
        });
        if response.clicked() {
            queue.push(AppCommand::Annotate(Annotation::Strength(at, strength)));
        }
    }
}
