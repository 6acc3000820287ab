//! The Pareto panel: plots or table, legend, hypervolume, keys. The view belongs to the person.

mod keys;
mod legend;
mod marks;
mod plots;
mod table;
mod tip;

use egui::{RichText, Ui};

use crate::plot::{
    Affine, Class, Glyphs, Landmark, Layer, Model, ParetoAction, ParetoData, PlotOptions, Ranges,
    Units, place, summary, value_words,
};
use crate::theme::Tokens;
use table::Order;

/// What the panel keeps from frame to frame: caches, the view, the hovered dot.
#[derive(Default)]
pub struct ParetoPanel {
    model: Model,
    ranges: Ranges,
    layers: Vec<Layer>,
    glyphs: Option<Glyphs>,
    hovered: Option<plots::Hover>,
    order: Order,
    fits: u64,
    legend_height: f32,
}

/// What every part of the panel reads.
struct Frame<'a> {
    data: &'a ParetoData<'a>,
    options: &'a PlotOptions,
    /// Raw to shown, per plotted objective.
    units: Vec<Affine>,
    /// The whole plot in one line.
    summary: String,
}

impl ParetoPanel {
    /// Shows the panel in the room that is left and says what the person asked for.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        data: &ParetoData<'_>,
        options: &PlotOptions,
    ) -> Vec<ParetoAction> {
        let mut actions = Vec::new();
        if !(2..=3).contains(&data.axes.len()) {
            empty(
                ui,
                "A front needs two or three objectives. Choose them beside the point.",
                None,
            );
            return actions;
        }
        self.model.update(data);
        let landmarks = landmark_scores(data);
        if options.fits != self.fits {
            self.fits = options.fits;
            self.ranges.fit_all(&self.model, &landmarks);
        }
        self.ranges.update(&self.model, &landmarks);
        if !self
            .glyphs
            .as_ref()
            .is_some_and(|glyphs| glyphs.fits(ui.ctx()))
        {
            self.glyphs = Some(Glyphs::new(ui.ctx()));
            self.layers.clear();
        }
        let base = units_of(data);
        let units = match (options.units, &base) {
            (Units::Base, Some(units)) => units.clone(),
            _ => vec![Affine::RAW; data.axes.len()],
        };
        let summary = summary(&self.model, data);
        let frame = Frame {
            data,
            options,
            units,
            summary,
        };
        self.header(ui, &frame, base.is_some(), &mut actions);
        if !options.table && self.is_unscored(data) {
            empty(
                ui,
                "Nothing can be placed: these objectives have no reward scores. Load a bundle with reward models, or see the points in the table.",
                None,
            );
            return actions;
        }
        if options.table {
            self.table(ui, &frame, &mut actions);
        } else {
            self.plots(ui, &frame, &mut actions);
        }
        actions
    }

    /// Forgets the person's view: the plot follows the data again.
    pub fn reset_view(&mut self) {
        self.ranges.reset();
    }

    /// Points with their classes, as of the last frame.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What part of the plane is looked at, in raw scores.
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    fn is_unscored(&self, data: &ParetoData<'_>) -> bool {
        let counts = self.model.counts();
        counts.points > 0 && counts.unscored == counts.points && landmark_scores(data).is_empty()
    }

    fn header(
        &self,
        ui: &mut Ui,
        frame: &Frame<'_>,
        has_base: bool,
        actions: &mut Vec<ParetoAction>,
    ) {
        let tokens = Tokens::of(ui);
        let counts = self.model.counts();
        let mut options = frame.options.clone();
        ui.horizontal_wrapped(|ui| {
            ui.label(
                RichText::new(format!(
                    "Front {} of {} points",
                    counts.front, counts.points
                ))
                .strong(),
            );
            if frame.data.pending > 0 {
                ui.label(
                    RichText::new(format!("· {} to come", frame.data.pending)).color(tokens.weak),
                );
            }
            self.volume(ui, frame);
            self.left_out(ui, frame);
            ui.checkbox(&mut options.dominated, "Dominated")
                .on_hover_text("Draw dominated points");
            ui.checkbox(&mut options.whiskers, "±1 SE")
                .on_hover_text(format!(
                    "Whiskers of one standard error; above {} points for the front only",
                    crate::plot::WHISKERS_FOR_ALL
                ));
            let mut against_base = options.units == Units::Base;
            let toggle =
                ui.add_enabled(has_base, egui::Checkbox::new(&mut against_base, "vs base"));
            toggle
                .on_hover_text("Scores as standard deviations from the base model's own answers")
                .on_disabled_hover_text(
                    "The base model's own answers are not scored yet: a sweep scores them",
                );
            options.units = if against_base {
                Units::Base
            } else {
                Units::Raw
            };
            let fit = ui
                .button("Fit")
                .on_hover_text("Show every point (F). Home gives the view back to the data.");
            options.fits += u64::from(fit.clicked());
            options.table ^= ui
                .selectable_label(options.table, "Table")
                .on_hover_text("Plot or table (T)")
                .clicked();
        });
        if options != *frame.options {
            actions.push(ParetoAction::Options(options));
        }
    }

    fn volume(&self, ui: &mut Ui, frame: &Frame<'_>) {
        let Some(volume) = self
            .model
            .volume()
            .filter(|_| self.model.counts().front > 0)
        else {
            return;
        };
        let shown =
            |slot: usize, raw: f64| frame.units.get(slot).map_or(raw, |unit| unit.apply(raw));
        let reference: Vec<String> = volume
            .reference
            .iter()
            .enumerate()
            .map(|(slot, &raw)| value_words(shown(slot, raw)))
            .collect();
        let value = volume.value * frame.units.iter().map(|unit| unit.scale).product::<f64>();
        let of = if volume.is_base {
            "over the base model"
        } else {
            "over a point below the worst"
        };
        let text = format!(
            "· hypervolume {} {of} ({})",
            value_words(value),
            reference.join(", ")
        );
        ui.label(RichText::new(text).color(Tokens::of(ui).weak)).on_hover_text(if volume.is_base {
            "The reference point is the base model's mean score on each objective. Points below it count for nothing."
        } else {
            "The reference point lies a tenth of each range below the worst point seen so far; it moves while points arrive."
        });
    }

    /// Points without a place, counted and listed.
    fn left_out(&self, ui: &mut Ui, frame: &Frame<'_>) {
        let tokens = Tokens::of(ui);
        let counts = self.model.counts();
        for (count, class, word) in [
            (counts.non_finite, Class::NonFinite, "non-finite"),
            (counts.unscored, Class::Unscored, "not scored"),
        ] {
            if count == 0 {
                continue;
            }
            let title = RichText::new(format!("{count} {word}")).color(tokens.warn);
            ui.menu_button(title, |ui| {
                ui.label("Not drawn, and not on the front:");
                egui::ScrollArea::vertical()
                    .max_height(240.0)
                    .show(ui, |ui| {
                        let of_class = self
                            .model
                            .entries()
                            .iter()
                            .enumerate()
                            .filter(|(_, e)| e.class == class);
                        for (entry, result) in
                            of_class.filter_map(|(i, e)| Some((e, frame.data.points.get(i)?)))
                        {
                            let point =
                                crate::plot::point_words(&result.point, frame.data.objectives);
                            ui.label(format!("Point {}: {point}", entry.index));
                        }
                    });
            });
        }
        for (slot, &axis) in frame.data.axes.iter().enumerate() {
            if counts.placed() > 1 && self.model.span(slot).is_some_and(|(low, high)| low == high) {
                let name = frame
                    .data
                    .objectives
                    .get(axis)
                    .map_or("this objective", String::as_str);
                ui.label(RichText::new(format!("no variation in {name}")).color(tokens.warn));
            }
        }
    }
}

