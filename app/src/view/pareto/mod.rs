//! The Pareto panel: plots or table, legend, hypervolume, keys. The view belongs to the person.

mod header;
mod keys;
mod legend;
mod marks;
mod others;
mod plots;
mod rows;
mod space;
mod table;
mod thumbs;
mod tiles;
mod tip;
mod walk;

use egui::Ui;

use crate::plot::{
    Affine, Glyphs, Landmark, Layer, OthersLayer, ParetoAction, ParetoData, Ranges, Tints, Turn,
    summary, value_words,
};
use crate::state::{Large, PlotOptions, Units, place};
use crate::widgets::empty_ui;
use rows::Order;

/// What the panel keeps from frame to frame: caches, the view, the hovered dot.
#[derive(Default)]
pub struct ParetoPanel {
    ranges: Ranges,
    layers: Vec<Layer>,
    /// The study's other sweeps, behind them.
    others: Vec<OthersLayer>,
    glyphs: Option<Glyphs>,
    hovered: Option<plots::Hover>,
    order: Order,
    fits: u64,
    /// The part that was to be looked at when it was last asked.
    zoom: Option<Vec<[f64; 2]>>,
    legend_height: f32,
    tints: Tints,
    /// What the axes of the large plot take beside its frame, as last seen.
    margins: Option<egui::Vec2>,
    turn: Turn,
    /// Format of what egui renders to, where there is a GPU; without, the cube is painted by egui.
    target: Option<wgpu::TextureFormat>,
}

/// Pairs of three objectives.
const PAIRS: usize = 3;

/// What every part of the panel reads.
struct Frame<'a> {
    data: &'a ParetoData<'a>,
    options: &'a PlotOptions,
    /// Raw to shown, per plotted objective.
    units: Vec<Affine>,
    /// The whole plot in one line.
    summary: String,
}

impl Frame<'_> {
    /// The name of a plotted objective.
    fn name(&self, slot: usize) -> String {
        let axis = self.data.axes().get(slot);
        let name = axis.and_then(|&axis| self.data.objectives.get(axis));
        name.cloned().unwrap_or_default()
    }

    /// What a plot is called.
    fn title(&self, large: Large) -> String {
        match large {
            Large::Pair(x, y) => format!("{} against {}", self.name(y), self.name(x)),
            Large::Space => format!("{}, {} and {}", self.name(0), self.name(1), self.name(2)),
        }
    }

    /// What is large: what was chosen, where there are so many objectives.
    fn large(&self) -> Large {
        let all = Large::all(self.data.axes().len());
        let chosen = self.options.large;
        if all.contains(&chosen) {
            chosen
        } else {
            all[0]
        }
    }

    /// The hypervolume with its reference point, without which it means nothing, and how that was chosen.
    fn volume_words(&self) -> Option<(String, &'static str)> {
        let front = self.data.front;
        let volume = front.hypervolume().filter(|_| front.counts().front > 0)?;
        let shown = |slot: usize, raw: f64| self.units.get(slot).map_or(raw, |u| u.apply(raw));
        let reference = volume.reference.iter().enumerate();
        let reference: Vec<String> = reference
            .map(|(slot, &raw)| value_words(shown(slot, raw)))
            .collect();
        let value = volume.value * self.units.iter().map(|unit| unit.scale).product::<f64>();
        let of = if volume.is_base { "over base" } else { "over" };
        let axes = if front.measures_more() {
            "of the plotted objectives "
        } else {
            ""
        };
        let words = format!(
            "hypervolume {axes}{} {of} ({})",
            value_words(value),
            reference.join(", ")
        );
        let why = match (volume.is_base, &volume.base) {
            (true, _) => {
                "The reference point is the base model's mean score on each objective. Points below it count for nothing."
            }
            (false, Some(_)) => {
                "No point beats the base model on every objective at once, so nothing lies above its score. \
                 The reference point lies a tenth of each range below the worst point seen so far instead; it \
                 moves while points arrive."
            }
            (false, None) => {
                "The reference point lies a tenth of each range below the worst point seen so far; it moves while points arrive."
            }
        };
        Some((words, why))
    }
}

impl ParetoPanel {
    /// A panel that draws its cube with the shader where a render state is at hand.
    pub fn new(target: Option<wgpu::TextureFormat>) -> Self {
        Self {
            target,
            ..Self::default()
        }
    }

