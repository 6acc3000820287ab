//! The interference sheet: how much the bundle's adapters depend on each other, layers × pairs.

use egui::{ComboBox, Context, Grid, Id, Modal, ProgressBar, RichText, ScrollArea, Ui, vec2};
use paretoscope_core::types::{Compared, Interference, Measure};

use super::heatmap::matrix::{self, Axis, MatrixInput, Window};
use crate::command::{AppCommand, CommandQueue};
use crate::export::What;
use crate::gpu::{ColorMap, Matrix};
use crate::state::{AppState, Overlay};
use crate::theme::Tokens;
use crate::widgets::format::signed_to;
use crate::widgets::{command_button, section, trouble_ui};

/// Most of a sheet's width.
const WIDEST: f32 = 860.0;
/// Of the sheet and the window around it: what is neither the matrix nor its totals.
const AROUND: f32 = 240.0;
/// A row of the totals.
const ROW: f32 = 31.0;
/// The matrix in the lowest window.
const SHORTEST: f32 = 120.0;

/// What the sheet keeps from frame to frame.
#[derive(Default)]
pub struct InterferencePanel {
    target: Option<wgpu::TextureFormat>,
    window: Window,
    matrix: Matrix,
    pairs: Vec<String>,
    layers: Vec<String>,
    /// What the three above were made of.
    made_of: Option<std::sync::Arc<Interference>>,
}

impl InterferencePanel {
    /// A sheet that draws its matrix with the shader where a render state is at hand.
    pub fn new(target: Option<wgpu::TextureFormat>) -> Self {
        Self {
            target,
            ..Self::default()
        }
    }

    /// The sheet.
    pub(super) fn show(&mut self, ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
        let room = ctx.content_rect().size();
        let close = AppCommand::Show(Overlay::Interference);
        let modal = Modal::new(Id::unique("interference")).show(ctx, |ui| {
            ui.set_width((room.x - 60.0).min(WIDEST));
            section(ui, "Interference", |ui| {
                if state.interference.found.is_some() {
                    let export = AppCommand::ShowExport(What::Interference);
                    command_button(ui, state, queue, export, "Export\u{2026}");
                }
                if ui.button("Close").clicked() {
                    queue.push(close.clone());
                }
            });
            controls_ui(ui, state, queue);
            let now = &state.interference;
            if let Some(trouble) = &now.trouble {
                let fine = "The bundle stays in use.";
                trouble_ui(ui, "The adapters were not compared", trouble, fine, |_| {});
            } else if now.job.is_some() {
                ui.label("Comparing every pair of adapters\u{2026}");
                ui.add(ProgressBar::new(now.fraction).show_percentage());
            } else if let Some(found) = &now.found {
                let totals = (found.pairs.len() as f32 * ROW).min(room.y * 0.32);
                let tall = (room.y - AROUND - totals).max(SHORTEST);
                ui.allocate_ui(vec2(ui.available_width(), tall), |ui| {
                    self.matrix_ui(ui, found);
                });
                ScrollArea::vertical()
                    .max_height(totals)
                    .min_scrolled_height(totals)
                    .show(ui, |ui| totals_ui(ui, found));
            }
        });
        if modal.should_close() {
            queue.push(close);
        }
    }

    fn matrix_ui(&mut self, ui: &mut Ui, found: &std::sync::Arc<Interference>) {
        if self.made_of.as_ref() != Some(found) {
            self.remake(found);
        }
        let (low, high) = scale(found);
        let input = MatrixInput {
            matrix: &self.matrix,
            labels: &self.layers,
            swatches: &[],
            scale: [low, high],
            map: if low < 0.0 {
                ColorMap::Diverging
            } else {
                ColorMap::Magnitude
            },
            marked: None,
            axis: Axis::Names(&self.pairs),
            bar: measure_words(found.measure).0,
            name: "Interference by layer and pair",
            value: totals_words(found),
            target: self.target,
        };
        let out = matrix::show(ui, &mut self.window, &input);
        if let Some((column, row)) = out.hovered
            && let (Some(pair), Some(layer)) = (self.pairs.get(column), self.layers.get(row))
        {
            let found = &found.pairs[column];
            let chance = found.chance.as_ref();
            let by_chance = chance.and_then(|c| c.layers.get(row).copied().flatten());
            let value = found.layers.get(row).copied().flatten();
            let value = value.map_or_else(
                || "no module in common".to_owned(),
                |value| dependence_words(value, by_chance),
            );
            out.response
                .on_hover_text_at_pointer(format!("{pair}\n{layer}: {value}"));
        }
    }

    fn remake(&mut self, found: &std::sync::Arc<Interference>) {
        let rows = found
            .pairs
            .iter()
            .map(|p| p.layers.len())
            .max()
            .unwrap_or(0);
        let mut values = Vec::with_capacity(rows * found.pairs.len());
        for pair in &found.pairs {
            values.extend((0..rows).map(|layer| {
                let value = pair.layers.get(layer).copied().flatten();
                let chance = pair.chance.as_ref();
                let by_chance = chance.and_then(|c| c.layers.get(layer).copied().flatten());
                match value {
                    None => f32::NAN,
                    Some(value) if is_chance(value, by_chance) => 0.0,
                    Some(value) => value as f32,
                }
            }));
        }
        self.matrix = Matrix {
            rows,
            values: values.into(),
            generation: self.matrix.generation + 1,
        };
        self.pairs = found
            .pairs
            .iter()
            .map(|p| pair_words(found, p.pair))
            .collect();
        self.layers = (0..rows).map(|layer| format!("layer {layer}")).collect();
        self.window = Window::default();
        self.made_of = Some(std::sync::Arc::clone(found));
    }
}

