//! Fronts of several sweeps in one plot: a colour per method, a shape per bundle, a staircase each.

use egui::{Color32, RichText, Ui, WidgetInfo, accesskit::Role, vec2};
use egui_plot::{AxisHints, HPlacement, Line, MarkerShape, Plot, PlotPoint, PlotPoints, Points};
use paretoscope_core::pareto::front as non_dominated;
use paretoscope_figure::plot::{Dot, Front, LandmarkKind, Series, Standing};
use paretoscope_figure::words;

use crate::command::{AppCommand, CommandQueue};
use crate::state::AppState;
use crate::theme::{Tokens, category};
use crate::widgets::command_button;
use crate::widgets::format::counted;

/// How far from a marker a click still means it, in points.
const REACH: f32 = 12.0;
/// Shapes of bundles, as in figures.
const SHAPES: [MarkerShape; 4] = [
    MarkerShape::Diamond,
    MarkerShape::Square,
    MarkerShape::Up,
    MarkerShape::Down,
];

/// The plot with its legend.
pub(super) fn plot_ui(ui: &mut Ui, state: &AppState, front: &Front, queue: &mut CommandQueue) {
    heading_ui(ui, state, front, queue);
    let (x, y) = state.study.pair(front.axes.len());
    let name = |slot: usize| front.objectives[front.axes[slot]].name.as_str();
    let tokens = Tokens::of(ui);
    let selected = state.study.dot.as_ref().map(|dot| dot.dot.as_str());
    let height = (ui.available_width() * 0.62).clamp(180.0, 420.0);
    let axis = |words: &str| words.to_owned();
    let inks: Vec<Color32> = front.series.iter().map(|s| ink(ui, s.color)).collect();
    let out = Plot::new(("study", x, y))
        .height(height)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .grid_color(tokens.line)
        .custom_x_axes(vec![AxisHints::new_x().label(axis(name(x)))])
        .custom_y_axes(vec![
            AxisHints::new_y()
                .label(axis(name(y)))
                .placement(HPlacement::Left)
                .min_thickness(46.0),
        ])
        .show_crosshair(false)
        .show(ui, |plot| {
            for (place, series) in front.series.iter().enumerate() {
                let color = inks[place];
                if let Some(stairs) = stairs(front, series, (x, y)) {
                    let line = Line::new(format!("front {place}"), PlotPoints::from(stairs));
                    // A step goes straight down: it is no spread of many values at one place.
                    let line = line.allow_band(false).allow_hover(false);
                    plot.line(line.color(color).width(1.6));
                }
                for standing in [Standing::Dominated, Standing::Uncertain, Standing::Front] {
                    let dots = series.dots.iter().filter(|dot| dot.standing == standing);
                    let places: Vec<[f64; 2]> = dots
                        .filter_map(|dot| place_of(front, dot, (x, y)))
                        .collect();
                    let big = standing != Standing::Dominated;
                    let points =
                        Points::new(format!("{place} {standing:?}"), PlotPoints::from(places))
                            .color(color)
                            .shape(SHAPES[series.bundle % SHAPES.len()])
                            .filled(standing == Standing::Front)
                            .radius(if big { 5.5 } else { 3.5 })
                            .allow_hover(false);
                    plot.points(points);
                }
            }
            for landmark in &front.landmarks {
                let score =
                    |slot: usize| Some(landmark.scores.get(front.axes[slot])?.as_ref()?.mean);
                if landmark.kind == LandmarkKind::Base
                    && let (Some(a), Some(b)) = (score(x), score(y))
                {
                    let base = Points::new("base model", PlotPoints::from(vec![[a, b]]));
                    plot.points(
                        base.color(tokens.text)
                            .shape(MarkerShape::Cross)
                            .radius(6.0),
                    );
                }
            }
            if let Some(at) = selected
                .and_then(|uid| find(front, uid))
                .and_then(|dot| place_of(front, dot, (x, y)))
            {
                let ring = Points::new("selected", PlotPoints::from(vec![at]));
                plot.points(
                    ring.color(tokens.focus)
                        .shape(MarkerShape::Circle)
                        .filled(false)
                        .radius(10.0),
                );
            }
        });
    let title = format!("Fronts: {} against {}", name(y), name(x));
    let spoken = spoken(front);
    out.response
        .widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &title));
    ui.ctx().accesskit_node_builder(out.response.id, |node| {
        node.set_value(spoken);
    });
    let pointer = out.response.hover_pos();
    let near = pointer.and_then(|pointer| {
        let all = front
            .series
            .iter()
            .flat_map(|s| s.dots.iter().map(move |dot| (s, dot)));
        let far = |dot: &Dot| {
            let [a, b] = place_of(front, dot, (x, y))?;
            let at = out.transform.position_from_point(&PlotPoint::new(a, b));
            Some(at.distance(pointer)).filter(|far| *far <= REACH)
        };
        let all = all.filter_map(|(series, dot)| Some((far(dot)?, series, dot)));
        all.min_by(|a, b| a.0.total_cmp(&b.0))
    });
    if let Some((_, series, dot)) = near {
        let words = dot_words(front, series, dot);
        let response = out.response.on_hover_text_at_pointer(words);
        if response.clicked() {
            queue.push(AppCommand::SelectMark(Some(dot.uid.clone())));
        }
    }
    legend_ui(ui, front, tokens);
}

