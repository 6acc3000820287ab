//! One plot per pair of objectives, linked: a range belongs to an objective, not to a plot.

use egui::{
    Align2, Pos2, Rect, Response, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo,
    accesskit::Role, vec2,
};
use egui_plot::{AxisHints, GridInput, GridMark, HPlacement, Plot, PlotBounds, PlotTransform};

use super::{Frame, ParetoPanel, landmark_scores, marks, tip};
use crate::plot::{LayerInput, ParetoAction, axis_titles, nearest, value_words};
use crate::theme::Tokens;

/// How far from a marker the pointer still means it, in points.
const REACH: f32 = 12.0;

/// What the pointer is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hover {
    /// A point, by its position in the front's entries.
    Dot(usize),
    /// A landmark, by its place in [`marks::Mark::ALL`].
    Mark(usize),
}

impl ParetoPanel {
    /// All plots, the legend below them, and what the pointer and the keys ask for.
    pub(super) fn plots(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        actions: &mut Vec<ParetoAction>,
    ) {
        let pairs = pairs(frame);
        // As high as it was in the last frame: it wraps where the panel is narrow.
        let legend_height = self.legend_height.max(24.0) + ui.spacing().item_spacing.y;
        let room = Rect::from_min_size(
            ui.cursor().min,
            vec2(
                ui.available_width(),
                (ui.available_height() - legend_height).max(120.0),
            ),
        );
        self.layers.resize_with(pairs.len(), Default::default);
        let mut responses = Vec::new();
        let mut hovered = None;
        for (slot, (&pair, rect)) in pairs.iter().zip(tiles(room, pairs.len())).enumerate() {
            let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
            let (response, hover) = self.plot(&mut child, frame, slot, pair);
            hovered = hovered.or(hover);
            responses.push(response);
        }
        ui.advance_cursor_after_rect(room);
        if hovered != self.hovered {
            self.hovered = hovered;
            ui.ctx().request_repaint();
        }
        let legend = ui.scope(|ui| self.legend(ui, frame)).response.rect.height();
        if legend != self.legend_height {
            self.legend_height = legend;
            ui.ctx().request_repaint();
        }
        self.badge(ui, frame, room, actions);
        overlay(ui, frame, room, actions);
        for response in &responses {
            self.clicks(response, frame, actions);
        }
        if let Some(hover) = self.hovered {
            tip::show(ui, frame, hover);
        }
        self.keys(ui, frame, &responses, actions);
    }

