//! The training sheet: what to make on the left, the runs and their curves on the right.

mod curves;
mod form;
mod numbers;
mod others;
mod runs;

pub(super) use numbers::settings_ui;

use egui::{Context, Id, Modal, ScrollArea, Ui, vec2};

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;
use crate::widgets::{command_button, empty_ui, primary_button, section};

/// Most of the sheet's width.
const WIDEST: f32 = 1120.0;
/// Narrower than this, form and runs stand one above the other.
const BROAD: f32 = 720.0;
/// Width of the form beside the runs.
const FORM: f32 = 330.0;
/// Height of the button below it.
const START: f32 = 40.0;

/// The sheet.
pub(super) fn training_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Training);
    let modal = Modal::new(Id::unique("training")).show(ctx, |ui| {
        let width = (room.x - 60.0).min(WIDEST);
        ui.set_width(width);
        section(ui, "Training", |ui| {
            if ui.button("Close").clicked() {
                queue.push(close.clone());
            }
            let learn = AppCommand::Show(Overlay::Learn);
            command_button(ui, state, queue, learn, "Learn from votes\u{2026}");
        });
        let tall = (room.y - 130.0).max(120.0);
        if state.info().is_none() && state.training.runs.is_empty() {
            no_bundle_ui(ui, state, queue);
        } else if width >= BROAD {
            beside_ui(ui, state, queue, vec2(width, tall));
        } else {
            ScrollArea::vertical()
                .max_height(tall)
                .min_scrolled_height(tall)
                .show(ui, |ui| {
                    // What runs is what a person comes back for.
                    let active = state.training.active().is_some();
                    if active {
                        runs::runs_ui(ui, state, queue);
                        ui.separator();
                    }
                    form::form_ui(ui, state, queue);
                    form::start_ui(ui, state, queue);
                    if !active {
                        ui.separator();
                        runs::runs_ui(ui, state, queue);
                    }
                });
        }
    });
    if modal.should_close() {
        queue.push(close);
    }
}

fn beside_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, size: egui::Vec2) {
    ui.horizontal_top(|ui| {
        let column = |ui: &mut Ui, name: &str, size: egui::Vec2, add: &mut dyn FnMut(&mut Ui)| {
            ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::LEFT), |ui| {
                ui.set_width(size.x);
                ScrollArea::vertical()
                    .id_salt(name)
                    .max_height(size.y)
                    .min_scrolled_height(size.y)
                    .auto_shrink(false)
                    .show(ui, |ui| add(ui));
            });
        };
        ui.vertical(|ui| {
            ui.set_width(FORM);
            column(ui, "form", vec2(FORM, size.y - START), &mut |ui| {
                form::form_ui(ui, state, queue);
            });
            ui.add_space(4.0);
            form::start_ui(ui, state, queue);
        });
        // As tall as the columns; a separator would keep the height of a larger window.
        let (line, _) = ui.allocate_exact_size(vec2(1.0, size.y), egui::Sense::hover());
        ui.painter().rect_filled(line, 0.0, Tokens::of(ui).line);
        let rest = size.x - FORM - 30.0;
        column(ui, "runs", vec2(rest, size.y), &mut |ui| {
            runs::runs_ui(ui, state, queue);
        });
    });
}

fn no_bundle_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let words = "Training starts from the base model of a bundle, and none is open.";
    empty_ui(ui, words, |ui| {
        let open = AppCommand::Show(Overlay::Bundle);
        primary_button(ui, state, queue, open, "Open a bundle\u{2026}");
    });
    ui.add_space(10.0);
}
