//! A token in full: its text, every expert's share and gate.

use egui::{Grid, Id, PopupAnchor, Rangef, Rect, RectAlign, RichText, Sense, Tooltip, Ui, vec2};

use super::shares::{Shares, Top, evenness, normalised, top};
use super::trace::{Cell, TokenTrace};
use crate::state::whole_parts;
use crate::theme::{Tokens, category};
use crate::widgets::adapter_title;

/// One cell of a matrix.
pub(super) struct ReadOut {
    pub token: usize,
    pub adapter: usize,
    pub gate: f32,
    /// The row, where rows are not experts.
    pub place: Option<String>,
}

/// Shows it beside the panel, at the height of the pointer, so that it covers no line of it.
pub(super) fn show(
    ui: &Ui,
    trace: &TokenTrace<'_>,
    shares: &Shares,
    cells: &[Cell],
    cell: usize,
    read: Option<&ReadOut>,
) {
    let (Some(place), Some(pointer)) = (cells.get(cell), ui.ctx().pointer_hover_pos()) else {
        return;
    };
    let panel = ui.max_rect();
    let beside = Rect::from_x_y_ranges(panel.x_range(), Rangef::point(pointer.y));
    let mut tip = Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        Id::unique("token tip"),
        PopupAnchor::ParentRect(beside),
    );
    tip.popup = tip.popup.align(RectAlign::LEFT).align_alternatives(&[
        RectAlign::RIGHT,
        RectAlign::BOTTOM_START,
        RectAlign::TOP_START,
    ]);
    tip.gap(14.0).width(300.0).show(|ui| {
        ui.label(RichText::new(title(trace, place)).strong());
        if let Some(read) = read {
            let name = trace.adapters.get(read.adapter).map_or("?", String::as_str);
            let name = adapter_title(trace.experts, read.adapter, name);
            let row = read
                .place
                .as_ref()
                .map_or(String::new(), |row| format!("{row} · "));
            ui.label(format!(
                "token {} · {row}{name}: gate {:.3}",
                read.token, read.gate
            ));
        }
        table(ui, trace, &shares.mean(place.tokens.clone()));
    });
}

fn table(ui: &mut Ui, trace: &TokenTrace<'_>, gates: &[f32]) {
    let tokens = Tokens::of(ui);
    let weak = |text: String| RichText::new(text).color(tokens.weak);
    let Some(shares) = normalised(gates) else {
        ui.label("No expert speaks here: the base model alone.");
        return;
    };
    let percent = percents(&shares, 1);
    Grid::new("shares")
        .num_columns(4)
        .spacing([8.0, 2.0])
        .show(ui, |ui| {
            for (adapter, (name, (&share, &gate))) in trace
                .adapters
                .iter()
                .zip(shares.iter().zip(gates))
                .enumerate()
                .filter(|(adapter, (_, (_, gate)))| *adapter < trace.experts || **gate != 0.0)
            {
                let (rect, _) = ui.allocate_exact_size(vec2(64.0, 10.0), Sense::hover());
                ui.painter().rect_filled(rect, 2.0, tokens.line);
                let filled =
                    egui::Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
                ui.painter().rect_filled(filled, 2.0, category(adapter));
                ui.label(adapter_title(trace.experts, adapter, name));
                ui.label(format!("{} %", percent[adapter]));
                ui.label(weak(format!("gate {gate:.3}")));
                ui.end_row();
            }
        });
    let sum: f32 = gates.iter().sum();
    ui.label(weak(format!(
        "gates sum to {sum:.3} · entropy {:.2}",
        evenness(&shares)
    )));
}

/// Shares in percent of `decimals` places, which sum to 100.
fn percents(shares: &[f32], decimals: u32) -> Vec<String> {
    let shares: Vec<f64> = shares.iter().map(|&share| f64::from(share)).collect();
    let parts = 10_u32.pow(decimals);
    let words = |part: u32| {
        let percent = f64::from(part) / f64::from(parts);
        format!("{percent:.*}", decimals as usize)
    };
    whole_parts(&shares, 100 * parts)
        .into_iter()
        .map(words)
        .collect()
}

fn title(trace: &TokenTrace<'_>, cell: &Cell) -> String {
    let text = trace.text.get(cell.bytes.clone()).unwrap_or_default();
    let count = trace.pieces.len();
    match (cell.tokens.len(), text.is_empty()) {
        (1, false) => format!(
            "Token {} of {count}: “{}”",
            cell.tokens.start,
            text.escape_debug()
        ),
        (n, false) => format!(
            "Tokens {} to {} of {count} form “{text}” ({n} tokens)",
            cell.tokens.start,
            cell.tokens.end - 1
        ),
        (n, true) => format!(
            "{n} tokens from {} on: no whole character yet",
            cell.tokens.start
        ),
    }
}

/// The tip in one line, for those who do not see it.
pub(super) fn cell_words(
    trace: &TokenTrace<'_>,
    shares: &Shares,
    cells: &[Cell],
    cell: usize,
) -> String {
    let Some(place) = cells.get(cell) else {
        return String::new();
    };
    let title = title(trace, place);
    let Some(shares) = normalised(&shares.mean(place.tokens.clone())) else {
        return format!("{title}; base model alone");
    };
    let tie = if matches!(top(&shares), Some(Top::Tie(_))) {
        " (a tie)"
    } else {
        ""
    };
    let kind = |adapter| {
        if adapter < trace.experts {
            ""
        } else {
            " (value)"
        }
    };
    let named: Vec<String> = trace
        .adapters
        .iter()
        .zip(shares.iter().zip(percents(&shares, 0)))
        .enumerate()
        .filter(|(adapter, (_, (share, _)))| *adapter < trace.experts || **share > 0.0)
        .map(|(adapter, (name, (_, percent)))| format!("{name}{} {percent} %", kind(adapter)))
        .collect();
    format!("{title}; {}{tie}", named.join(", "))
}
