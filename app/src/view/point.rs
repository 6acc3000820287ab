//! The point: where it stands, in a picture and in numbers.

use egui::{ComboBox, Id, RichText, Ui};

use super::{bare, canvas, method, routing, weights};
use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, Mode, presets, share_words};
use crate::theme::Tokens;
use crate::widgets::format::preference_words;
use crate::widgets::{group_title, number_field, preset_button, section};

/// From this width on, picture and numbers stand side by side.
const BROAD: f32 = 520.0;
/// Below this width there is no room for a heading beside the choice of modes.
const NARROW: f32 = 255.0;

/// The panel.
pub(super) fn point_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if let Some(info) = state.info().filter(|info| info.is_bare()) {
        section(ui, "Point", |_| {});
        bare::bare_ui(ui, state, info, queue);
        return;
    }
    if ui.available_width() < NARROW {
        ui.horizontal(|ui| modes_ui(ui, state, queue));
    } else {
        section(ui, "Point", |ui| modes_ui(ui, state, queue));
    }
    if state.info().is_none() {
        return;
    }
    match state.simplex.mode {
        Mode::Interpolate => {
            // In a low, broad panel the numbers stand beside the picture.
            if ui.available_width() >= BROAD {
                ui.columns(2, |columns| {
                    axes_ui(&mut columns[0], state, queue);
                    canvas::canvas_ui(&mut columns[0], state, queue);
                    numbers_ui(&mut columns[1], state, queue);
                });
            } else {
                axes_ui(ui, state, queue);
                canvas::canvas_ui(ui, state, queue);
                numbers_ui(ui, state, queue);
            }
        }
        Mode::Extrapolate => {
            weights::weights_ui(ui, state, queue);
            method::picker_ui(ui, state, queue);
        }
    }
}

fn numbers_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    fields_ui(ui, state, queue);
    presets_ui(ui, state, queue);
    method::picker_ui(ui, state, queue);
    routing::routing_ui(ui, state, queue);
}

fn modes_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    for (mode, title) in [
        (Mode::Interpolate, "Interpolate"),
        (Mode::Extrapolate, "Extrapolate"),
    ] {
        let command = AppCommand::SetMode(mode);
        let reason = registry::why_not(&command, state);
        let label = egui::Button::selectable(state.simplex.mode == mode, title);
        let response = ui.add_enabled(reason.is_none(), label);
        let hint = match (&reason, mode) {
            (Some(reason), _) => format!("Off: {reason}"),
            (None, Mode::Interpolate) => {
                "A preference \u{3bb}: shares that sum to 1, mixed of LoRA and router experts (HoE)"
                    .to_owned()
            }
            (None, Mode::Extrapolate) => {
                "Weights \u{3c9} from 0 to C, one per value vector, which need not sum to 1: value \
                 extrapolation in the box [0, C] (MVA)"
                    .to_owned()
            }
        };
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_description(hint.clone()));
        let response = response.on_hover_text(&hint).on_disabled_hover_text(&hint);
        if response.clicked() {
            queue.push(command);
        }
    }
}

/// Which objectives vary, where there are more than two.
fn axes_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let names = state.objective_names();
    if names.len() < 3 {
        show_menu(ui, state, queue);
        return;
    }
    let title = |axes: &[usize]| {
        let parts: Vec<&str> = axes.iter().filter_map(|&a| names.get(a).copied()).collect();
        parts.join(" \u{b7} ")
    };
    let box_ = ComboBox::from_id_salt("axes")
        .selected_text(title(&state.simplex.axes))
        .width(ui.available_width() - 76.0)
        .truncate();
    ui.horizontal(|ui| {
        let response = box_.show_ui(ui, |ui| {
            for axes in choices(names.len()) {
                if ui
                    .selectable_label(state.simplex.axes == axes, title(&axes))
                    .clicked()
                {
                    queue.push(AppCommand::SetAxes(axes));
                }
            }
        });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| {
                node.set_label("Objectives that vary")
            });
        response
            .response
            .on_hover_text("Objectives that vary: three for the triangle, two for a line");
        show_menu(ui, state, queue);
    });
}

/// All triples, then all pairs.
fn choices(n: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for a in 0..n {
        for b in a + 1..n {
            all.extend((b + 1..n).map(|c| vec![a, b, c]));
        }
    }
    for a in 0..n {
        all.extend((a + 1..n).map(|b| vec![a, b]));
    }
    all
}