/// A line of a category that is seen on the ground of either theme.
fn ink(ui: &Ui, color: usize) -> Color32 {
    let color = category(color);
    if ui.visuals().dark_mode {
        color
    } else {
        color.lerp_to_gamma(Color32::BLACK, 0.25)
    }
}

/// On which prompts, and which objectives.
fn heading_ui(ui: &mut Ui, state: &AppState, front: &Front, queue: &mut CommandQueue) {
    ui.horizontal_wrapped(|ui| {
        let split = match front.prompts.split.as_str() {
            "" => format!("Means over all {}", counted(front.prompts.count, "prompt")),
            split => format!(
                "Means over {} of the {split} part",
                counted(front.prompts.count, "prompt")
            ),
        };
        ui.label(RichText::new(split).strong());
        if front.axes.len() == 3 {
            let now = state.study.pair(3);
            for pair in [(0, 1), (1, 2), (0, 2)] {
                let name = |slot: usize| &front.objectives[front.axes[slot]].name;
                let words = format!("{} / {}", name(pair.1), name(pair.0));
                if ui.selectable_label(now == pair, words).clicked() {
                    queue.push(AppCommand::SetPair(pair.0, pair.1));
                }
            }
        }
        command_button(ui, state, queue, AppCommand::StepMark(-1), "Previous dot");
        command_button(ui, state, queue, AppCommand::StepMark(1), "Next dot");
    });
}

/// Name, bundle and hypervolume of each series, and the reference.
fn legend_ui(ui: &mut Ui, front: &Front, tokens: &Tokens) {
    for series in &front.series {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), egui::Sense::hover());
            sample(ui, rect.center(), series);
            let bundle = if front.bundles.len() > 1 {
                format!(", {}", front.bundles[series.bundle])
            } else {
                String::new()
            };
            let members = series
                .dots
                .iter()
                .filter(|d| d.standing != Standing::Dominated);
            let volume = series.hypervolume.map_or_else(String::new, |volume| {
                format!(", hypervolume {}", words::value(volume))
            });
            let words = format!(
                "{}{bundle}: front {} of {}{volume}",
                series.name,
                members.count(),
                counted(series.dots.len(), "point"),
            );
            ui.add(egui::Label::new(RichText::new(words).size(13.0)).wrap());
        });
    }
    if let Some(reference) = &front.reference {
        let numbers: Vec<String> = reference.iter().map(|v| words::value(*v)).collect();
        let words = format!("Hypervolumes over the reference ({})", numbers.join(", "));
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    }
}

