//! The triangle, or the segment: drawn, dragged and read aloud.

use egui::accesskit::Live;
use egui::text::{LayoutJob, TextFormat};
use egui::{
    FontId, Mesh, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, WidgetInfo, vec2,
};
use paretoscope_core::method::Speaks;
use paretoscope_core::types::{Point, Preference};

use super::keyboard;
use crate::command::{AppCommand, CommandQueue, Gesture};
use crate::state::whole_parts;
use crate::state::{AppState, Panel};
use crate::theme::{Tokens, expert_color, expert_letter};
use crate::widgets::format::preference_words;
use crate::widgets::simplex::Geometry;
use crate::widgets::{expert_slot, objective_color, paint_expert, point_color};

/// Distance within which the magnet pulls, in points.
const PULL: f32 = 12.0;
/// What Alt makes of a movement.
const FINE: f32 = 0.1;
/// Of the point's ring, to the middle of its line, and a little more under the pointer.
const RING: f32 = 14.0;
/// From a corner to its name: beyond the ring, so that a point in the corner hides nothing.
const NAME_GAP: f32 = RING + 6.0;

/// The canvas with everything that can be done on it.
pub(super) fn canvas_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let axes = &state.simplex.axes;
    // No wider than what can be seen, whatever else in the column is.
    let seen = ui.clip_rect().right() - ui.cursor().left();
    let width = ui.available_width().min(seen.max(110.0));
    let tall = if axes.len() == 3 {
        // As large as its panel; no taller than what can be seen at once, with the numbers below it.
        let seen = ui.clip_rect().height();
        (width * 0.82 + 62.0).min((seen - 90.0).min(seen * 0.62).max(130.0))
    } else {
        98.0
    };
    let (rect, response) = ui.allocate_exact_size(vec2(width, tall), Sense::click_and_drag());
    let inside = if axes.len() == 3 {
        Rect::from_min_max(rect.min + vec2(14.0, 40.0), rect.max - vec2(14.0, 40.0))
    } else {
        Rect::from_min_max(rect.min + vec2(22.0, 24.0), rect.max - vec2(22.0, 42.0))
    };
    let geometry = Geometry::new(inside, axes);
    describe(ui, state, &response);
    if state.overlay.focus == Some(Panel::Point) {
        response.request_focus();
        queue.push(AppCommand::FocusTaken);
    }
    if let Some((to, gesture)) = pointer(ui, state, &geometry, &response) {
        queue.push(AppCommand::Move(to, gesture));
    }
    keyboard::take(ui, state, &response, queue);
    paint(ui, state, &geometry, &response);
    hover(ui, state, &geometry, response);
}

/// Role, name and value for those who do not see it.
fn describe(ui: &Ui, state: &AppState, response: &Response) {
    let names = state.objective_names();
    let words = preference_words(&state.simplex.preference, &names);
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, "Preference point"));
    let axis = state
        .simplex
        .axes
        .get(state.simplex.axis)
        .and_then(|&a| names.get(a))
        .copied()
        .unwrap_or("");
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_value(words);
        node.set_live(Live::Polite);
        node.set_description(format!(
            "Arrow keys move it: up and down change {axis}, left and right trade the others. \
             1 to 7 are presets, Enter generates, Tab picks another objective."
        ));
    });
}

/// Where the pointer wants the point.
fn pointer(
    ui: &Ui,
    state: &AppState,
    geometry: &Geometry,
    response: &Response,
) -> Option<(Point, Gesture)> {
    let settled = response.drag_stopped() || response.clicked();
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    if !(response.is_pointer_button_down_on() || settled) {
        // A release that fell between two slow frames still lets go.
        let lost = state.simplex.dragging && !ui.input(|i| i.pointer.any_down());
        let point = state.simplex.point().filter(|_| lost)?;
        return Some((point, Gesture::Settled));
    }
    let at = response.interact_pointer_pos()?;
    let now = geometry.position(&state.simplex.preference);
    let from = response.id.with("from");
    if response.drag_started() || ui.input(|i| i.pointer.any_pressed()) {
        ui.ctx().data_mut(|d| d.insert_temp(from, now));
    }
    let from: Pos2 = ui.ctx().data(|d| d.get_temp(from)).unwrap_or(now);
    let modifiers = ui.input(|i| i.modifiers);
    let target = if modifiers.alt {
        now + FINE * response.drag_delta()
    } else if modifiers.shift {
        along(from, at, geometry)
    } else {
        at
    };
    let gesture = if settled {
        Gesture::Settled
    } else {
        Gesture::Moving
    };
    let mut shares = geometry.shares(target, state.simplex.preference.len());
    if state.prefs.magnet && !modifiers.alt {
        shares = pulled(state, geometry, target).unwrap_or(shares);
    }
    let shares = if settled && modifiers.alt {
        state.simplex.preference.clone()
    } else {
        beside_others(state, shares)
    };
    let to = Preference::new(shares).ok()?;
    let still = to.as_slice() == state.simplex.preference;
    (settled || !still).then_some((Point::Preference(to), gesture))
}

