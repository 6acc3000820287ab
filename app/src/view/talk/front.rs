//! A front on a stage: two objectives, large dots, and where the point stands among them.

use egui::{Align2, Color32, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::chips::chips_ui;
use super::scene::{Plotted, Scene};
use super::size::Size;
use crate::state::Class;
use crate::theme::Tokens;
use crate::widgets::format::{counted, signed_to};
use crate::widgets::point_color;

/// Radius of a dot on the front in the window, in points, and of one that another beats.
const DOT: f32 = 5.0;
const BEATEN: f32 = 3.2;

/// The front in its place.
pub(super) fn front_ui(ui: &mut Ui, rect: Rect, size: Size, scene: &Scene<'_>) {
    let builder = egui::UiBuilder::new().max_rect(rect).id_salt("front");
    ui.scope_builder(builder, |ui| {
        ui.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
        ui.spacing_mut().item_spacing = egui::vec2(0.5 * size.u, 0.35 * size.u);
        let Some(plotted) = &scene.front else {
            let words = egui::RichText::new("The sweep of this front is not here.");
            let words = words.font(size.text(1.0)).color(Tokens::of(ui).weak);
            ui.add(egui::Label::new(words).selectable(false));
            return;
        };
        ui.horizontal_wrapped(|ui| chips_ui(ui, size, &plotted.tags));
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words(scene, plotted)));
        plot(ui, rect, size, scene, plotted);
    });
}

/// The plot for those who do not see it.
fn words(scene: &Scene<'_>, plotted: &Plotted<'_>) -> String {
    let counts = plotted.front.counts();
    let mut words = format!(
        "Front: {} of {}",
        counts.front,
        counted(counts.placed(), "point")
    );
    if plotted.pending > 0 {
        words.push_str(&format!(", {} to come", plotted.pending));
    }
    if let Some((worth, measured)) = plotted.here {
        let name = |axis: usize| scene.info.objectives.get(axis).map_or("?", |o| &o.name);
        let how = if measured { "measured" } else { "interpolated" };
        words.push_str(&format!(
            "; the point: {} {}, {} {}, {how}",
            name(plotted.pair.0),
            signed_to(worth[0], 2),
            name(plotted.pair.1),
            signed_to(worth[1], 2)
        ));
    }
    words
}

/// Raw scores to places on the stage.
struct Places {
    frame: Rect,
    bounds: [[f64; 2]; 2],
}

impl Places {
    fn of(&self, [x, y]: [f64; 2]) -> Pos2 {
        let part = |value: f64, [low, high]: [f64; 2]| ((value - low) / (high - low)) as f32;
        pos2(
            self.frame.left() + part(x, self.bounds[0]) * self.frame.width(),
            self.frame.bottom() - part(y, self.bounds[1]) * self.frame.height(),
        )
    }
}

fn plot(ui: &Ui, rect: Rect, size: Size, scene: &Scene<'_>, plotted: &Plotted<'_>) {
    let tokens = Tokens::of(ui);
    let u = size.u;
    // Titles and numbers below and to the left.
    let frame = Rect::from_min_max(
        rect.min + vec2(2.9 * u, 1.5 * u),
        rect.max - vec2(u, 2.7 * u),
    );
    if frame.width() < 3.0 * u || frame.height() < 2.0 * u {
        return;
    }
    let painter = ui.painter_at(rect);
    let places = Places {
        frame,
        bounds: plotted.bounds,
    };
    let line = Stroke::new(1.2 * size.times, tokens.line);
    let name = |axis: usize| {
        scene
            .info
            .objectives
            .get(axis)
            .map_or("?", |o| o.name.as_str())
    };
    for value in ticks(plotted.bounds[0], (frame.width() / (4.5 * u)) as usize) {
        let x = places.of([value.0, plotted.bounds[1][0]]).x;
        painter.vline(x, frame.y_range(), line);
        let at = pos2(x, frame.bottom() + 0.2 * u);
        painter.text(
            at,
            Align2::CENTER_TOP,
            &value.1,
            size.text(1.0),
            tokens.weak,
        );
    }
    for value in ticks(plotted.bounds[1], (frame.height() / (2.4 * u)) as usize) {
        let y = places.of([plotted.bounds[0][0], value.0]).y;
        painter.hline(frame.x_range(), y, line);
        let at = pos2(frame.left() - 0.3 * u, y);
        painter.text(
            at,
            Align2::RIGHT_CENTER,
            &value.1,
            size.text(1.0),
            tokens.weak,
        );
    }
    let titles = [
        (
            pos2(frame.right(), rect.bottom()),
            Align2::RIGHT_BOTTOM,
            plotted.pair.0,
        ),
        (rect.left_top(), Align2::LEFT_TOP, plotted.pair.1),
    ];
    for (at, align, axis) in titles {
        let words = format!("{} (higher is better)", name(axis));
        painter.text(at, align, words, size.text(1.0), tokens.text);
    }
    let inside = ui.painter_at(frame.expand(DOT * size.times));
    stairs(&inside, size, plotted, &places, tokens);
    dots(&inside, size, scene, plotted, &places, tokens);
    if let Some((worth, measured)) = plotted.here {
        here(&inside, size, places.of(worth), measured, tokens);
    }
}