/// The marker of a series.
fn sample(ui: &Ui, at: egui::Pos2, series: &Series) {
    let color = ink(ui, series.color);
    let corners = match series.bundle % SHAPES.len() {
        0 => vec![
            vec2(0.0, -6.0),
            vec2(6.0, 0.0),
            vec2(0.0, 6.0),
            vec2(-6.0, 0.0),
        ],
        1 => vec![
            vec2(-4.5, -4.5),
            vec2(4.5, -4.5),
            vec2(4.5, 4.5),
            vec2(-4.5, 4.5),
        ],
        2 => vec![vec2(0.0, -6.0), vec2(5.5, 4.0), vec2(-5.5, 4.0)],
        _ => vec![vec2(0.0, 6.0), vec2(5.5, -4.0), vec2(-5.5, -4.0)],
    };
    let corners = corners.into_iter().map(|corner| at + corner).collect();
    let shape = egui::Shape::convex_polygon(corners, color, egui::Stroke::NONE);
    ui.painter().add(shape);
}

/// Where a dot is on two axes; `None` where it is not scored on all.
fn place_of(front: &Front, dot: &Dot, (x, y): (usize, usize)) -> Option<[f64; 2]> {
    let mean = |slot: usize| {
        let mean = dot.scores.get(front.axes[slot])?.as_ref()?.compared();
        mean.is_finite().then_some(mean)
    };
    Some([mean(x)?, mean(y)?])
}

/// The edge of what a series dominates on two axes.
fn stairs(front: &Front, series: &Series, pair: (usize, usize)) -> Option<Vec<[f64; 2]>> {
    let dots = series.dots.iter();
    let places: Vec<[f64; 2]> = dots.filter_map(|dot| place_of(front, dot, pair)).collect();
    let mut edge: Vec<[f64; 2]> = non_dominated(&places)
        .into_iter()
        .map(|at| places[at])
        .collect();
    edge.sort_by(|a, b| a[0].total_cmp(&b[0]));
    edge.dedup();
    let mut line = Vec::with_capacity(2 * edge.len());
    for (at, place) in edge.iter().enumerate() {
        if at > 0 {
            line.push([edge[at - 1][0], place[1]]);
        }
        line.push(*place);
    }
    (line.len() > 1).then_some(line)
}

/// A dot by its name.
pub(super) fn find<'a>(front: &'a Front, uid: &str) -> Option<&'a Dot> {
    let mut dots = front.series.iter().flat_map(|s| &s.dots);
    dots.find(|dot| dot.uid == uid)
}

/// What a dot is, in words.
pub(super) fn dot_words(front: &Front, series: &Series, dot: &Dot) -> String {
    let names: Vec<String> = match &dot.point {
        Some(paretoscope_core::types::Point::Weights(_)) if !front.values.is_empty() => {
            front.values.iter().map(|v| v.name.clone()).collect()
        }
        _ => front.objectives.iter().map(|o| o.name.clone()).collect(),
    };
    let point = dot
        .point
        .as_ref()
        .map_or_else(String::new, |point| words::point(point, &names));
    let mut lines = vec![format!(
        "{}: {point} ({})",
        series.name,
        dot.standing.words()
    )];
    for (objective, score) in front.objectives.iter().zip(&dot.scores) {
        lines.push(format!(
            "{} {}",
            objective.name,
            words::score(score.as_ref())
        ));
    }
    lines.join("\n")
}

/// The whole plot in one line, for who does not see it.
fn spoken(front: &Front) -> String {
    let series = front.series.iter().map(|series| {
        let members = series
            .dots
            .iter()
            .filter(|d| d.standing != Standing::Dominated);
        format!(
            "{}: front {} of {}",
            series.name,
            members.count(),
            counted(series.dots.len(), "point")
        )
    });
    series.collect::<Vec<_>>().join("; ")
}