    /// From where the cube is seen.
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// Shows the panel in the room that is left and says what the person asked for.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        data: &ParetoData<'_>,
        options: &PlotOptions,
    ) -> Vec<ParetoAction> {
        let mut actions = Vec::new();
        if !(2..=3).contains(&data.axes().len()) {
            empty_ui(
                ui,
                "A front needs two or three objectives. Choose them beside the point.",
                |_| {},
            );
            return actions;
        }
        let landmarks = landmark_scores(data);
        if options.zoom != self.zoom {
            self.zoom.clone_from(&options.zoom);
            self.ranges.set_zoom(self.zoom.as_deref());
        }
        self.ranges.update(data.front, &landmarks);
        let before = self.ranges.zoom();
        if options.fits != self.fits {
            self.fits = options.fits;
            self.ranges.fit_all(data.front, &landmarks);
            self.ranges.update(data.front, &landmarks);
        }
        self.tints.update(data);
        if !self
            .glyphs
            .as_ref()
            .is_some_and(|glyphs| glyphs.fits(ui.ctx()))
        {
            self.glyphs = Some(Glyphs::new(ui.ctx()));
            self.layers.clear();
            self.layers.resize_with(PAIRS, Layer::default);
            self.others.clear();
            self.others.resize_with(PAIRS, OthersLayer::default);
        }
        let base = units_of(data);
        let units = match (options.units, &base) {
            (Units::Base, Some(units)) => units.clone(),
            _ => vec![Affine::RAW; data.axes().len()],
        };
        let mut summary = summary(data);
        if let Some(study) = &data.study {
            summary += &study.spoken();
        }
        let frame = Frame {
            data,
            options,
            units,
            summary,
        };
        Self::header(ui, &frame, base.is_some(), &mut actions);
        if !options.table && is_unscored(data) {
            empty_ui(
                ui,
                "Nothing can be placed: these objectives have no reward scores. Load a bundle with reward models, or see the points in the table.",
                |_| {},
            );
            return actions;
        }
        if options.table {
            self.table(ui, &frame, &mut actions);
        } else {
            self.plots(ui, &frame, &mut actions);
        }
        self.tell_zoom(before, options, &mut actions);
        actions
    }

    /// Says what part a person chose to look at in this frame.
    fn tell_zoom(
        &mut self,
        before: Option<Vec<[f64; 2]>>,
        options: &PlotOptions,
        actions: &mut Vec<ParetoAction>,
    ) {
        let zoom = self.ranges.zoom();
        if zoom == before {
            return;
        }
        self.zoom.clone_from(&zoom);
        let told = actions.iter_mut().find_map(|action| match action {
            ParetoAction::Options(options) => Some(options),
            _ => None,
        });
        match told {
            Some(options) => options.zoom = zoom,
            None => actions.push(ParetoAction::Options(PlotOptions {
                zoom,
                ..options.clone()
            })),
        }
    }

    /// What part of the plane is looked at, in raw scores.
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }
}

fn is_unscored(data: &ParetoData<'_>) -> bool {
    let counts = data.front.counts();
    counts.points > 0 && counts.unscored == counts.points && landmark_scores(data).is_empty()
}

/// Raw scores of the landmarks that are scored on every plotted objective, and of the other sweeps' fronts.
fn landmark_scores(data: &ParetoData<'_>) -> Vec<[f64; 3]> {
    let landmarks = [data.current, data.pinned, data.base];
    let landmarks = landmarks.into_iter().flatten();
    let others = data.study.iter().flat_map(|study| study.others.held());
    landmarks
        .filter_map(|mark| placed(data, mark))
        .chain(others)
        .collect()
}

fn placed(data: &ParetoData<'_>, landmark: &Landmark) -> Option<[f64; 3]> {
    place(data.axes(), &landmark.scores).map(|(mean, _)| mean)
}

/// Deviations from the base model, per plotted objective; `None` where its scores do not vary or are not there.
fn units_of(data: &ParetoData<'_>) -> Option<Vec<Affine>> {
    let base = data.base?;
    data.axes()
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

/// Starts a new line where fewer than `width` points are left in this one, so that things that
/// belong together are not torn apart.
pub(super) fn keep_together(ui: &mut Ui, width: f32) {
    let begun = ui.cursor().left() > ui.max_rect().left() + 1.0;
    if begun && ui.available_size_before_wrap().x < width {
        ui.end_row();
    }
}
