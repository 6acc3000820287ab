//! Fronts of several sweeps in one plot: a colour per method, a shape per bundle, a staircase each.

use egui::{RichText, Ui, WidgetInfo, accesskit::Role, vec2};
use egui_plot::{AxisHints, HPlacement, MarkerShape, Plot, PlotBounds, PlotPoints, Points};
use paretoscope_figure::plot::{Dot, Front, LandmarkKind, Standing};
use paretoscope_figure::words;

use super::chosen::{choose_ui, chosen_ui, counted_words};
use crate::command::{AppCommand, CommandQueue};
use crate::plot::{Affine, Glyphs, Looked, OthersInput, OthersLayer, dot_words, other_marker};
use crate::state::{AppState, Others};
use crate::theme::Tokens;
use crate::widgets::command_button;
use crate::widgets::format::counted;

/// How far from a marker a click still means it, in points.
const REACH: f32 = 12.0;

/// What the plot keeps from frame to frame: its markers, and where all dots are.
#[derive(Default)]
pub(super) struct FrontsPlot {
    glyphs: Option<Glyphs>,
    layer: OthersLayer,
}

impl FrontsPlot {
    /// The plot with its legend.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        front: &Front,
        queue: &mut CommandQueue,
    ) {
        heading_ui(ui, state, front, queue);
        let glyphs = match self.glyphs.take().filter(|known| known.fits(ui.ctx())) {
            Some(known) => known,
            None => {
                self.layer = OthersLayer::default();
                Glyphs::new(ui.ctx())
            }
        };
        self.plot_ui(ui, state, front, queue, &glyphs);
        legend_ui(ui, state, front, &glyphs);
        self.glyphs = Some(glyphs);
    }

    fn plot_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        front: &Front,
        queue: &mut CommandQueue,
        glyphs: &Glyphs,
    ) {
        let (x, y) = state.study.pair(front.axes.len());
        let laid = &state.study.laid;
        let name = |slot: usize| front.objectives[front.axes[slot]].name.as_str();
        let tokens = Tokens::of(ui);
        // Answers and export have room below it.
        let most = (0.4 * ui.ctx().content_rect().height()).clamp(180.0, 420.0);
        let height = (ui.available_width() * 0.62).clamp(180.0, most);
        let shown = state
            .study
            .zoom
            .unwrap_or_else(|| whole(laid, front, (x, y)));
        let shown =
            PlotBounds::from_min_max([shown[0][0], shown[1][0]], [shown[0][1], shown[1][1]]);
        let out = Plot::new(("study", x, y))
            .height(height)
            .auto_bounds(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_double_click_reset(false)
            .grid_color(tokens.line)
            .custom_x_axes(vec![AxisHints::new_x().label(name(x).to_owned())])
            .custom_y_axes(vec![
                AxisHints::new_y()
                    .label(name(y).to_owned())
                    .placement(HPlacement::Left)
                    .min_thickness(46.0),
            ])
            .show_crosshair(false)
            .show(ui, |plot| {
                plot.set_plot_bounds(shown);
                if let Some(at) = base_of(front, (x, y)) {
                    let base = Points::new("base model", PlotPoints::from(vec![at]));
                    plot.points(
                        base.color(tokens.text)
                            .shape(MarkerShape::Cross)
                            .radius(6.0),
                    );
                }
            });
        let now = out.transform.bounds();
        if out.response.double_clicked() {
            queue.push(AppCommand::ZoomFronts(None));
        } else if *now != shown {
            let range = |i: usize| [now.min()[i], now.max()[i]];
            queue.push(AppCommand::ZoomFronts(Some([range(0), range(1)])));
        }
        let title = format!("Fronts: {} against {}", name(y), name(x));
        out.response
            .widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &title));
        ui.ctx().accesskit_node_builder(out.response.id, |node| {
            node.set_value(spoken(front));
        });
        let input = OthersInput {
            others: laid,
            pair: (x, y),
            units: [Affine::RAW; 2],
            dominated: true,
            scale: 1.0,
        };
        self.layer.show(ui, glyphs, &out.transform, &input);
        let pointer = out.response.hover_pos();
        let hovered = pointer.and_then(|at| self.layer.nearest(at, REACH));
        let selected = state.study.dot.as_ref();
        let looked = Looked {
            selected: selected.and_then(|open| laid.find(&open.dot)),
            hovered,
            chosen: &|uid| state.study.is_chosen(uid),
        };
        let clip = out.transform.frame().intersect(ui.clip_rect());
        let painter = ui.painter().with_clip_rect(clip);
        let on = (&painter, glyphs, &out.transform);
        self.layer.rings(on, &input, &looked, tokens);
        if let Some((series, dot)) = hovered.and_then(|at| laid.dot(at)) {
            let words = dot_words(front, series, dot);
            let response = out.response.on_hover_text_at_pointer(words);
            if response.clicked() {
                queue.push(AppCommand::SelectMark(Some(dot.uid.clone())));
            }
        }
    }
}

