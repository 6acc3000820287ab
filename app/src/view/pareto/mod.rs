//! The Pareto panel: plots or table, legend, hypervolume, keys. The view belongs to the person.

mod frame;
mod header;
mod hover;
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
    Affine, Glyphs, Layer, OthersLayer, ParetoAction, ParetoData, Ranges, Tints, Turn, summary,
};
use crate::state::{PlotOptions, Units};
use crate::widgets::empty_ui;
use frame::{Frame, is_unscored, landmark_scores, units_of};
use hover::Hover;
use rows::Order;

/// What the panel keeps from frame to frame: caches, the view, the hovered dot.
#[derive(Default)]
pub struct ParetoPanel {
    ranges: Ranges,
    layers: Vec<Layer>,
    /// The study's other sweeps, behind them.
    others: Vec<OthersLayer>,
    glyphs: Option<Glyphs>,
    hovered: Option<Hover>,
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

/// Starts a new line where fewer than `width` points are left in this one, so that things that
/// belong together are not torn apart.
pub(super) fn keep_together(ui: &mut Ui, width: f32) {
    let begun = ui.cursor().left() > ui.max_rect().left() + 1.0;
    if begun && ui.available_size_before_wrap().x < width {
        ui.end_row();
    }
}