/// Shares on the face of the triangle, cut to what its objectives have together: the others keep theirs.
fn beside_others(state: &AppState, mut shares: Vec<f64>) -> Vec<f64> {
    let simplex = &state.simplex;
    let kept = simplex.beside_axes();
    for (index, share) in shares.iter_mut().enumerate() {
        if simplex.axes.contains(&index) {
            *share *= 1.0 - kept;
        } else {
            *share = simplex.preference.get(index).copied().unwrap_or(0.0);
        }
    }
    shares
}

/// The place on the line from the start of the drag to the corner nearest to the pointer.
fn along(from: Pos2, at: Pos2, geometry: &Geometry) -> Pos2 {
    let nearest = |a: &&Pos2, b: &&Pos2| at.distance_sq(**a).total_cmp(&at.distance_sq(**b));
    let Some(&corner) = geometry.corners().iter().min_by(nearest) else {
        return at;
    };
    let way = corner - from;
    if way.length_sq() < 1.0 {
        return corner;
    }
    from + ((at - from).dot(way) / way.length_sq()).clamp(0.0, 1.0) * way
}

/// The expert that the magnet pulls to.
fn pulled(state: &AppState, geometry: &Geometry, at: Pos2) -> Option<Vec<f64>> {
    state
        .info()?
        .experts
        .iter()
        .map(|e| e.preference.as_slice())
        .filter(|shares| geometry.holds(shares))
        .find(|shares| geometry.position(shares).distance(at) < PULL)
        .map(<[f64]>::to_vec)
}

fn paint(ui: &Ui, state: &AppState, geometry: &Geometry, response: &Response) {
    let tokens = Tokens::of(ui);
    let painter = ui.painter();
    let corners = geometry.corners();
    if corners.len() == 3 {
        paint_ground(painter, state, corners, tokens);
    } else {
        painter.line_segment([corners[0], corners[1]], Stroke::new(5.0, tokens.line));
    }
    if state.prefs.show_cells {
        paint_cells(painter, state, geometry, Stroke::new(1.0, tokens.line));
    }
    if state.prefs.show_swept {
        for result in &state.sweep.points {
            if let Point::Preference(p) = &result.point
                && geometry.holds(p.as_slice())
            {
                let color = state
                    .info()
                    .map_or(tokens.weak, |info| point_color(info, &result.point));
                let at = geometry.position(p.as_slice());
                painter.circle(at, 3.0, color, Stroke::new(1.0, tokens.outline));
            }
        }
    }
    paint_routing(painter, state, geometry, tokens);
    if state.prefs.show_experts {
        paint_experts(painter, state, geometry, tokens);
    }
    paint_corners(ui, state, geometry, tokens);
    if let Some(run) = state.session.pinned()
        && let Point::Preference(p) = run.point_now()
        && geometry.holds(p.as_slice())
    {
        painter.circle_stroke(
            geometry.position(p.as_slice()),
            8.0,
            Stroke::new(2.5, tokens.pinned),
        );
    }
    let at = geometry.position(&state.simplex.preference);
    if response.has_focus() {
        painter.circle_stroke(at, 20.0, Stroke::new(2.0, tokens.focus));
    }
    // A ring, so that an expert that it stands on is still seen.
    let radius = if response.hovered() || state.simplex.dragging {
        RING + 1.0
    } else {
        RING
    };
    painter.circle_stroke(at, radius, Stroke::new(7.0, tokens.panel));
    painter.circle_stroke(at, radius, Stroke::new(4.0, tokens.accent));
    let near_expert = state.prefs.show_experts
        && state.info().is_some_and(|info| {
            let places = info.experts.iter().map(|e| e.preference.as_slice());
            let mut held = places.filter(|shares| geometry.holds(shares));
            held.any(|shares| geometry.position(shares).distance(at) < 2.0 * radius)
        });
    if !near_expert {
        painter.circle_filled(at, 3.0, tokens.accent);
    }
}

/// The triangle in the colours of its corners, faint: the same mixture colours the dots of the front.
fn paint_ground(painter: &Painter, state: &AppState, corners: &[Pos2], tokens: &Tokens) {
    let mut mesh = Mesh::default();
    for (&corner, &axis) in corners.iter().zip(&state.simplex.axes) {
        let color = state
            .info()
            .map_or(tokens.card, |info| objective_color(info, axis));
        mesh.colored_vertex(corner, tokens.card.lerp_to_gamma(color, 0.26));
    }
    mesh.add_triangle(0, 1, 2);
    painter.add(Shape::mesh(mesh));
    painter.add(Shape::closed_line(
        corners.to_vec(),
        Stroke::new(1.5, tokens.line),
    ));
}