/// The lower left and the upper right corner of all dots on two axes.
fn corners(laid: &Others, (x, y): (usize, usize)) -> Vec<[f64; 2]> {
    let dots = laid.sweeps().iter().flat_map(|sweep| &sweep.dots);
    let ends = dots.fold(None, |ends: Option<[[f64; 2]; 2]>, dot| {
        let at = [dot.mean[x], dot.mean[y]];
        let [low, high] = ends.unwrap_or([at, at]);
        Some([
            [low[0].min(at[0]), low[1].min(at[1])],
            [high[0].max(at[0]), high[1].max(at[1])],
        ])
    });
    ends.map_or_else(Vec::new, Vec::from)
}

/// All dots and the base model on two axes, with a margin around them.
fn whole(laid: &Others, front: &Front, pair: (usize, usize)) -> [[f64; 2]; 2] {
    let mut all = corners(laid, pair);
    all.extend(base_of(front, pair));
    let range = |axis: usize, margin: f64| {
        let values = || all.iter().map(|at| at[axis]);
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        match high - low {
            span if span > 0.0 => [low - margin * span, high + margin * span],
            // One place alone, or none.
            _ if low.is_finite() => [low - 0.5, high + 0.5],
            _ => [0.0, 1.0],
        }
    };
    [range(0, 0.06), range(1, 0.1)]
}

/// Where the base model is on two axes.
fn base_of(front: &Front, (x, y): (usize, usize)) -> Option<[f64; 2]> {
    let mut landmarks = front.landmarks.iter();
    let base = landmarks.find(|landmark| landmark.kind == LandmarkKind::Base)?;
    let score = |slot: usize| Some(base.scores.get(front.axes[slot])?.as_ref()?.mean);
    Some([score(x)?, score(y)?])
}

/// On which prompts, and which objectives.
fn heading_ui(ui: &mut Ui, state: &AppState, front: &Front, queue: &mut CommandQueue) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(counted_words(state)).strong());
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
        if state.study.zoom.is_some() {
            let all = AppCommand::ZoomFronts(None);
            command_button(ui, state, queue, all, "Show all dots").on_hover_text(
                "Drag the plot to move it, Ctrl and wheel zoom; a double click shows all",
            );
        }
        command_button(ui, state, queue, AppCommand::StepMark(-1), "Previous dot");
        command_button(ui, state, queue, AppCommand::StepMark(1), "Next dot");
        choose_ui(ui, state, queue);
    });
    chosen_ui(ui, state, queue);
}

/// Name, bundle and hypervolume of each series, and the reference.
fn legend_ui(ui: &mut Ui, state: &AppState, front: &Front, glyphs: &Glyphs) {
    let tokens = Tokens::of(ui);
    for (at, series) in front.series.iter().enumerate() {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), egui::Sense::hover());
            let mut drawn = state.study.laid.sweeps().iter();
            if let Some(sweep) = drawn.find(|sweep| sweep.at == at) {
                let mut mesh = glyphs.mesh();
                let marker = (sweep, Standing::Front);
                other_marker(glyphs, &mut mesh, marker, rect.center(), 1.0, tokens);
                ui.painter().add(egui::Shape::mesh(mesh));
            }
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

/// A dot by its name.
pub(super) fn find<'a>(front: &'a Front, uid: &str) -> Option<&'a Dot> {
    let mut dots = front.series.iter().flat_map(|s| &s.dots);
    dots.find(|dot| dot.uid == uid)
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
