//! Curves of a run: one small plot per group of figures, one colour per objective as everywhere.

use std::collections::BTreeMap;

use egui::{Color32, RichText, Ui, WidgetInfo, accesskit::Role};
use egui_plot::{AxisHints, HPlacement, Legend, Line, LineStyle, Plot, PlotPoints};
use paretoscope_core::types::TrainStep;

use crate::plot::value_words;
use crate::state::{AppState, TrainEntry};
use crate::theme::{Tokens, category};

/// Height of a plot.
const TALL: f32 = 108.0;
/// Least width of a plot: as many stand side by side as have it.
const WIDE: f32 = 270.0;
/// Points of a line at most; of more, some are left out.
const POINTS: usize = 600;

/// Groups that come right after the loss, in this order.
const FIRST: [&str; 6] = ["reward", "w", "margin", "accuracy", "cosine", "kl"];

/// Figures that share a plot.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    name: String,
    /// What each line is called, empty where there is one; and its figure.
    lines: Vec<(String, Figure)>,
}

/// A column of the metrics.
#[derive(Debug, Clone, PartialEq)]
enum Figure {
    Loss,
    LearningRate,
    GradientNorm,
    Named(String),
}

impl Figure {
    fn of(&self, step: &TrainStep) -> Option<f64> {
        match self {
            Self::Loss => Some(step.loss),
            Self::LearningRate => Some(step.learning_rate),
            Self::GradientNorm => Some(step.gradient_norm),
            Self::Named(name) => step.figures.get(name).copied(),
        }
        .filter(|value| value.is_finite())
    }
}

/// Whatever figures came, grouped by what stands before their first dot: `reward.helpful` and
/// `reward.humor` share a plot. The loss comes first, the optimiser's own last.
fn groups(steps: &[TrainStep]) -> Vec<Group> {
    let mut named: BTreeMap<&str, Vec<(String, Figure)>> = BTreeMap::new();
    // The first and the last step know all figures that there are.
    for step in steps.first().into_iter().chain(steps.last()) {
        for name in step.figures.keys() {
            let (group, line) = name.split_once('.').unwrap_or((name, ""));
            let lines = named.entry(group).or_default();
            let entry = (line.to_owned(), Figure::Named(name.clone()));
            if !lines.contains(&entry) {
                lines.push(entry);
            }
        }
    }
    let one = |name: &str, figure| Group {
        name: name.to_owned(),
        lines: vec![(String::new(), figure)],
    };
    let mut named: Vec<Group> = named
        .into_iter()
        .map(|(name, lines)| Group {
            name: name.replace('_', " "),
            lines,
        })
        .collect();
    // What a person looks at first stands first; the rest follows by name.
    let rank = |group: &Group| FIRST.iter().position(|name| *name == group.name);
    named.sort_by_key(|group| rank(group).unwrap_or(FIRST.len()));
    std::iter::once(one("loss", Figure::Loss))
        .chain(named)
        .chain([
            one("gradient norm", Figure::GradientNorm),
            one("learning rate", Figure::LearningRate),
        ])
        .collect()
}

/// All plots.
pub(super) fn curves_ui(ui: &mut Ui, state: &AppState, run: &TrainEntry) {
    let groups = groups(&run.steps);
    let columns = ((ui.available_width() / WIDE) as usize).clamp(1, 3);
    for (row, groups) in groups.chunks(columns).enumerate() {
        ui.push_id(row, |ui| {
            ui.columns(columns, |columns| {
                for (ui, group) in columns.iter_mut().zip(groups) {
                    group_ui(ui, state, run, group);
                }
            });
        });
    }
}

fn group_ui(ui: &mut Ui, state: &AppState, run: &TrainEntry, group: &Group) {
    let tokens = Tokens::of(ui);
    let spoken = group_words(group, &run.steps);
    ui.add(egui::Label::new(RichText::new(&spoken).size(13.0).color(tokens.weak)).truncate())
        .on_hover_text(&spoken);
    let mut plot = Plot::new(("curve", &run.plan.out, &group.name))
        .height(TALL)
        .allow_scroll(false)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
        .show_axes([true, true])
        .include_x(1.0)
        .include_x(run.steps.last().map_or(2.0, |step| step.steps as f64))
        .custom_y_axes(vec![
            AxisHints::new_y()
                .placement(HPlacement::Left)
                .min_thickness(46.0)
                .label_spacing(egui::Rangef::new(12.0, 20.0)),
        ])
        .grid_color(tokens.line)
        .show_crosshair(false);
    if group.lines.len() > 1 {
        plot = plot.legend(Legend::default().follow_insertion_order(true));
    }
    let out = plot.show(ui, |plot| {
        for (place, (line, figure)) in group.lines.iter().enumerate() {
            let name = if line.is_empty() { &group.name } else { line };
            plot.line(
                Line::new(name.clone(), points(&run.steps, figure))
                    .color(color(state, line, place, group.lines.len(), tokens))
                    .style(style(place))
                    .width(1.8),
            );
        }
    });
    let name = format!("Curve of {}", group.name);
    out.response
        .widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &name));
    ui.ctx().accesskit_node_builder(out.response.id, |node| {
        node.set_value(spoken);
    });
}