fn paint_cells(painter: &Painter, state: &AppState, geometry: &Geometry, line: Stroke) {
    let (Some(info), Some(complex)) = (state.info(), &state.simplex.complex) else {
        return;
    };
    for cell in complex.cells() {
        let corners: Vec<&[f64]> = cell
            .iter()
            .filter_map(|&i| info.experts.get(i))
            .map(|e| e.preference.as_slice())
            .collect();
        for (i, a) in corners.iter().enumerate() {
            for b in &corners[..i] {
                if geometry.holds(a) && geometry.holds(b) {
                    painter.line_segment([geometry.position(a), geometry.position(b)], line);
                }
            }
        }
    }
}

/// Lines from the point to the experts that it is mixed from, as thick as their share.
fn paint_routing(painter: &Painter, state: &AppState, geometry: &Geometry, _tokens: &Tokens) {
    let (Some(info), Some(routing)) = (state.info(), &state.simplex.routing) else {
        return;
    };
    // They are HoE's; another method mixes otherwise.
    if state.method().speaks() != Speaks::Routed {
        return;
    }
    let at = geometry.position(&state.simplex.preference);
    for enclosing in &routing.experts {
        if let Some(expert) = info.experts.get(enclosing.index)
            && geometry.holds(expert.preference.as_slice())
        {
            let color =
                expert_color(expert_slot(info, enclosing.index), expert.kind).gamma_multiply(0.85);
            let to = geometry.position(expert.preference.as_slice());
            painter.line_segment(
                [at, to],
                Stroke::new(1.0 + 4.0 * enclosing.weight as f32, color),
            );
        }
    }
}

fn paint_experts(painter: &Painter, state: &AppState, geometry: &Geometry, tokens: &Tokens) {
    let Some(info) = state.info() else { return };
    for (index, expert) in info.experts.iter().enumerate() {
        let shares = expert.preference.as_slice();
        if !geometry.holds(shares) {
            continue;
        }
        let at = geometry.position(shares);
        let silent = info.channel(index).is_some_and(|c| state.mutes.silences(c));
        let line = if silent { tokens.error } else { tokens.outline };
        paint_expert(
            painter,
            at,
            9.5,
            (expert_slot(info, index), expert.kind),
            line,
        );
        if silent {
            let reach = egui::vec2(8.0, 8.0);
            painter.line_segment([at - reach, at + reach], Stroke::new(2.5, tokens.error));
        }
    }
}

/// In a panel narrower than this the names of the lower corners would meet.
const CRAMPED: f32 = 270.0;

fn paint_corners(ui: &Ui, state: &AppState, geometry: &Geometry, tokens: &Tokens) {
    let names = state.objective_names();
    let corners = geometry.corners();
    let percents = whole_parts(&state.simplex.preference, 100);
    for (i, (&corner, &axis)) in corners.iter().zip(&state.simplex.axes).enumerate() {
        let name = names.get(axis).copied().unwrap_or("?");
        let percent = percents.get(axis).copied().unwrap_or(0);
        let top = corners.len() == 3 && i == 0;
        let picked = ui.memory(|m| m.focused()).is_some() && i == state.simplex.axis;
        let color = if picked { tokens.text } else { tokens.weak };
        let mut job = LayoutJob::default();
        let format = |size, color| TextFormat::simple(FontId::proportional(size), color);
        // Names stay within what is seen of the panel, however long they are.
        let room = ui.max_rect().intersect(ui.clip_rect());
        let [small, large] = if room.width() < CRAMPED {
            [12.0, 13.0]
        } else {
            [14.0, 16.0]
        };
        job.append(name, 0.0, format(small, color));
        job.append(&format!("{percent} %"), 6.0, format(large, tokens.text));
        let galley = ui.painter().layout_job(job);
        let size = galley.size();
        let y = if top {
            corner.y - NAME_GAP - size.y
        } else {
            corner.y + NAME_GAP
        };
        let x =
            (corner.x - size.x / 2.0).clamp(room.left(), (room.right() - size.x).max(room.left()));
        ui.painter().galley(Pos2::new(x, y), galley, color);
    }
}

fn hover(ui: &Ui, state: &AppState, geometry: &Geometry, response: Response) {
    let (Some(info), Some(at)) = (state.info(), response.hover_pos()) else {
        return;
    };
    if response.dragged() {
        return;
    }
    let names: Vec<&str> = info.objectives.iter().map(|o| o.name.as_str()).collect();
    let near = info.experts.iter().enumerate().find(|(_, e)| {
        geometry.holds(e.preference.as_slice())
            && geometry.position(e.preference.as_slice()).distance(at) < 9.0
    });
    if let Some((index, expert)) = near
        && state.prefs.show_experts
    {
        let kind = match expert.kind {
            paretoscope_core::types::ExpertKind::Lora => "LoRA expert",
            paretoscope_core::types::ExpertKind::Router => "router expert",
        };
        let place = preference_words(expert.preference.as_slice(), &names);
        let text = format!(
            "{} {}: {kind} at {place}",
            expert_letter(expert_slot(info, index)),
            expert.name
        );
        let text = match info.expert_files.get(index) {
            Some(file) => format!("{text}\nmade in {}", file.path.display()),
            None => text,
        };
        let _tip = response.on_hover_text_at_pointer(text);
    } else {
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grab);
    }
}