    /// One plot. Returns its response and what the pointer is on.
    fn plot(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        slot: usize,
        pair: (usize, usize),
    ) -> (Response, Option<Hover>) {
        let (x, y) = pair;
        let (ux, uy) = (frame.units[x], frame.units[y]);
        let raw = [self.ranges.range(x), self.ranges.range(y)];
        let shown = PlotBounds::from_min_max(
            [ux.apply(raw[0][0]), uy.apply(raw[1][0])],
            [ux.apply(raw[0][1]), uy.apply(raw[1][1])],
        );
        let name = |s: usize| {
            frame
                .data
                .axes()
                .get(s)
                .and_then(|&axis| frame.data.objectives.get(axis))
                .cloned()
                .unwrap_or_default()
        };
        let title = format!("Pareto plot: {} against {}", name(y), name(x));
        let out = plot_of(ui, frame, (x, y), [name(x), name(y)]).show(ui, move |plot| {
            plot.set_plot_bounds(shown);
            let scroll = plot.ctx().input(|input| input.smooth_scroll_delta.y);
            if plot.response().contains_pointer() && scroll != 0.0 {
                plot.zoom_bounds_around_hovered(Vec2::splat((scroll / 240.0).exp()));
            }
        });
        let transform = out.transform;
        let now = transform.bounds();
        if *now != shown {
            let back = |unit: crate::plot::Affine, i: usize| {
                [unit.invert(now.min()[i]), unit.invert(now.max()[i])]
            };
            self.ranges.take(x, y, back(ux, 0), back(uy, 1));
            ui.ctx().request_repaint();
        }
        let hover = self.paint(ui, frame, slot, pair, &transform, out.response.hover_pos());
        let tokens = Tokens::of(ui);
        if out.response.has_focus() {
            ui.painter().rect_stroke(
                *transform.frame(),
                2.0,
                Stroke::new(2.0, tokens.focus),
                StrokeKind::Outside,
            );
        }
        out.response
            .widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &title));
        ui.ctx().accesskit_node_builder(out.response.id, |node| {
            node.set_value(frame.summary.as_str())
        });
        (out.response, hover)
    }

    /// The data, the rings and the landmarks of one plot.
    fn paint(
        &mut self,
        ui: &Ui,
        frame: &Frame<'_>,
        slot: usize,
        pair: (usize, usize),
        transform: &PlotTransform,
        pointer: Option<Pos2>,
    ) -> Option<Hover> {
        let (Some(glyphs), Some(layer)) = (&self.glyphs, self.layers.get_mut(slot)) else {
            return None;
        };
        let input = LayerInput {
            front: frame.data.front,
            pair,
            units: [frame.units[pair.0], frame.units[pair.1]],
            dominated: frame.options.dominated,
            whiskers: frame.options.whiskers,
        };
        layer.show(ui, glyphs, transform, &input);
        let tokens = Tokens::of(ui);
        let painter = ui
            .painter()
            .with_clip_rect(transform.frame().intersect(ui.clip_rect()));
        let place_of = |position: usize| {
            layer
                .places()
                .get(position)
                .copied()
                .filter(|place| !place.any_nan())
        };
        if let Some(place) = frame
            .data
            .selected
            .and_then(|index| frame.data.front.position(index))
            .and_then(place_of)
        {
            painter.circle_stroke(
                place,
                11.0,
                Stroke::new(4.0, tokens.outline.gamma_multiply(0.5)),
            );
            painter.circle_stroke(place, 11.0, Stroke::new(2.5, tokens.accent));
        }
        if let Some(Hover::Dot(position)) = self.hovered
            && let Some(place) = place_of(position)
        {
            painter.circle_stroke(place, 9.5, Stroke::new(1.5, tokens.text));
        }
        let marks = marks::places(frame, pair, transform);
        for (kind, place) in &marks {
            marks::paint(&painter, *kind, *place, tokens);
        }
        let pointer = pointer?;
        let near = |place: &Pos2| place.distance(pointer) <= REACH;
        if let Some((kind, _)) = marks.iter().rev().find(|(_, place)| near(place)) {
            return Some(Hover::Mark(*kind as usize));
        }
        nearest(layer.places(), pointer, REACH).map(Hover::Dot)
    }

    fn clicks(&self, response: &Response, frame: &Frame<'_>, actions: &mut Vec<ParetoAction>) {
        if response.clicked() {
            response.request_focus();
        }
        let Some(Hover::Dot(position)) = self.hovered.filter(|_| response.hovered()) else {
            return;
        };
        let Some(result) = frame.data.points.get(position) else {
            return;
        };
        if response.double_clicked() {
            actions.push(ParetoAction::Go(result.index));
        } else if response.clicked() {
            actions.push(ParetoAction::Select(result.index));
        }
    }

    /// What lies outside the view, with the way to see it.
    fn badge(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        room: Rect,
        actions: &mut Vec<ParetoAction>,
    ) {
        let tokens = Tokens::of(ui);
        let many = |count: usize| if count == 1 { "point" } else { "points" };
        let text = match (self.ranges.unseen(), self.ranges.outliers()) {
            (0, 0) => return,
            (0, far) => format!("{far} far {} outside view · Fit", many(far)),
            (new, _) => format!("{new} new {} outside view · Fit", many(new)),
        };
        let size = vec2(ui.text_style_height(&egui::TextStyle::Body) * 15.0, 26.0);
        let rect = Align2::RIGHT_TOP.align_size_within_rect(size, room.shrink(10.0));
        let mut child = ui.new_child(
            UiBuilder::new()
                .max_rect(rect)
                .layout(egui::Layout::right_to_left(egui::Align::Min)),
        );
        let label = egui::RichText::new(text).color(tokens.text);
        let button = egui::Button::new(label)
            .fill(tokens.card)
            .stroke(Stroke::new(1.0, tokens.warn));
        if child
            .add(button)
            .on_hover_text("Show every point (F)")
            .clicked()
        {
            self.ranges
                .fit_all(frame.data.front, &landmark_scores(frame.data));
            actions.push(ParetoAction::Options(frame.options.clone()));
        }
    }
}

