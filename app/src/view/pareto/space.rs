//! Three objectives at once, as a cube that a person turns: drag, wheel and arrow keys.

use egui::{
    Align2, CursorIcon, EventFilter, FontId, Key, Modifiers, Pos2, Rect, Response, Role, Sense,
    Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2,
};

use super::frame::{Frame, placed};
use super::hover::{Hover, REACH};
use super::{ParetoPanel, marks};
use crate::gpu::SpaceCallback;
use crate::gpu::space::{self, SpaceUniforms, project};
use crate::plot::{Cube, CubeAxis, OtherPlace, Turn, nearest, step_words};
use crate::state::Large;
use crate::theme::Tokens;

/// Degrees per point of a drag.
const DRAG: f32 = 0.45;
/// Degrees per press of an arrow key.
const STEP: f32 = 5.0;

impl ParetoPanel {
    /// The cube, large. Returns its response and what the pointer is on.
    pub(super) fn space(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        rect: Rect,
    ) -> (Response, Option<Hover>) {
        let tokens = Tokens::of(ui);
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt("space"));
        let (rect, response) = child.allocate_exact_size(rect.size(), Sense::click_and_drag());
        self.turn = turned(&child, &response, self.turn);
        let pointer = response.hover_pos().filter(|_| !response.dragged());
        let (uniforms, places, beside) = self.paint_cube(&child, frame, rect, self.turn);
        self.axes(&child, frame, &uniforms);
        let painter = child.painter().with_clip_rect(rect);
        let place_of = |position: usize| places.get(position).copied().filter(|p| !p.any_nan());
        let other_of = |at: (usize, usize)| {
            let found = beside.iter().find(|(sweep, dot, _)| (*sweep, *dot) == at);
            found.map(|(.., place)| *place)
        };
        let selected = frame
            .data
            .selected
            .and_then(|index| frame.data.front.position(index))
            .and_then(place_of);
        let selected = selected.or_else(|| other_of(selected_other(frame)?));
        if let Some(place) = selected {
            painter.circle_stroke(place, 12.0, Stroke::new(2.5, tokens.accent));
        }
        let hovered = match self.hovered {
            Some(Hover::Dot(position)) => place_of(position),
            Some(Hover::Other(sweep, dot)) => other_of((sweep, dot)),
            _ => None,
        };
        if let Some(place) = hovered {
            painter.circle_stroke(place, 10.0, Stroke::new(1.5, tokens.text));
        }
        let cube = self.cube(frame, &[]);
        let mut landmarks = Vec::new();
        for mark in marks::Mark::ALL {
            let mean = mark.landmark(frame).and_then(|at| placed(frame.data, at));
            if let Some(place) = mean.and_then(|mean| cube.place(mean)) {
                let at = project(&uniforms, place).0;
                marks::paint(&painter, mark, at, tokens, mark.is_single(frame));
                landmarks.push((mark, at));
            }
        }
        if self.turn != Turn::default() {
            let corner = Rect::from_min_size(
                rect.right_top() + egui::vec2(-92.0, 2.0),
                egui::vec2(90.0, 22.0),
            );
            let button = egui::Button::new("Reset view").small();
            if child
                .put(corner, button)
                .on_hover_text("Seen from where it was at first (Home)")
                .clicked()
            {
                self.turn = Turn::default();
            }
        }
        if response.has_focus() {
            let ring = Stroke::new(2.0, tokens.focus);
            child
                .painter()
                .rect_stroke(rect, 2.0, ring, StrokeKind::Inside);
        }
        let name = format!("Pareto space: {}", frame.title(Large::Space));
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &name));
        child.ctx().accesskit_node_builder(response.id, |node| {
            node.set_value(format!("{}; {}", frame.summary, self.turn.words()));
            node.set_description(
                "Arrow keys turn it, plus and minus zoom, Home puts it back, T shows a table.",
            );
        });
        let hover = pointer.and_then(|pointer| {
            let near = |(_, place): &&(marks::Mark, Pos2)| place.distance(pointer) <= REACH;
            match landmarks.iter().rev().find(near) {
                Some((mark, _)) => Some(Hover::Mark(*mark as usize)),
                None => nearest(&places, pointer, REACH)
                    .map(Hover::Dot)
                    .or_else(|| nearest_other(&beside, pointer)),
            }
        });
        let cursor = if response.dragged() {
            CursorIcon::Grabbing
        } else {
            CursorIcon::Grab
        };
        if response.hovered() && hover.is_none() {
            child.ctx().set_cursor_icon(cursor);
        }
        (response, hover)
    }

    /// The cube as it is looked at.
    fn cube<'a>(&'a self, frame: &'a Frame<'_>, marked: &'a [[f64; 3]]) -> Cube<'a> {
        Cube {
            axes: std::array::from_fn(|slot| CubeAxis {
                range: self.ranges.range(slot),
                unit: frame
                    .units
                    .get(slot)
                    .copied()
                    .unwrap_or(crate::plot::Affine::RAW),
            }),
            entries: frame.data.front.entries(),
            colors: self.tints.colors(),
            dominated: frame.options.dominated,
            others: frame.data.study.map_or(&[], |study| study.others.sweeps()),
            marked,
        }
    }

    /// Walls and points, by the shader where there is a GPU. Returns how it is seen, in points, and where
    /// every point is on the screen, and every dot of other sweeps.
    pub(super) fn paint_cube(
        &self,
        ui: &Ui,
        frame: &Frame<'_>,
        rect: Rect,
        turn: Turn,
    ) -> (SpaceUniforms, Vec<Pos2>, Vec<OtherPlace>) {
        let tokens = Tokens::of(ui);
        let uniforms = turn.uniforms(rect, tokens.panel);
        let own = |position: usize| Some(frame.data.front.entries().get(position)?.mean);
        let other = |(sweep, dot): (usize, usize)| {
            let sweeps = frame.data.study?.others.sweeps();
            Some(sweeps.get(sweep)?.dots.get(dot)?.mean)
        };
        let hovered = match self.hovered {
            Some(Hover::Dot(position)) => own(position),
            Some(Hover::Other(sweep, dot)) => other((sweep, dot)),
            _ => None,
        };
        let selected = frame
            .data
            .selected
            .and_then(|index| frame.data.front.position(index))
            .and_then(own);
        let marked = hovered
            .or(selected)
            .or_else(|| other(selected_other(frame)?));
        let marked: Vec<[f64; 3]> = marked.into_iter().collect();
        let cube = self.cube(frame, &marked);
        let mut marks = cube.walls(&uniforms, tokens);
        marks.extend(cube.points(&uniforms, tokens));
        let (places, beside) = (cube.places(&uniforms), cube.other_places(&uniforms));
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        if let Some(target) = self.target {
            let callback = SpaceCallback {
                key: ui.scope_id().value(),
                marks,
                uniforms,
                target,
            };
            painter.add(callback.shape(rect));
        } else {
            space::paint(&painter, &uniforms, &marks);
        }
        (uniforms, places, beside)
    }

    /// Numbers and names along three edges.
    fn axes(&self, ui: &Ui, frame: &Frame<'_>, uniforms: &SpaceUniforms) {
        let tokens = Tokens::of(ui);
        let cube = self.cube(frame, &[]);
        let middle = pos2(uniforms.centre[0], uniforms.centre[1]);
        for (slot, [start, end]) in cube.edges(uniforms).into_iter().enumerate() {
            let (from, to) = (project(uniforms, start).0, project(uniforms, end).0);
            // Outward: at right angles to the edge, away from the middle.
            let way = (to - from).normalized();
            let out = egui::vec2(-way.y, way.x);
            let centre = from + (to - from) / 2.0;
            let out = if out.dot(centre - middle) < 0.0 {
                -out
            } else {
                out
            };
            let at = |part: f32| from + (to - from) * (0.5 * (part + 1.0));
            let (ticks, step) = cube.axes[slot].ticks();
            let length = from.distance(to);
            let font = FontId::proportional(12.0);
            // Where the edge is short, fewer numbers stand along it.
            let every = ((ticks.len() as f32 * 26.0) / length.max(1.0))
                .ceil()
                .max(1.0) as usize;
            let mut widest: f32 = 0.0;
            if length > 40.0 {
                for (shown, place) in ticks.iter().step_by(every) {
                    let spot = at(*place);
                    ui.painter()
                        .line_segment([spot, spot + 4.0 * out], Stroke::new(1.0, tokens.weak));
                    let words = step_words(*shown, step);
                    let galley = ui
                        .painter()
                        .layout_no_wrap(words, font.clone(), tokens.weak);
                    let reach = beside(galley.size(), out);
                    let centre = spot + (7.0 + reach) * out;
                    widest = widest.max(2.0 * reach);
                    ui.painter()
                        .galley(centre - galley.size() / 2.0, galley, tokens.weak);
                }
            }
            let name = frame.name(slot);
            let font = FontId::proportional(13.5);
            let galley = ui.painter().layout_no_wrap(name, font, tokens.text);
            let spot = centre + (10.0 + widest + beside(galley.size(), out)) * out;
            // Within the picture, however it is turned.
            let room = ui.max_rect();
            let corner = spot - galley.size() / 2.0;
            let corner = pos2(
                corner.x.clamp(
                    room.left(),
                    (room.right() - galley.size().x).max(room.left()),
                ),
                corner.y.clamp(
                    room.top(),
                    (room.bottom() - galley.size().y).max(room.top()),
                ),
            );
            ui.painter().galley(corner, galley, tokens.text);
        }
        ui.painter().text(
            ui.max_rect().left_top() + egui::vec2(4.0, 2.0),
            Align2::LEFT_TOP,
            "drag to turn",
            FontId::proportional(12.0),
            tokens.weak,
        );
    }
}