/// A field per objective, also of those that the triangle does not vary, and what they sum to.
fn fields_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    const COLUMNS: usize = 3;
    const SUM: f32 = 44.0;
    let tokens = Tokens::of(ui);
    let names = state.objective_names();
    let shown = share_words(&state.simplex.preference, 3);
    let draft = state.simplex.draft.as_ref();
    let gap = ui.spacing().item_spacing.x;
    let all: Vec<usize> = (0..shown.len()).collect();
    let columns = all.len().clamp(1, COLUMNS) as f32;
    let width = (ui.available_width() - SUM - columns * gap) / columns;
    let small = |words: &str| RichText::new(words).color(tokens.weak).size(13.0);
    for row in all.chunks(COLUMNS) {
        ui.horizontal(|ui| {
            for &index in row {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    let name = names.get(index).copied().unwrap_or("?");
                    ui.add(egui::Label::new(small(name)).truncate())
                        .on_hover_text(format!("The share of {name} in the preference \u{3bb}"));
                    let draft = draft.filter(|d| d.index == index);
                    let news = number_field(
                        ui,
                        Id::unique("share").with(index),
                        &format!("Share of {name}"),
                        shown.get(index).map_or("", String::as_str),
                        draft.map(|d| d.text.as_str()),
                        draft.and_then(|d| d.problem.as_deref()),
                        width - 8.0,
                    );
                    weights::queue_field(news, index, state, queue);
                });
            }
            if row.last() == all.last() {
                ui.vertical(|ui| {
                    ui.label(small("sum"));
                    ui.label(small("1.000")).on_hover_text(
                        "Shares are rounded together, so that what is shown sums to exactly 1",
                    );
                });
            }
        });
    }
    let kept = state.simplex.beside_axes();
    if kept > 0.0 {
        let words = format!(
            "The triangle divides {:.0} %; the other objectives keep their {:.0} %.",
            100.0 * (1.0 - kept),
            100.0 * kept
        );
        ui.label(small(&words));
    }
    weights::problem_ui(ui, state);
}

fn presets_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let names = state.objective_names();
    let all = presets(&state.simplex.axes, state.simplex.preference.len());
    let words =
        "The seven preferences that HoE compares (figure 4): corners, middles of edges, centre";
    group_title(ui, "Presets", words);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (i, shares) in all.iter().enumerate() {
            let words = preference_words(shares, &names);
            let response = preset_button(ui, i + 1, shares, &state.simplex.axes)
                .on_hover_text(format!("{words}  ({})", i + 1));
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_label(format!("Preset {}", i + 1));
                node.set_description(words.clone());
            });
            if response.clicked() {
                queue.push(AppCommand::Preset(i + 1));
            }
        }
    });
}

fn show_menu(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    ui.menu_button("Show", |ui| {
        let prefs = &state.prefs;
        let mut toggle =
            |ui: &mut Ui, on: bool, (title, hint): (&str, &str), make: fn(bool) -> AppCommand| {
                let mut value = on;
                let tick = ui.checkbox(&mut value, title).on_hover_text(hint);
                if tick.changed() {
                    queue.push(make(value));
                }
            };
        let experts = (
            "Experts",
            "LoRA experts (round) and router experts (triangles), each where its own preference \u{3bb} stands",
        );
        let cells = (
            "Routing cells",
            "Triangles with experts at their corners: the one that encloses \u{3bb} says which experts are mixed, by barycentric weights (HoE, equations 9 and 10)",
        );
        let swept = ("Swept points", "The points of the sweep in the plot, with their colours");
        let magnet = (
            "Snap to experts",
            "Near an expert the point stands exactly on it, and that expert speaks alone",
        );
        toggle(ui, prefs.show_experts, experts, AppCommand::ShowExperts);
        toggle(ui, prefs.show_cells, cells, AppCommand::ShowCells);
        toggle(ui, prefs.show_swept, swept, AppCommand::ShowSwept);
        toggle(ui, prefs.magnet, magnet, AppCommand::Magnet);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triples_come_before_pairs() {
        assert_eq!(
            choices(3),
            [vec![0, 1, 2], vec![0, 1], vec![0, 2], vec![1, 2]]
        );
        assert_eq!(choices(2), [vec![0, 1]]);
    }
}