/// An objective keeps its colour; what is none takes the next.
fn color(state: &AppState, line: &str, place: usize, lines: usize, tokens: &Tokens) -> Color32 {
    if lines == 1 && line.is_empty() {
        return tokens.accent;
    }
    let known = state.objectives.iter().position(|name| name == line);
    category(known.unwrap_or(state.objectives.len() + place))
}

/// Lines differ by more than their colour.
fn style(place: usize) -> LineStyle {
    match place % 3 {
        0 => LineStyle::Solid,
        1 => LineStyle::dashed_loose(),
        _ => LineStyle::dotted_loose(),
    }
}

fn points(steps: &[TrainStep], figure: &Figure) -> PlotPoints<'static> {
    let every = steps.len().div_ceil(POINTS).max(1);
    let last = steps.len().saturating_sub(1);
    let kept = steps
        .iter()
        .enumerate()
        .filter(|(i, _)| i % every == 0 || *i == last);
    kept.filter_map(|(_, step)| Some([step.step as f64, figure.of(step)?]))
        .collect()
}

/// The last values of a plot, and where they came from.
fn group_words(group: &Group, steps: &[TrainStep]) -> String {
    let lines = group.lines.iter().filter_map(|(line, figure)| {
        let first = steps.iter().find_map(|step| figure.of(step))?;
        let last = steps.iter().rev().find_map(|step| figure.of(step))?;
        let (from, to) = (value_words(first), value_words(last));
        let name = if line.is_empty() {
            String::new()
        } else {
            format!("{line} ")
        };
        Some(format!("{name}{to} (from {from})"))
    });
    let lines: Vec<String> = lines.collect();
    format!("{}: {}", group.name, lines.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: usize, figures: &[(&str, f64)]) -> TrainStep {
        TrainStep {
            step: number,
            steps: 10,
            epoch: 0,
            tokens: 10,
            loss: 1.0 / number as f64,
            learning_rate: 1e-3,
            gradient_norm: 0.5,
            tokens_per_second: 100.0,
            eta_seconds: 1.0,
            figures: figures.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
        }
    }

    #[test]
    fn figures_are_grouped_by_what_stands_before_the_dot() {
        let steps = [
            step(1, &[("margin", 0.0), ("reward.helpful", 1.0)]),
            step(
                2,
                &[
                    ("margin", 0.1),
                    ("reward.helpful", 1.5),
                    ("reward.humor", -1.0),
                ],
            ),
        ];
        let groups = groups(&steps);
        let names: Vec<&str> = groups.iter().map(|g| g.name.as_str()).collect();
        let want = ["loss", "reward", "margin", "gradient norm", "learning rate"];
        assert_eq!(names, want);
        let lines: Vec<&str> = groups[1].lines.iter().map(|(l, _)| l.as_str()).collect();
        assert_eq!(lines, ["helpful", "humor"]);
        assert_eq!(
            group_words(&groups[1], &steps),
            "reward: helpful 1.500 (from 1.000), humor \u{2212}1.000 (from \u{2212}1.000)"
        );
    }

    #[test]
    fn long_runs_are_thinned_and_keep_their_end_and_numbers_that_are_none_are_left_out() {
        let mut steps: Vec<TrainStep> = (1..=5000).map(|n| step(n, &[])).collect();
        steps[0].loss = f64::NAN;
        let drawn = points(&steps, &Figure::Loss);
        let drawn = drawn.points();
        assert!(drawn.len() <= POINTS + 1 && drawn.len() > POINTS / 2);
        assert_eq!(drawn.last().map(|p| p.x), Some(5000.0));
        assert!(drawn.iter().all(|p| p.y.is_finite()));
    }
}
