//! What was learnt, in arrows from before to after with their intervals.

use egui::{Grid, Pos2, Rect, RichText, Sense, Stroke, Ui, vec2};
use paretoscope_core::stats::{Moved, Moves};
use paretoscope_core::types::Effect;

use super::weak;
use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::Tokens;
use crate::widgets::primary_button;

/// Size of an arrow's field.
const ARROW: egui::Vec2 = vec2(150.0, 18.0);

/// The result.
pub(super) fn effect_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, effect: &Effect) {
    ui.add_space(6.0);
    ui.label(RichText::new(format!("What {} did", effect.name)).heading());
    ui.label(weak(
        ui,
        format!(
            "Learnt from {}; weight {}.",
            effect.pairs.words(),
            effect.weight
        ),
    ));
    ui.label(weak(ui, format!("Measured at {}.", effect.measured)));
    moves_ui(ui, "test", &effect.test);
    if let Some(moves) = &effect.in_sample {
        ui.add_space(8.0);
        ui.label(
            RichText::new("In sample: the voters' own prompts, which it was trained on").strong(),
        );
        moves_ui(ui, "in sample", moves);
    }
    ui.add_space(8.0);
    if state.info().is_some_and(|info| info.path == effect.bundle) {
        ui.label(weak(ui, "In the bundle in use."));
    } else {
        primary_button(ui, state, queue, AppCommand::LoadLearnt, "Load result").on_hover_text(
            "Opens the bundle that has this value vector as well; the bundle in use is not changed",
        );
    }
    let hash: String = effect.pairs.votes.chars().take(12).collect();
    let line = weak(
        ui,
        format!("Votes {hash}, adapter {}", effect.adapter.display()),
    );
    ui.add(egui::Label::new(line).truncate());
}

fn moves_ui(ui: &mut Ui, salt: &str, moves: &Moves) {
    if moves.overall.is_empty() {
        let words = "No objective of the bundle has a reward model, so that nothing is scored; ask people about the two sweeps.";
        ui.label(weak(ui, words));
        return;
    }
    for (at, overall) in moves.overall.iter().enumerate() {
        let arrows: Vec<(Vec<f64>, &Moved)> = moves
            .arrows
            .iter()
            .filter_map(|arrow| {
                Some((
                    arrow.point.clone(),
                    arrow
                        .moved
                        .iter()
                        .find(|m| m.objective == overall.objective)?,
                ))
            })
            .collect();
        let all = arrows.iter().map(|(_, moved)| *moved).chain([overall]);
        let range = range(all);
        ui.add_space(6.0);
        ui.label(RichText::new(&overall.objective).strong());
        Grid::new((salt, at))
            .num_columns(3)
            .spacing(vec2(10.0, 2.0))
            .show(ui, |ui| {
                for (point, moved) in &arrows {
                    row_ui(ui, &place(point), moved, range);
                }
                row_ui(ui, "mean", overall, range);
            });
    }
}

/// Weights of a point in words; the base model where there are none.
fn place(point: &[f64]) -> String {
    if point.iter().all(|weight| *weight == 0.0) {
        return "base".to_owned();
    }
    let number = |weight: &f64| {
        let text = format!("{weight:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    point.iter().map(number).collect::<Vec<_>>().join(", ")
}

/// What all arrows of an objective reach.
fn range<'a>(all: impl Iterator<Item = &'a Moved>) -> (f64, f64) {
    let mut range = (f64::INFINITY, f64::NEG_INFINITY);
    for moved in all {
        let ends = [
            moved.before,
            moved.before + moved.difference.low,
            moved.before + moved.difference.high,
        ];
        for end in ends.into_iter().filter(|end| end.is_finite()) {
            range = (range.0.min(end), range.1.max(end));
        }
    }
    range
}

fn row_ui(ui: &mut Ui, point: &str, moved: &Moved, range: (f64, f64)) {
    ui.label(RichText::new(point).size(13.0));
    arrow_ui(ui, point, moved, range);
    let paler = Tokens::of(ui).weak;
    let words = format!(
        "{:.2} to {:.2}: {:+.2} ({:+.2} to {:+.2})",
        moved.before,
        moved.after,
        moved.difference.value,
        moved.difference.low,
        moved.difference.high
    );
    let text = RichText::new(words).size(13.0);
    let text = if moved.is_shown() {
        text
    } else {
        text.color(paler)
    };
    ui.label(text).on_hover_text(moved.words());
    ui.end_row();
}

/// A line from before to after on a scale that all rows share, with the interval of its end as a band.
fn arrow_ui(ui: &mut Ui, point: &str, moved: &Moved, (low, high): (f64, f64)) {
    let (rect, response) = ui.allocate_exact_size(ARROW, Sense::hover());
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(egui::accesskit::Role::Image);
        node.set_label(format!("Arrow at {point}: {}", moved.words()));
    });
    let width = (high - low).max(f64::MIN_POSITIVE);
    let inner = rect.shrink2(vec2(6.0, 0.0));
    let x =
        |score: f64| inner.left() + ((score - low) / width).clamp(0.0, 1.0) as f32 * inner.width();
    let tokens = Tokens::of(ui);
    let y = rect.center().y;
    let painter = ui.painter();
    painter.hline(inner.x_range(), y, Stroke::new(1.0, tokens.line));
    let (from, to) = (x(moved.before), x(moved.after));
    let ends = [moved.difference.low, moved.difference.high].map(|end| x(moved.before + end));
    let band = Rect::from_x_y_ranges(ends[0]..=ends[1].max(ends[0] + 1.0), y - 6.0..=y + 6.0);
    painter.rect_filled(band, 2.0, tokens.accent.gamma_multiply(0.25));
    let color = if moved.is_shown() {
        tokens.accent
    } else {
        tokens.weak
    };
    painter.circle_stroke(Pos2::new(from, y), 3.0, Stroke::new(1.5, color));
    painter.arrow(
        Pos2::new(from, y),
        vec2(to - from, 0.0),
        Stroke::new(2.0, color),
    );
    response.on_hover_text(moved.words());
}
