//! The colour bar: what the colours of a magnitude mean. The scale is fixed and printed.

use egui::epaint::{Mesh, Rect, Shape, Stroke, StrokeKind, pos2, vec2};
use egui::{Align2, FontId, Sense, Ui};

use crate::gpu::ColorMap;
use crate::theme::Tokens;

/// Steps of the painted gradient.
const STEPS: usize = 48;

/// From the first value at the bottom to the last at the top, with its title below.
pub(super) fn vertical(ui: &Ui, rect: Rect, [low, high]: [f32; 2], map: ColorMap, title: &str) {
    let tokens = Tokens::of(ui);
    gradient(ui, rect, map, true);
    let font = FontId::proportional(12.0);
    for part in [0.0, 0.5, 1.0] {
        let y = rect.bottom() - part * rect.height();
        let align = if part == 0.0 {
            Align2::LEFT_BOTTOM
        } else if part == 1.0 {
            Align2::LEFT_TOP
        } else {
            Align2::LEFT_CENTER
        };
        ui.painter().text(
            pos2(rect.right() + 5.0, y),
            align,
            number(low + part * (high - low)),
            font.clone(),
            tokens.weak,
        );
    }
    ui.painter().text(
        pos2(rect.left(), rect.bottom() + 5.0),
        Align2::LEFT_TOP,
        title,
        FontId::proportional(13.0),
        tokens.text,
    );
}

/// In a line of widgets, from 0 to 1.
pub(super) fn horizontal(ui: &mut Ui, title: &str) {
    ui.label(title);
    ui.label("0");
    let (rect, _) = ui.allocate_exact_size(vec2(90.0, 12.0), Sense::hover());
    gradient(ui, rect, ColorMap::Magnitude, false);
    ui.label("1");
}

fn gradient(ui: &Ui, rect: Rect, map: ColorMap, upward: bool) {
    let mut mesh = Mesh::default();
    for step in 0..STEPS {
        let (from, to) = (step as f32 / STEPS as f32, (step + 1) as f32 / STEPS as f32);
        let part = if upward {
            Rect::from_min_max(
                pos2(rect.left(), rect.bottom() - to * rect.height()),
                pos2(rect.right(), rect.bottom() - from * rect.height()),
            )
        } else {
            Rect::from_min_max(
                pos2(rect.left() + from * rect.width(), rect.top()),
                pos2(rect.left() + to * rect.width(), rect.bottom()),
            )
        };
        mesh.add_colored_rect(part, map.color(f32::midpoint(from, to)));
    }
    ui.painter().add(Shape::mesh(mesh));
    ui.painter().rect_stroke(
        rect,
        0.0,
        Stroke::new(1.0, Tokens::of(ui).line),
        StrokeKind::Outside,
    );
}

fn number(value: f32) -> String {
    let words = if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}").trim_end_matches('0').to_owned()
    };
    words.replace('-', "\u{2212}")
}
