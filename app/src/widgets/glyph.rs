//! A point as a picture the size of a letter.

use egui::{Align2, Button, FontId, Painter, Rect, Response, Sense, Shape, Stroke, Ui, Vec2};
use paretoscope_core::types::Point;

use super::simplex::Geometry;
use crate::theme::Tokens;

/// A small triangle (or segment) with a dot where the point stands.
pub fn point_glyph(ui: &mut Ui, point: &Point, axes: &[usize]) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(20.0, 18.0), Sense::hover());
    let tokens = Tokens::of(ui);
    let (values, sum) = (point.as_slice(), point.as_slice().iter().sum::<f64>());
    let shares: Vec<f64> = values.iter().map(|v| v / sum).collect();
    paint_point(ui.painter(), rect, &shares, axes, tokens);
}

/// A preset's button: where it leads, and the key that leads there.
pub fn preset_button(ui: &mut Ui, number: usize, shares: &[f64], axes: &[usize]) -> Response {
    let tokens = Tokens::of(ui);
    let response = ui.add(Button::new("").min_size(Vec2::new(35.0, 26.0)));
    let rect = response.rect;
    let picture = Rect::from_min_size(rect.min + Vec2::new(4.0, 4.0), Vec2::new(18.0, 18.0));
    paint_point(ui.painter(), picture, shares, axes, tokens);
    let at = rect.right_center() - Vec2::new(4.0, 0.0);
    let font = FontId::proportional(12.0);
    ui.painter()
        .text(at, Align2::RIGHT_CENTER, number, font, tokens.weak);
    response
}

/// The outline of the simplex, and a dot where `shares` stand; none where other axes have a share.
fn paint_point(painter: &Painter, rect: Rect, shares: &[f64], axes: &[usize], tokens: &Tokens) {
    let geometry = Geometry::new(rect.shrink(1.0), axes);
    let line = Stroke::new(1.0, tokens.weak);
    painter.add(Shape::closed_line(geometry.corners().to_vec(), line));
    let outside = shares.iter().enumerate().filter(|(i, _)| !axes.contains(i));
    let inside = outside.map(|(_, v)| v.abs()).sum::<f64>() < 1e-9;
    if inside && shares.iter().all(|v| v.is_finite()) {
        painter.circle_filled(geometry.position(shares), 3.0, tokens.accent);
    }
}