/// The dot of another sweep that is looked at, by the places of the sweep and its own.
fn selected_other(frame: &Frame<'_>) -> Option<(usize, usize)> {
    let study = frame.data.study?;
    study.others.find(study.selected?)
}

/// The dot of another sweep that the pointer is on.
fn nearest_other(places: &[OtherPlace], pointer: Pos2) -> Option<Hover> {
    let far = |place: &&OtherPlace| place.2.distance(pointer);
    let near = places.iter().filter(|at| far(at) <= REACH);
    let near = near.min_by(|a, b| far(a).total_cmp(&far(b)))?;
    Some(Hover::Other(near.0, near.1))
}

/// How far the middle of a text lies from its edge in a direction.
fn beside(size: egui::Vec2, direction: egui::Vec2) -> f32 {
    0.5 * (size.x * direction.x.abs() + size.y * direction.y.abs())
}

/// What pointer and keys make of the view.
fn turned(ui: &Ui, response: &Response, turn: Turn) -> Turn {
    let mut turn = turn;
    if response.dragged() {
        let drag = response.drag_delta();
        turn = turn.turned(-DRAG * drag.x, DRAG * drag.y);
    }
    if response.contains_pointer() {
        let (scroll, pinch) = ui.input(|input| (input.smooth_scroll_delta.y, input.zoom_delta()));
        turn = turn.zoomed((scroll / 240.0).exp() * pinch);
    }
    if !response.has_focus() {
        return turn;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let presses =
        |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) as f32;
    turn = turn.turned(
        STEP * (presses(Key::ArrowRight) - presses(Key::ArrowLeft)),
        STEP * (presses(Key::ArrowUp) - presses(Key::ArrowDown)),
    );
    let steps = presses(Key::Plus) + presses(Key::Equals) - presses(Key::Minus);
    turn = turn.zoomed(1.2_f32.powf(steps));
    turn
}
