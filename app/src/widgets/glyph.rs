//! A point as a picture the size of a letter.

use egui::{Sense, Shape, Stroke, Ui, Vec2, pos2};
use paretoscope_core::types::Point;

use super::simplex::Geometry;
use crate::theme::Tokens;

/// A small triangle (or segment) with a dot where the point stands.
pub fn point_glyph(ui: &mut Ui, point: &Point, axes: &[usize]) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(20.0, 18.0), Sense::hover());
    let tokens = Tokens::of(ui);
    let geometry = Geometry::new(rect.shrink(1.0), axes);
    let values = point.as_slice();
    let sum: f64 = values.iter().sum();
    let outside: f64 = values
        .iter()
        .enumerate()
        .filter(|(i, _)| !axes.contains(i))
        .map(|(_, v)| v)
        .sum();
    let line = Stroke::new(1.0, tokens.weak);
    ui.painter()
        .add(Shape::closed_line(geometry.corners().to_vec(), line));
    if sum > 0.0 && outside < 1e-9 {
        let shares: Vec<f64> = values.iter().map(|v| v / sum).collect();
        let at = geometry.position(&shares);
        ui.painter()
            .circle_filled(pos2(at.x, at.y), 3.0, tokens.accent);
    }
}
