//! Extrapolation: one slider per value vector up to C, the direction, and how far out it is.

use egui::{Align2, FontId, Id, Rect, RichText, Sense, Shape, Slider, Stroke, Ui, pos2, vec2};
use paretoscope_core::types::{Point, Weights};

use crate::command::{AppCommand, CommandQueue, Gesture};
use crate::state::{AppState, FieldDraft};
use crate::theme::Tokens;
use crate::widgets::simplex::Geometry;
use crate::widgets::{between, chip, desk_buttons, desk_keys, number::FieldNews, number_field};

/// C beyond this is outside what the paper tried.
const PUBLISHED_C: f64 = 1.0;

/// The panel's part.
pub(super) fn weights_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let Some(info) = state.info() else { return };
    let sum: f64 = state.simplex.weights.iter().sum();
    ui.horizontal_wrapped(|ui| {
        if sum == 0.0 {
            chip(ui, "base model alone", tokens.weak);
        } else if sum > 1.0 + 1e-9 {
            chip(ui, format!("extrapolated \u{d7}{sum:.2}"), tokens.warn);
        } else {
            chip(ui, format!("sum {sum:.2}"), tokens.accent);
        }
        if info.values_are_experts {
            let hint =
                "This bundle lists no value vectors (MVA) of its own, so its one-hot LoRA experts stand in.";
            ui.label(
                RichText::new("one-hot experts as values")
                    .color(tokens.weak)
                    .size(13.0),
            )
            .on_hover_text(hint);
        }
    });
    direction_ui(ui, state, sum);
    for (index, value) in info.values.iter().enumerate() {
        slider_ui(ui, state, queue, index, &value.name);
    }
    super::routing::desk_ui(ui, state, queue);
    problem_ui(ui, state);
    largest_ui(ui, state, queue);
}

fn slider_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, index: usize, name: &str) {
    let Some(&now) = state.simplex.weights.get(index) else {
        return;
    };
    let draft = state.simplex.draft.as_ref().filter(|d| d.index == index);
    let channel = state.info().and_then(|info| info.value_channel(index));
    ui.horizontal(|ui| {
        let title = |ui: &mut Ui| {
            ui.add(egui::Label::new(RichText::new(name).size(13.0)).truncate());
        };
        let Some(channel) = channel else {
            return title(ui);
        };
        between(ui, &format!("weight {index}"), title, |ui| {
            let desk = desk_buttons(ui, state, queue, channel, name);
            desk_keys(ui, desk, channel, queue);
        });
    });
    ui.horizontal(|ui| {
        ui.spacing_mut().slider_width = (ui.available_width() - 82.0).max(60.0);
        let mut value = now;
        let slider = Slider::new(&mut value, 0.0..=state.prefs.c)
            .show_value(false)
            .step_by(0.01);
        let response = ui.add(slider);
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_label(format!("Weight of {name}"));
            node.set_value(format!("{value:.2}"));
        });
        let settled = response.drag_stopped() || (response.changed() && !response.dragged());
        if response.changed() || settled {
            let mut weights = state.simplex.weights.clone();
            weights[index] = value;
            let gesture = if settled {
                Gesture::Settled
            } else {
                Gesture::Moving
            };
            if let Ok(to) = Weights::new(weights) {
                queue.push(AppCommand::Move(Point::Weights(to), gesture));
            }
        }
        let news = number_field(
            ui,
            Id::unique("weight").with(index),
            &format!("Weight of {name} in numbers"),
            &format!("{value:.3}"),
            draft.map(|d| d.text.as_str()),
            draft.and_then(|d| d.problem.as_deref()),
            54.0,
        );
        queue_field(news, index, state, queue);
    });
}

