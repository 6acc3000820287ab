//! What the point is mixed from: every expert with its share, and the buttons that silence it.

use egui::{Response, RichText, Sense, Ui, WidgetInfo, vec2};
use paretoscope_core::method::Speaks;
use paretoscope_core::types::{BundleInfo, ExpertKind};

use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::{Tokens, expert_color};
use crate::widgets::format::preference_words;
use crate::widgets::{
    between, chip, command_button, desk_buttons, desk_keys, expert_dot, expert_slot, group_title,
    paint_marker,
};

/// A residual above this is said.
const EXACT: f64 = 1e-3;

/// Width of a row's bar.
const BAR: f32 = 44.0;

/// The read-out.
pub(super) fn routing_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let method = state.method();
    if method.speaks() != Speaks::Routed {
        let title = method.kind().title();
        let words = format!(
            "HoE's routing has no part in {title}: {}.",
            method.speaks().says()
        );
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
        return desk_ui(ui, state, queue);
    }
    if let Some(problem) = &state.simplex.complex_problem {
        ui.label(RichText::new(format!("No routing: {problem}")).color(tokens.error));
        return;
    }
    let (Some(info), Some(routing)) = (state.info(), &state.simplex.routing) else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        let words = "The routing of HoE: the experts whose own preferences enclose \u{3bb}, and their barycentric weights \
                     \u{3C9}, which sum to 1 (equations 9 and 10)";
        group_title(ui, "Mixed from", words);
        legend_ui(ui, info);
        if routing.residual > EXACT {
            let text = format!("off by {:.3}", routing.residual);
            chip(ui, text, tokens.warn).on_hover_text(
                "The residual, the distance from \u{3bb} to what the experts mix: one-hot experts are missing, so the loaded \
                 ones cannot mix this preference exactly.",
            );
        }
    });
    ui.spacing_mut().item_spacing.y = 3.0;
    // All of them, in one order, so that nothing jumps during a drag.
    for index in 0..info.experts.len() {
        let enclosing = routing.experts.iter().find(|e| e.index == index);
        expert_ui(ui, state, queue, index, enclosing.map_or(0.0, |e| e.weight));
    }
    if !state.prefs.hints.desk {
        let words = "M mutes an expert, S lets it speak alone (solo).";
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    }
    desk_ui(ui, state, queue);
}

/// Which shape is which kind, where there are both.
fn legend_ui(ui: &mut Ui, info: &BundleInfo) {
    let tokens = Tokens::of(ui);
    if info.experts.iter().all(|e| e.kind == ExpertKind::Lora) {
        return;
    }
    for (kind, words) in [(ExpertKind::Lora, "LoRA"), (ExpertKind::Router, "router")] {
        let (rect, _) = ui.allocate_exact_size(vec2(12.0, 12.0), Sense::hover());
        let marker = crate::theme::expert_marker(kind);
        paint_marker(
            ui.painter(),
            rect.center(),
            5.5,
            marker,
            tokens.weak,
            tokens.outline,
        );
        ui.label(RichText::new(words).color(tokens.weak).size(13.0))
            .on_hover_text(
                "A LoRA expert (round) speaks with its share at every token; a router expert (triangle) \
                 shares its part out among the LoRA experts, token by token and module by module",
            );
    }
}

/// What is silenced, and the way back.
pub(super) fn desk_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(words) = state.mute_words() else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        chip(ui, words, Tokens::of(ui).error);
        command_button(ui, state, queue, AppCommand::ClearMutes, "Clear");
    });
}

fn expert_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, index: usize, share: f64) {
    let tokens = Tokens::of(ui);
    let Some((info, channel)) = state.info().and_then(|i| Some((i, i.channel(index)?))) else {
        return;
    };
    let Some(expert) = info.experts.get(index) else {
        return;
    };
    let silent = state.mutes.silences(channel);
    let color = match (silent, share > 0.0) {
        (true, _) => tokens.error,
        (false, true) => tokens.text,
        (false, false) => tokens.weak,
    };
    let name = if expert.name.is_empty() {
        "(no name)"
    } else {
        expert.name.as_str()
    };
    let slot = expert_slot(info, index);
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 18.0;
        ui.spacing_mut().item_spacing.x = 5.0;
        expert_dot(ui, slot, expert.kind);
        let mut named = false;
        let title = |ui: &mut Ui| {
            let mut text = RichText::new(name).color(color);
            if silent {
                text = text.strikethrough();
            }
            let row = ui.add(egui::Label::new(text).truncate().sense(Sense::click()));
            describe(ui, state, index, share, &row);
            if row.clicked() {
                row.request_focus();
            }
            if row.has_focus() {
                let ring = egui::Stroke::new(2.0, tokens.focus);
                let rect = row.rect.expand(2.0);
                ui.painter()
                    .rect_stroke(rect, 3.0, ring, egui::StrokeKind::Outside);
            }
            named = row.has_focus();
        };
        let desk = between(ui, &format!("expert {index}"), title, |ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(BAR, 8.0), Sense::hover());
            ui.painter().rect_filled(rect, 3.0, tokens.line);
            if !silent {
                let mut bar = rect;
                bar.set_width(rect.width() * share as f32);
                let color = expert_color(slot, expert.kind);
                ui.painter().rect_filled(bar, 3.0, color);
            }
            ui.label(
                RichText::new(format!("{share:.2}"))
                    .monospace()
                    .color(color),
            );
            desk_buttons(ui, state, queue, channel, name)
        });
        desk_keys(ui, named || desk, channel, queue);
    });
}

/// Name, kind, place and origin, for the pointer and for those who do not see it.
fn describe(ui: &Ui, state: &AppState, index: usize, share: f64, row: &Response) {
    let Some(info) = state.info() else { return };
    let Some(expert) = info.experts.get(index) else {
        return;
    };
    let silent = info.channel(index).is_some_and(|c| state.mutes.silences(c));
    let kind = match expert.kind {
        ExpertKind::Lora => "LoRA expert",
        ExpertKind::Router => "router expert",
    };
    let place = preference_words(expert.preference.as_slice(), &state.objective_names());
    let mut words = format!("{}, {kind} at {place}; share {share:.2}", expert.name);
    if silent {
        words.push_str(", silent");
    }
    row.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, words.clone()));
    ui.ctx().accesskit_node_builder(row.id, |node| {
        node.set_description("M mutes it, S solos it.");
    });
    let from = info
        .expert_files
        .get(index)
        .map_or_else(String::new, |file| {
            format!("\nmade in {}", file.path.display())
        });
    row.clone().on_hover_text(format!("{words}{from}"));
}