/// The front of the two objectives that are shown, as a line.
fn stairs(
    painter: &egui::Painter,
    size: Size,
    plotted: &Plotted<'_>,
    places: &Places,
    tokens: &Tokens,
) {
    let mut all: Vec<[f64; 2]> = (plotted.front.entries().iter())
        .filter(|entry| entry.class.is_placed())
        .filter_map(|entry| value_of(plotted, entry.index))
        .collect();
    all.sort_by(|a, b| b[0].total_cmp(&a[0]).then(b[1].total_cmp(&a[1])));
    let mut corners: Vec<Pos2> = Vec::new();
    let mut best = f64::NEG_INFINITY;
    for [x, y] in all {
        if y > best {
            if best.is_finite() {
                corners.push(places.of([x, best]));
            }
            best = y;
            corners.push(places.of([x, y]));
        }
    }
    if corners.len() > 1 {
        let color = tokens.text.gamma_multiply(0.75);
        painter.add(Shape::line(corners, Stroke::new(2.0 * size.times, color)));
    }
}

fn value_of(plotted: &Plotted<'_>, index: usize) -> Option<[f64; 2]> {
    let place = plotted.front.position(index)?;
    let scores = &plotted.points.get(place)?.scores;
    let mean = |axis: usize| scores.get(axis).copied().flatten().map(|s| s.mean);
    Some([mean(plotted.pair.0)?, mean(plotted.pair.1)?])
}

fn dots(
    painter: &egui::Painter,
    size: Size,
    scene: &Scene<'_>,
    plotted: &Plotted<'_>,
    places: &Places,
    tokens: &Tokens,
) {
    let entries = plotted.front.entries();
    let on_front = |class: Class| class.is_front();
    // Those on the front lie over the others.
    let beaten = entries
        .iter()
        .filter(|e| !on_front(e.class) && e.class.is_placed());
    let members = entries.iter().filter(|e| on_front(e.class));
    for entry in beaten.chain(members) {
        let Some(value) = value_of(plotted, entry.index) else {
            continue;
        };
        let at = places.of(value);
        if on_front(entry.class) {
            let place = plotted.front.position(entry.index);
            let point = place.and_then(|place| plotted.points.get(place));
            let color = point.map_or(Color32::GRAY, |p| point_color(scene.info, &p.point));
            let edge = Stroke::new(1.2 * size.times, tokens.outline);
            painter.circle(at, DOT * size.times, color, edge);
        } else {
            painter.circle_filled(at, BEATEN * size.times, tokens.dominated);
        }
    }
}

/// Where the point stands: a ring around what was measured, a broken one between.
fn here(painter: &egui::Painter, size: Size, at: Pos2, measured: bool, tokens: &Tokens) {
    let radius = 9.0 * size.times;
    let stroke = Stroke::new(2.6 * size.times, tokens.accent);
    if measured {
        painter.circle_stroke(at, radius, stroke);
        return;
    }
    let around: Vec<Pos2> = (0..=48)
        .map(|step| {
            let angle = std::f32::consts::TAU * step as f32 / 48.0;
            at + radius * vec2(angle.cos(), angle.sin())
        })
        .collect();
    let dash = 3.2 * size.times;
    painter.extend(Shape::dashed_line(&around, stroke, dash, 0.8 * dash));
}

/// Round numbers within bounds, so many at most, with their words.
fn ticks([low, high]: [f64; 2], most: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return Vec::new();
    }
    let least = span / most.clamp(2, 6) as f64;
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = steps
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(least);
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last)
        .map(|at| at as f64 * step)
        .map(|value| (value, signed_to(value, decimals)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let words = |bounds, most| -> Vec<String> {
            ticks(bounds, most)
                .into_iter()
                .map(|(_, words)| words)
                .collect()
        };
        assert_eq!(words([-1.1, 1.3], 4), ["\u{2212}1", "0", "+1"]);
        assert_eq!(words([0.02, 0.49], 5), ["+0.1", "+0.2", "+0.3", "+0.4"]);
        assert!(words([1.0, 1.0], 4).is_empty());
    }
}
