//! One plot is large and the others small, linked: a range belongs to an objective, not to a plot.

use egui::{
    Align2, Pos2, Rect, Response, ScrollArea, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo,
    accesskit::Role, vec2,
};
use egui_plot::{AxisHints, GridInput, GridMark, HPlacement, Plot, PlotBounds, PlotTransform};

use super::frame::{Frame, landmark_scores};
use super::hover::{Hover, REACH};
use super::tiles::tiles;
use super::{ParetoPanel, marks, tip};
use crate::plot::{
    CHOSEN, Layer, LayerInput, ParetoAction, axis_titles, multiples, nearest, step_from, step_words,
};
use crate::state::{Large, PlotOptions};
use crate::theme::Tokens;

/// How much room axes may leave unused, in points.
const SLACK: f32 = 16.0;

impl ParetoPanel {
    /// One large plot, the others small beside it, the legend, and what the pointer and the keys ask for.
    pub(super) fn plots(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        actions: &mut Vec<ParetoAction>,
    ) {
        let room = ui.available_rect_before_wrap();
        let large = frame.large();
        let others: Vec<Large> = Large::all(frame.data.axes().len())
            .iter()
            .copied()
            .filter(|other| *other != large)
            .collect();
        // Axes and legend are as large as they were in the last frame.
        let axes = match large {
            Large::Pair(..) => self.margins.unwrap_or(vec2(72.0, 44.0)),
            Large::Space => Vec2::ZERO,
        };
        let legend = self.legend_height.max(24.0) + ui.spacing().item_spacing.y;
        let tiles = tiles(room, others.len(), axes, legend);
        let mut child = ui.new_child(UiBuilder::new().max_rect(tiles.large));
        let (response, hovered) = match large {
            Large::Pair(x, y) => self.plot(&mut child, frame, (x, y)),
            Large::Space => self.space(&mut child, frame, tiles.large),
        };
        for (&other, &rect) in others.iter().zip(&tiles.small) {
            if self.thumb(ui, frame, other, rect) {
                actions.push(ParetoAction::Options(PlotOptions {
                    large: other,
                    ..frame.options.clone()
                }));
            }
        }
        ui.advance_cursor_after_rect(room);
        if hovered != self.hovered {
            self.hovered = hovered;
            ui.ctx().request_repaint();
        }
        let mut below = ui.new_child(UiBuilder::new().max_rect(tiles.legend).id_salt("legend"));
        // Where a low panel has no room for all of it, the rest is a scroll away.
        let shown = ScrollArea::vertical()
            .id_salt("legend")
            .auto_shrink(false)
            .show(&mut below, |ui| {
                // Names that switch sweeps on and off come before what explains the markers.
                self.others_legend(ui, frame, actions);
                self.legend(ui, frame, large);
            });
        let legend = shown.content_size.y;
        if legend != self.legend_height {
            self.legend_height = legend;
            ui.ctx().request_repaint();
        }
        self.badge(ui, frame, tiles.large, actions);
        self.clicks(&response, frame, actions);
        if let Some(hover) = self.hovered {
            tip::show(ui, frame, hover);
        }
        self.keys(ui, frame, &[response], actions);
    }