/// An empty plot with axes, titles and no habits of its own.
fn plot_of<'a>(ui: &Ui, frame: &Frame<'_>, (x, y): (usize, usize), names: [String; 2]) -> Plot<'a> {
    let tokens = Tokens::of(ui);
    let font = egui::FontId::proportional(12.5);
    let [name_x, name_y] = names;
    let units = frame.options.units;
    let units = if frame
        .units
        .iter()
        .all(|unit| *unit == crate::plot::Affine::RAW)
    {
        crate::state::Units::Raw
    } else {
        units
    };
    let room = ui.available_size() - vec2(70.0, 44.0);
    // The longest title that has room beside its axis.
    let title = |name: &str, room: f32| {
        let fits = |text: &String| {
            let font = egui::FontId::proportional(13.0);
            ui.painter()
                .layout_no_wrap(text.clone(), font, tokens.text)
                .size()
                .x
                <= room
        };
        let [long, middle, short] = axis_titles(name, units);
        let text = [long, middle].into_iter().find(fits).unwrap_or(short);
        egui::RichText::new(text).size(13.0).color(tokens.text)
    };
    let tick = |mark: GridMark, _: &std::ops::RangeInclusive<f64>| {
        let decimals = (-(mark.step_size * 1.001).log10().floor()).clamp(0.0, 8.0) as usize;
        // Rounding may leave a minus before zero.
        let value = if mark.value.abs() < mark.step_size * 1e-6 {
            0.0
        } else {
            mark.value
        };
        if value.abs() >= 1e5 {
            value_words(value)
        } else {
            format!("{value:.decimals$}").replace('-', "−")
        }
    };
    Plot::new(("pareto", x, y))
        .custom_x_axes(vec![
            AxisHints::new_x()
                .label(title(&name_x, room.x))
                .formatter(tick)
                .label_spacing(egui::Rangef::new(30.0, 50.0))
                .tick_label_font(font.clone()),
        ])
        .custom_y_axes(vec![
            AxisHints::new_y()
                .label(title(&name_y, room.y))
                .formatter(tick)
                .placement(HPlacement::Left)
                .min_thickness(if room.x < 200.0 { 38.0 } else { 52.0 })
                .label_spacing(egui::Rangef::new(16.0, 24.0))
                .tick_label_font(font),
        ])
        .auto_bounds(false)
        .allow_scroll(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .show_x(false)
        .show_y(false)
        .x_grid_spacer(|input| marks_of(input, 64.0))
        .y_grid_spacer(|input| marks_of(input, 40.0))
        .grid_spacing(egui::Rangef::new(MARK, 2.0 * MARK))
        .grid_color(tokens.line)
}

/// What egui_plot takes for the least distance of two marks, in points.
const MARK: f32 = 10.0;

/// Marks at 1, 2 or 5 times a power of ten, about `distance` points apart.
fn marks_of(input: GridInput, distance: f64) -> Vec<GridMark> {
    let wanted = input.base_step_size / f64::from(MARK) * distance;
    if !wanted.is_finite() || wanted <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powf(wanted.log10().floor());
    let step = power
        * [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|m| m * power >= wanted * 0.999)
            .unwrap_or(10.0);
    let (low, high) = input.bounds;
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last.min(first.saturating_add(200)))
        .map(|i| GridMark {
            value: i as f64 * step,
            step_size: step,
        })
        .collect()
}

fn pairs(frame: &Frame<'_>) -> Vec<(usize, usize)> {
    if frame.data.axes().len() == 2 {
        return vec![(0, 1)];
    }
    match frame.options.pair {
        Some((x, y)) if x < 3 && y < 3 && x != y => vec![(x, y)],
        _ => vec![(0, 1), (1, 2), (0, 2)],
    }
}

/// Rectangles for one plot, or for three: in a row, above each other, or as the lower triangle of a
/// matrix, whichever leaves the shortest side longest.
fn tiles(room: Rect, count: usize) -> Vec<Rect> {
    const GAP: f32 = 8.0;
    if count == 1 {
        return vec![room];
    }
    let grid = |columns: usize, rows: usize, places: [(usize, usize); 3]| -> Vec<Rect> {
        let width = (room.width() - GAP * (columns - 1) as f32) / columns as f32;
        let height = (room.height() - GAP * (rows - 1) as f32) / rows as f32;
        let at = |(column, row): (usize, usize)| {
            let offset = vec2(column as f32 * (width + GAP), row as f32 * (height + GAP));
            Rect::from_min_size(room.min + offset, vec2(width, height))
        };
        places.into_iter().map(at).collect()
    };
    let row = grid(3, 1, [(0, 0), (1, 0), (2, 0)]);
    let triangle = grid(2, 2, [(0, 0), (1, 1), (0, 1)]);
    let column = grid(1, 3, [(0, 0), (0, 1), (0, 2)]);
    let side = |tiles: &Vec<Rect>| {
        tiles
            .first()
            .map_or(0.0, |tile| tile.width().min(tile.height()))
    };
    let mut best = row;
    for other in [triangle, column] {
        if side(&other) > side(&best) {
            best = other;
        }
    }
    best
}

/// The empty plot says why and what to do.
fn overlay(ui: &mut Ui, frame: &Frame<'_>, room: Rect, actions: &mut Vec<ParetoAction>) {
    if !frame.data.points.is_empty() {
        return;
    }
    let mut child = ui.new_child(UiBuilder::new().max_rect(room.shrink2(vec2(70.0, 20.0))));
    if frame.data.pending > 0 {
        super::empty(
            &mut child,
            "The sweep is running. Points appear as soon as all their answers are scored.",
            None,
        );
    } else if super::empty(
        &mut child,
        "No points yet. A sweep visits many preferences and scores each.",
        Some("Run a sweep"),
    ) {
        actions.push(ParetoAction::Sweep);
    }
}
