//! The triangle of a stage: large, with thick lines, and moved by a drag alone that somebody means.

use egui::accesskit::Live;
use egui::{Align2, Mesh, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2};

use super::scene::Scene;
use super::size::Size;
use crate::command::Gesture;
use crate::theme::Tokens;
use crate::widgets::simplex::Geometry;
use crate::widgets::{expert_slot, objective_color, paint_expert};

/// How far a pointer goes before it drags, in points: a stray click moves nothing.
const LOCK: f32 = 8.0;
/// A marker of an expert in the window, in points.
const MARKER: f32 = 9.5;
/// The point's ring there.
const RING: f32 = 14.0;

/// The triangle in its place; where the point is to go, one share per objective.
pub(super) fn triangle_ui(
    ui: &mut Ui,
    rect: Rect,
    size: Size,
    scene: &Scene<'_>,
) -> Option<(Vec<f64>, Gesture)> {
    let id = ui.scope_id().with("stage point");
    let sense = if scene.movable {
        Sense::drag()
    } else {
        Sense::hover()
    };
    let response = ui.interact(rect, id, sense);
    let ring = (RING + 3.0) * size.times;
    // Room for the names above and below, and for a ring in a corner beside.
    let tall = 1.8 * size.u + ring;
    let inside = Rect::from_min_max(rect.min + vec2(ring, tall), rect.max - vec2(ring, tall));
    let geometry = Geometry::new(inside, &scene.axes);
    describe(ui, scene, &response);
    let to = pointer(ui, scene, &geometry, &response);
    if inside.is_positive() && scene.axes.len() > 1 {
        paint(ui, rect, size, scene, &geometry);
    }
    to
}

fn describe(ui: &Ui, scene: &Scene<'_>, response: &Response) {
    let enabled = scene.movable;
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, enabled, "Preference point"));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_value(scene.caption.as_str());
        node.set_live(Live::Polite);
        node.set_description("Drag it, or press Shift and an arrow key.");
    });
}

fn pointer(
    ui: &Ui,
    scene: &Scene<'_>,
    geometry: &Geometry,
    response: &Response,
) -> Option<(Vec<f64>, Gesture)> {
    let free = response.id.with("free");
    let is_free = ui.data(|data| data.get_temp::<bool>(free)).unwrap_or(false);
    let (from, at) = ui.input(|i| (i.pointer.press_origin(), i.pointer.latest_pos()));
    let count = scene.info.objectives.len();
    if response.is_pointer_button_down_on() {
        let (from, at) = (from?, at?);
        if !is_free && from.distance(at) < LOCK {
            return None;
        }
        ui.data_mut(|data| data.insert_temp(free, true));
        return Some((geometry.shares(at, count), Gesture::Moving));
    }
    if is_free {
        ui.data_mut(|data| data.remove_temp::<bool>(free));
        return Some((geometry.shares(at?, count), Gesture::Settled));
    }
    None
}

fn paint(ui: &Ui, rect: Rect, size: Size, scene: &Scene<'_>, geometry: &Geometry) {
    let tokens = Tokens::of(ui);
    let painter = ui.painter_at(rect);
    let corners = geometry.corners();
    let line = Stroke::new(1.8 * size.times, tokens.dominated);
    if corners.len() == 3 {
        let mut mesh = Mesh::default();
        for (&corner, &axis) in corners.iter().zip(&scene.axes) {
            let color = objective_color(scene.info, axis);
            mesh.colored_vertex(corner, tokens.card.lerp_to_gamma(color, 0.34));
        }
        mesh.add_triangle(0, 1, 2);
        painter.add(Shape::mesh(mesh));
        painter.add(Shape::closed_line(corners.to_vec(), line));
    } else {
        painter.line_segment(
            [corners[0], corners[1]],
            Stroke::new(4.0 * size.times, tokens.line),
        );
    }
    for (index, expert) in scene.info.experts.iter().enumerate() {
        let shares = expert.preference.as_slice();
        if geometry.holds(shares) {
            let slot = (expert_slot(scene.info, index), expert.kind);
            let radius = MARKER * size.times;
            paint_expert(
                &painter,
                geometry.position(shares),
                radius,
                slot,
                tokens.outline,
            );
        }
    }
    names(ui, rect, size, scene, corners, tokens);
    if let Some(shares) = &scene.shares {
        let at = geometry.position(shares);
        let radius = RING * size.times;
        painter.circle_stroke(at, radius, Stroke::new(6.0 * size.times, tokens.panel));
        painter.circle_stroke(at, radius, Stroke::new(3.6 * size.times, tokens.accent));
    }
}

/// The objectives at their corners; two that stand beside each other share the width.
fn names(ui: &Ui, rect: Rect, size: Size, scene: &Scene<'_>, corners: &[Pos2], tokens: &Tokens) {
    let painter = ui.painter_at(rect);
    let gap = (RING + 4.5) * size.times;
    let middle = rect.center().x;
    let apart = 0.3 * size.u;
    for (index, (&corner, &axis)) in corners.iter().zip(&scene.axes).enumerate() {
        let name = scene.info.objectives.get(axis);
        let name = name.map_or("?", |o| o.name.as_str()).to_owned();
        let top = corners.len() == 3 && index == 0;
        let (from, to) = match (top, corner.x < middle) {
            (true, _) => (rect.left(), rect.right()),
            (false, true) => (rect.left(), middle - apart),
            (false, false) => (middle + apart, rect.right()),
        };
        let font = size.strong(1.1);
        let mut job = egui::text::LayoutJob::simple_singleline(name, font, tokens.text);
        job.wrap = egui::text::TextWrapping::truncate_at_width(to - from);
        let galley = painter.layout_job(job);
        let wide = galley.size().x;
        let y = if top {
            corner.y - gap - galley.size().y
        } else {
            corner.y + gap
        };
        let x = (corner.x - wide / 2.0).clamp(from, (to - wide).max(from));
        painter.galley(Pos2::new(x, y), galley, tokens.text);
    }
    if scene.shares.is_none() && corners.len() == 3 {
        let words = "beyond the triangle: free weights";
        let middle = Pos2::new(rect.center().x, rect.center().y);
        painter.text(
            middle,
            Align2::CENTER_CENTER,
            words,
            size.text(1.0),
            tokens.weak,
        );
    }
}
