//! The blind view: it is given prompt and texts, and has nothing else to show.

use egui::{CentralPanel, Frame, Key, Margin, Panel as Side, RichText, ScrollArea, Ui, vec2};
use paretoscope_core::annotate::BlindItem;

use super::{ballot, cards, door};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::{AppState, Desk, DeskPhase};
use crate::theme::Tokens;
use crate::widgets::{at_right, command_button};

/// Width that an answer needs beside another one.
const COLUMN: f32 = 280.0;
/// Below this width the buttons at the top follow the counter.
const NARROW: f32 = 460.0;
/// Size of the letters of prompt and answers.
const LETTERS: f32 = 16.0;
/// Seconds between signs of life that are worth a note.
const SIGNS: f64 = 1.0;

/// The whole window, while somebody votes.
pub(in crate::view) fn blind_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(desk) = &state.annotate.desk else {
        CentralPanel::default().show(ui, |ui| {
            ui.label("Your place is looked up\u{2026} Ctrl+Q closes the window.");
        });
        return;
    };
    let stirs = ui.input(|i| !i.events.is_empty());
    if stirs && desk.phase == DeskPhase::Seated && state.now - desk.sign > SIGNS {
        queue.push(AppCommand::Annotate(Annotation::Live));
    }
    match (&desk.item, desk.phase) {
        (Some(item), DeskPhase::Seated) => item_ui(ui, state, desk, item, queue),
        (None, DeskPhase::Seated) => {
            CentralPanel::default().show(ui, |ui| door::done_ui(ui, state, desk, queue));
        }
        (_, DeskPhase::Door | DeskPhase::Seating) => {
            CentralPanel::default().show(ui, |ui| door::door_ui(ui, state, desk, queue));
        }
    }
    cards::cards_ui(ui.ctx(), state, desk, queue);
}

fn item_ui(ui: &mut Ui, state: &AppState, desk: &Desk, item: &BlindItem, queue: &mut CommandQueue) {
    let margin = |ui: &Ui| Frame::side_top_panel(ui.style()).inner_margin(Margin::symmetric(16, 8));
    Side::top("blind top")
        .frame(margin(ui))
        .show(ui, |ui| top_ui(ui, state, desk, item, queue));
    let tall = ui.available_height();
    Side::bottom("ballot").frame(margin(ui)).show(ui, |ui| {
        ScrollArea::vertical()
            .id_salt("ballot")
            .max_height(tall * 0.5)
            .min_scrolled_height(tall * 0.5)
            .auto_shrink([false, true])
            .show(ui, |ui| ballot::ballot_ui(ui, state, desk, item, queue));
    });
    let ground = Frame::new().fill(Tokens::of(ui).panel);
    CentralPanel::default()
        .frame(ground.inner_margin(Margin::symmetric(16, 8)))
        .show(ui, |ui| texts_ui(ui, desk, item));
}

/// How far the person is, what they are told, the ways out.
fn top_ui(ui: &mut Ui, state: &AppState, desk: &Desk, item: &BlindItem, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let counter = |ui: &mut Ui| {
        let words = format!("{} \u{b7} saved {}", item.place_words(), desk.saved);
        let response = ui.label(RichText::new(words).strong());
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
        ui.label(RichText::new(&desk.alias).color(tokens.weak));
    };
    let out = |ui: &mut Ui, queue: &mut CommandQueue| {
        let next = AppCommand::Annotate(Annotation::HandOver);
        command_button(ui, state, queue, next, "Hand over  H");
        let leave = AppCommand::Annotate(Annotation::AskLeave);
        command_button(ui, state, queue, leave, "Leave\u{2026}");
    };
    if ui.available_width() < NARROW {
        ui.horizontal_wrapped(|ui| {
            counter(ui);
            out(ui, queue);
        });
    } else {
        ui.horizontal(|ui| {
            counter(ui);
            at_right(ui, "blind top", |ui| out(ui, queue));
        });
    }
    ui.add(egui::Label::new(RichText::new(&item.instructions).color(tokens.weak)).wrap());
    if desk.tires() {
        ui.horizontal_wrapped(|ui| {
            let words = "You have been reading for a while. A short break keeps judgements steady; nothing is lost meanwhile.";
            let response = ui.label(RichText::new(words).color(tokens.warn));
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_live(egui::accesskit::Live::Polite);
            });
            let rested = AppCommand::Annotate(Annotation::Rested);
            command_button(ui, state, queue, rested, "Go on");
        });
    }
}

/// The prompt, and all answers in columns of one width; one below the other where there is no room.
fn texts_ui(ui: &mut Ui, desk: &Desk, item: &BlindItem) {
    let place = (desk.alias.as_str(), item.place);
    let tall = ui.available_height();
    let count = item.sides.len();
    let spacing = ui.spacing().item_spacing.x;
    let broad = (ui.available_width() + spacing) / count.max(1) as f32 - spacing >= COLUMN;
    let turned = page(ui) * tall * 0.6;
    if count > 1 && !broad {
        ScrollArea::vertical()
            .id_salt(("all", place))
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.scroll_with_delta(vec2(0.0, turned));
                card_ui(ui, "Prompt", &item.prompt);
                for (side, text) in item.sides.iter().enumerate() {
                    card_ui(ui, &title(side, count), text);
                }
            });
        return;
    }
    ScrollArea::vertical()
        .id_salt(("prompt", place))
        .max_height(tall * 0.3)
        .auto_shrink([false, true])
        .show(ui, |ui| card_ui(ui, "Prompt", &item.prompt));
    ui.columns(count.max(1), |columns| {
        for ((side, text), ui) in item.sides.iter().enumerate().zip(columns) {
            ScrollArea::vertical()
                .id_salt(("side", place, side))
                .auto_shrink(false)
                .show(ui, |ui| {
                    ui.scroll_with_delta(vec2(0.0, turned));
                    card_ui(ui, &title(side, count), text);
                });
        }
    });
}

/// What an answer is called.
fn title(side: usize, count: usize) -> String {
    if count == 1 {
        "Response".to_owned()
    } else {
        format!("Response {}", side + 1)
    }
}

/// Pages that the keyboard turns, up being more.
fn page(ui: &Ui) -> f32 {
    let writing = ui.ctx().text_edit_focused();
    ui.input(|i| match () {
        () if writing => 0.0,
        () if i.key_pressed(Key::PageDown) => -1.0,
        () if i.key_pressed(Key::PageUp) => 1.0,
        () => 0.0,
    })
}

fn card_ui(ui: &mut Ui, title: &str, text: &str) {
    let tokens = Tokens::of(ui);
    let heading = RichText::new(title).color(tokens.weak).size(13.0).strong();
    ui.add(egui::Label::new(heading).selectable(false));
    Frame::new()
        .fill(tokens.card)
        .corner_radius(6)
        .inner_margin(12)
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            // Columns justify what is in them, which running text is not.
            let layout = egui::Layout::top_down(egui::Align::LEFT);
            ui.with_layout(layout, |ui| {
                ui.add(egui::Label::new(RichText::new(text).size(LETTERS)).wrap());
            });
        });
}
