//! What the point is mixed from: the enclosing experts with their weights.

use egui::{RichText, Ui};

use crate::state::AppState;
use crate::theme::{Tokens, category};
use crate::widgets::{chip, expert_dot};

/// A residual above this is said.
const EXACT: f64 = 1e-3;

/// Height of a line with what lies between it and the next.
const ROW: f32 = 23.0;

/// The read-out.
pub(super) fn routing_ui(ui: &mut Ui, state: &AppState) {
    let tokens = Tokens::of(ui);
    if let Some(problem) = &state.simplex.complex_problem {
        ui.label(RichText::new(format!("No routing: {problem}")).color(tokens.error));
        return;
    }
    let (Some(info), Some(routing)) = (state.info(), &state.simplex.routing) else {
        return;
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new("Mixed from").color(tokens.weak).size(13.0));
        if routing.residual > EXACT {
            let text = format!("off by {:.3}", routing.residual);
            chip(ui, text, tokens.warn).on_hover_text(
                "One-hot experts are missing, so the loaded ones cannot mix this preference exactly; \
                 this is the distance that remains.",
            );
        }
    });
    ui.spacing_mut().item_spacing.y = 3.0;
    // Room for as many as can be, so that nothing below jumps during a drag.
    let floor = ui.cursor().top() + ROW * state.simplex.axes.len() as f32;
    for enclosing in &routing.experts {
        let Some(expert) = info.experts.get(enclosing.index) else {
            continue;
        };
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 18.0;
            expert_dot(ui, enclosing.index);
            let name = if expert.name.is_empty() {
                "(no name)"
            } else {
                expert.name.as_str()
            };
            let width = (ui.available_width() - 112.0).max(40.0);
            ui.allocate_ui_with_layout(
                egui::vec2(width, 18.0),
                egui::Layout::left_to_right(egui::Align::Center),
                |ui| {
                    ui.set_min_width(width);
                    ui.add(egui::Label::new(name).truncate());
                },
            );
            let (rect, _) = ui.allocate_exact_size(egui::vec2(60.0, 8.0), egui::Sense::hover());
            ui.painter().rect_filled(rect, 3.0, tokens.line);
            let mut bar = rect;
            bar.set_width(rect.width() * enclosing.weight as f32);
            ui.painter()
                .rect_filled(bar, 3.0, category(enclosing.index));
            ui.label(RichText::new(format!("{:.2}", enclosing.weight)).monospace());
        });
    }
    ui.add_space((floor - ui.cursor().top()).max(0.0));
}