    /// One plot. Returns its response and what the pointer is on.
    fn plot(
        &mut self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        pair: (usize, usize),
    ) -> (Response, Option<Hover>) {
        let (x, y) = pair;
        let (ux, uy) = (frame.units[x], frame.units[y]);
        let raw = [self.ranges.range(x), self.ranges.range(y)];
        let shown = PlotBounds::from_min_max(
            [ux.apply(raw[0][0]), uy.apply(raw[1][0])],
            [ux.apply(raw[0][1]), uy.apply(raw[1][1])],
        );
        let room = ui.max_rect().size();
        let title = format!("Pareto plot: {}", frame.title(Large::Pair(x, y)));
        let out =
            plot_of(ui, frame, (x, y), [frame.name(x), frame.name(y)]).show(ui, move |plot| {
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
        // What the axes took: the next frame makes a square of what is left. They may take less again by
        // much only, so that numbers that come and go with the size do not move it to and fro.
        let took = (room - transform.frame().size()).round();
        let known = self.margins.unwrap_or(Vec2::ZERO);
        let margins = if (known - took).max_elem() > SLACK {
            took
        } else {
            known.max(took)
        };
        if self.margins != Some(margins) {
            self.margins = Some(margins);
            ui.ctx().request_repaint();
        }
        let hover = self.paint(ui, frame, pair, &transform, out.response.hover_pos());
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
        pair: (usize, usize),
        transform: &PlotTransform,
        pointer: Option<Pos2>,
    ) -> Option<Hover> {
        self.paint_others(ui, frame, pair, transform, 1.0);
        let (Some(glyphs), Some(layer)) = (&self.glyphs, self.layers.get_mut(pair.0 + pair.1 - 1))
        else {
            return None;
        };
        let input = LayerInput {
            front: frame.data.front,
            colors: self.tints.colors(),
            pair,
            units: [frame.units[pair.0], frame.units[pair.1]],
            dominated: frame.options.dominated,
            whiskers: frame.options.all_whiskers,
            scale: 1.0,
        };
        layer.show(ui, glyphs, transform, &input);
        let layer = self.layers.get(pair.0 + pair.1 - 1)?;
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
        let selected = frame
            .data
            .selected
            .and_then(|index| frame.data.front.position(index));
        let hovered = match self.hovered {
            Some(Hover::Dot(position)) => Some(position),
            _ => None,
        };
        for position in [selected, hovered].into_iter().flatten() {
            if place_of(position).is_some() {
                Layer::whiskers_of(&painter, glyphs, transform, &input, position, tokens.text);
            }
        }
        for place in chosen(frame).filter_map(place_of) {
            painter.circle_stroke(place, CHOSEN, Stroke::new(1.5, tokens.good));
        }
        if let Some(place) = selected.and_then(place_of) {
            painter.circle_stroke(
                place,
                11.0,
                Stroke::new(4.0, tokens.outline.gamma_multiply(0.5)),
            );
            painter.circle_stroke(place, 11.0, Stroke::new(2.5, tokens.accent));
        }
        if let Some(place) = hovered.and_then(place_of) {
            painter.circle_stroke(place, 9.5, Stroke::new(1.5, tokens.text));
        }
        let other = match self.hovered {
            Some(Hover::Other(sweep, dot)) => Some((sweep, dot)),
            _ => None,
        };
        self.mark_others(&painter, frame, pair, transform, tokens, other);
        let marks = marks::places(frame, pair, transform);
        // A marker at the edge is whole.
        let wide = painter.with_clip_rect(transform.frame().expand(14.0).intersect(ui.clip_rect()));
        for (kind, place) in &marks {
            marks::paint(&wide, *kind, *place, tokens, kind.is_single(frame));
        }
        let pointer = pointer?;
        let near = |place: &Pos2| place.distance(pointer) <= REACH;
        if let Some((kind, _)) = marks.iter().rev().find(|(_, place)| near(place)) {
            return Some(Hover::Mark(*kind as usize));
        }
        let own = nearest(layer.places(), pointer, REACH).map(Hover::Dot);
        own.or_else(|| {
            let (sweep, dot) = self.other_at(pair, pointer)?;
            Some(Hover::Other(sweep, dot))
        })
    }

    fn clicks(&self, response: &Response, frame: &Frame<'_>, actions: &mut Vec<ParetoAction>) {
        if response.clicked() {
            response.request_focus();
        }
        let hovered = self.hovered.filter(|_| response.hovered());
        if let Some(Hover::Other(sweep, dot)) = hovered
            && response.clicked()
            && let Some((_, dot)) = frame.data.study.and_then(|s| s.others.dot((sweep, dot)))
        {
            actions.push(ParetoAction::Mark(dot.uid.clone()));
        }
        let Some(Hover::Dot(position)) = hovered else {
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

/// Positions of the points that were chosen on one part of the prompts.
fn chosen<'a>(frame: &Frame<'a>) -> impl Iterator<Item = usize> + use<'a> {
    let (data, study) = (frame.data, frame.data.study);
    let own = study.and_then(|study| {
        let series = study.others.fronts()?.series.get(study.others.own()?)?;
        let dots = study.others.own_dots().iter();
        Some(dots.map(move |&(index, at)| (index, &series.dots[at])))
    });
    let chosen = move |uid: &str| study.is_some_and(|study| (study.chosen)(uid));
    let own = own.into_iter().flatten();
    own.filter(move |(_, dot)| chosen(&dot.uid))
        .filter_map(|(index, _)| data.front.position(index))
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
    let tick =
        |mark: GridMark, _: &std::ops::RangeInclusive<f64>| step_words(mark.value, mark.step_size);
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
    let Some(step) = step_from(input.base_step_size / f64::from(MARK) * distance) else {
        return Vec::new();
    };
    let mark = |value| GridMark {
        value,
        step_size: step,
    };
    let (low, high) = input.bounds;
    multiples(low, high, step).map(mark).collect()
}