/// The direction as a point of the triangle, and the sum as a gauge with a mark at 1.
fn direction_ui(ui: &mut Ui, state: &AppState, sum: f64) {
    let tokens = Tokens::of(ui);
    let weights = &state.simplex.weights;
    let axes: Vec<usize> = (0..weights.len().min(3)).collect();
    if !(2..=3).contains(&weights.len()) {
        return;
    }
    let names: Vec<&str> = state
        .info()
        .map(|b| b.values.iter().map(|v| v.name.as_str()).collect())
        .unwrap_or_default();
    let tall = if axes.len() == 3 { 170.0 } else { 70.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), tall), Sense::hover());
    let left = Rect::from_min_max(rect.min + vec2(20.0, 22.0), rect.max - vec2(74.0, 24.0));
    let geometry = Geometry::new(left, &axes);
    let painter = ui.painter();
    if axes.len() == 3 {
        let line = Stroke::new(1.5, tokens.line);
        painter.add(Shape::convex_polygon(
            geometry.corners().to_vec(),
            tokens.card,
            line,
        ));
    } else {
        painter.line_segment(
            [geometry.corners()[0], geometry.corners()[1]],
            Stroke::new(4.0, tokens.line),
        );
    }
    for (i, (corner, name)) in geometry.corners().iter().zip(&names).enumerate() {
        let top = axes.len() == 3 && i == 0;
        let (at, align) = if top {
            (*corner - vec2(0.0, 4.0), Align2::CENTER_BOTTOM)
        } else {
            (*corner + vec2(0.0, 6.0), Align2::CENTER_TOP)
        };
        painter.text(at, align, name, FontId::proportional(13.0), tokens.weak);
    }
    if sum > 0.0 {
        let at = geometry.position(weights);
        painter.circle_filled(at, 8.5, tokens.panel);
        painter.circle_filled(at, 7.0, tokens.accent);
    }
    // The gauge: from nothing to all weights at C.
    let largest = (state.prefs.c * weights.len() as f64).max(1.0);
    let gauge = Rect::from_min_max(
        pos2(rect.right() - 40.0, rect.top() + 22.0),
        pos2(rect.right() - 28.0, rect.bottom() - 24.0),
    );
    let height =
        |value: f64| gauge.bottom() - gauge.height() * (value / largest).clamp(0.0, 1.0) as f32;
    painter.rect_filled(gauge, 3.0, tokens.line);
    let color = if sum > 1.0 {
        tokens.warn
    } else {
        tokens.accent
    };
    painter.rect_filled(
        Rect::from_min_max(pos2(gauge.left(), height(sum)), gauge.max),
        3.0,
        color,
    );
    let one = height(1.0);
    painter.line_segment(
        [
            pos2(gauge.left() - 5.0, one),
            pos2(gauge.right() + 5.0, one),
        ],
        Stroke::new(1.5, tokens.text),
    );
    painter.text(
        pos2(gauge.right() + 9.0, one),
        Align2::LEFT_CENTER,
        "1",
        FontId::proportional(13.0),
        tokens.text,
    );
    painter.text(
        pos2(gauge.center().x, gauge.top() - 4.0),
        Align2::CENTER_BOTTOM,
        "sum",
        FontId::proportional(13.0),
        tokens.weak,
    );
    response.on_hover_text(format!(
        "Direction of the weights \u{3c9}, and their sum {sum:.2}: above 1 the values are extrapolated (MVA)"
    ));
}

fn largest_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    ui.horizontal_wrapped(|ui| {
        let label = ui
            .label(
                RichText::new("Largest weight C")
                    .color(tokens.weak)
                    .size(13.0),
            )
            .on_hover_text(
                "The box [0, C]: the range of every weight \u{3c9} of a value vector (MVA)",
            );
        let mut c = state.prefs.c;
        let drag = egui::DragValue::new(&mut c)
            .range(0.1..=3.0)
            .speed(0.01)
            .fixed_decimals(2);
        if ui.add(drag).labelled_by(label.id).changed() {
            queue.push(AppCommand::SetC(c));
        }
        if state.prefs.c > PUBLISHED_C {
            let text = RichText::new("beyond the published range")
                .color(tokens.warn)
                .size(13.0);
            ui.label(text)
                .on_hover_text("The paper tried C up to 1; far out the text can break.");
        }
    });
}

/// Queues what happened to a field of the point.
pub(super) fn queue_field(
    news: FieldNews,
    index: usize,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    match news {
        FieldNews::Typed(text) => queue.push(AppCommand::EditField(index, text)),
        FieldNews::Left
            if state
                .simplex
                .draft
                .as_ref()
                .is_some_and(|d| d.index == index) =>
        {
            queue.push(AppCommand::EndField);
        }
        FieldNews::Left | FieldNews::Still => {}
    }
}

/// The rule that the field being typed into breaks.
pub(super) fn problem_ui(ui: &mut Ui, state: &AppState) {
    let draft: Option<&FieldDraft> = state.simplex.draft.as_ref();
    if let Some(problem) = draft.and_then(|d| d.problem.as_ref()) {
        let tokens = Tokens::of(ui);
        let text = format!("Not taken: {problem}. The last good value stays.");
        let response = ui.label(RichText::new(text).color(tokens.error).size(13.0));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite)
        });
    }
}