/// Raw scores of the landmarks that are scored on every plotted objective.
fn landmark_scores(data: &ParetoData<'_>) -> Vec<[f64; 3]> {
    [data.current, data.pinned, data.base]
        .into_iter()
        .flatten()
        .filter_map(|mark| placed(data, mark))
        .collect()
}

fn placed(data: &ParetoData<'_>, landmark: &Landmark) -> Option<[f64; 3]> {
    place(data.axes, &landmark.scores).map(|(mean, _)| mean)
}

/// Deviations from the base model, per plotted objective; `None` where its scores do not vary or are not there.
fn units_of(data: &ParetoData<'_>) -> Option<Vec<Affine>> {
    let base = data.base?;
    data.axes
        .iter()
        .map(|&axis| {
            let summary = base.scores.get(axis).copied().flatten()?;
            let deviation = summary.se * (summary.n as f64).sqrt();
            let usable = summary.mean.is_finite() && deviation.is_finite() && deviation > 0.0;
            usable.then(|| Affine {
                scale: 1.0 / deviation,
                shift: -summary.mean / deviation,
            })
        })
        .collect()
}

/// One sentence why, and at most one thing to do. Says whether that was done.
pub(super) fn empty(ui: &mut Ui, why: &str, button: Option<&str>) -> bool {
    let tokens = Tokens::of(ui);
    let mut clicked = false;
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).min(120.0));
        ui.label(RichText::new(why).color(tokens.weak).size(15.0));
        if let Some(text) = button {
            ui.add_space(8.0);
            let label = RichText::new(text).color(tokens.on_accent).strong();
            clicked = ui
                .add(egui::Button::new(label).fill(tokens.accent))
                .clicked();
        }
    });
    clicked
}