fn controls_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let now = &state.interference;
    let own_values = state.info().is_some_and(|b| !b.values_are_experts);
    let (mut compared, mut measure) = (now.compared, now.measure);
    ui.horizontal_wrapped(|ui| {
        if own_values {
            ui.selectable_value(&mut compared, Compared::Experts, "LoRA experts");
            ui.selectable_value(&mut compared, Compared::Values, "Value vectors");
        }
        let combo = ComboBox::from_label("measure").selected_text(measure_words(measure).0);
        combo.show_ui(ui, |ui| {
            for choice in [
                Measure::Cosine,
                Measure::HsicUnbiased,
                Measure::HsicNormalised,
                Measure::HsicRows,
                Measure::HsicReleased,
                Measure::Signs,
                Measure::Angles,
            ] {
                let (title, hint) = measure_words(choice);
                ui.selectable_value(&mut measure, choice, title)
                    .on_hover_text(hint);
            }
        });
    });
    ui.label(
        RichText::new(measure_words(measure).1)
            .color(Tokens::of(ui).weak)
            .size(13.0),
    );
    let asked = now.job.is_some() || now.found.is_some() || now.trouble.is_some();
    if !asked || (compared, measure) != (now.compared, now.measure) {
        queue.push(AppCommand::Compare(compared, measure));
    }
}

fn totals_ui(ui: &mut Ui, found: &Interference) {
    Grid::new("totals")
        .num_columns(2)
        .striped(true)
        .show(ui, |ui| {
            for pair in &found.pairs {
                ui.label(pair_words(found, pair.pair));
                let by_chance = pair.chance.as_ref().map(|c| c.total);
                ui.monospace(dependence_words(pair.total, by_chance));
                ui.end_row();
            }
        });
}

/// Whether a value is within twice what chance alone makes.
fn is_chance(value: f64, by_chance: Option<f64>) -> bool {
    by_chance.is_some_and(|sd| value.abs() <= 2.0 * sd)
}

/// A value, and what chance has to do with it.
fn dependence_words(value: f64, by_chance: Option<f64>) -> String {
    let shown = signed_to(value, 4);
    match by_chance {
        None => shown,
        Some(sd) if is_chance(value, by_chance) => {
            format!("0: {shown} is within chance (\u{b1}{:.4})", 2.0 * sd)
        }
        Some(sd) if value < 0.0 => {
            let z = signed_to(value / sd, 1);
            format!(
                "{shown}, less alike than chance (z = {z}): apart further than independent ones"
            )
        }
        Some(sd) => format!("{shown}, more than chance (z = {:.1})", value / sd),
    }
}

fn totals_words(found: &Interference) -> String {
    let pairs = found
        .pairs
        .iter()
        .map(|p| format!("{} {:.3}", pair_words(found, p.pair), p.total));
    pairs.collect::<Vec<_>>().join("; ")
}

fn pair_words(found: &Interference, (a, b): (usize, usize)) -> String {
    let name = |index: usize| found.names.get(index).map_or("?", String::as_str);
    format!("{} \u{b7} {}", name(a), name(b))
}

/// Title, and what it means.
fn measure_words(measure: Measure) -> (&'static str, &'static str) {
    match measure {
        Measure::Cosine => (
            "cosine",
            "Of the weight differences as vectors: 1 the same direction, 0 at right angles, \u{2212}1 opposed",
        ),
        Measure::HsicNormalised => (
            "HSIC, normalised",
            "Dependence of the rows of the differences (512 at most per module), median bandwidth; 1 is the same. A biased measure: independent adapters are above 0 (about 0.015 at rank 4, 0.17 at rank 64, 0.29 at rank 128)",
        ),
        Measure::HsicUnbiased => (
            "HSIC, unbiased",
            "Dependence of the rows of the differences (512 at most per module), median bandwidth; 1 is the same. Independent adapters are 0 on average, as are rows in a random order: what lies within twice the standard deviation of that is chance, and drawn as 0",
        ),
        Measure::HsicRows => (
            "HSIC of rows",
            "As MVA's text has it, on 512 rows at most per module, bandwidth 1: larger is more dependent; sums over modules",
        ),
        Measure::HsicReleased => (
            "HSIC as released",
            "As MVA's code has it, on the first factors alone: nearly blind to dependence",
        ),
        Measure::Signs => (
            "sign agreement",
            "Share of weights that both adapters push the same way: 0.5 is chance",
        ),
        Measure::Angles => (
            "principal angles",
            "Mean squared cosine between the output spaces: 0 apart, 1 the same space",
        ),
    }
}

/// The ends of the colours: those of the measure where it has any, else of what was found.
fn scale(found: &Interference) -> (f32, f32) {
    match found.measure {
        Measure::Cosine => (-1.0, 1.0),
        Measure::HsicNormalised | Measure::HsicUnbiased | Measure::Signs | Measure::Angles => {
            (0.0, 1.0)
        }
        Measure::HsicReleased | Measure::HsicRows => {
            let values = found.pairs.iter().flat_map(|p| p.layers.iter().flatten());
            let most = values
                .copied()
                .filter(|v| v.is_finite())
                .fold(0.0, f64::max);
            (0.0, if most > 0.0 { most as f32 } else { 1.0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chance_explains_is_said_to_be_nothing() {
        assert_eq!(dependence_words(0.25, None), "+0.2500");
        let within = dependence_words(0.004, Some(0.0028));
        assert!(
            within.starts_with("0: ") && within.contains("0.0056"),
            "{within}"
        );
        let beyond = dependence_words(0.14, Some(0.0028));
        assert!(beyond.contains("z = 50.0"), "{beyond}");
        let below = dependence_words(-0.02, Some(0.0028));
        assert!(below.contains("apart further"), "{below}");
        assert!(!is_chance(0.5, None));
    }
}
