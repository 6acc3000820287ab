//! Where panels lie: side by side in a wide window, one at a time with tabs in a narrow one.

use egui::{CentralPanel, Frame, Margin, Panel as Side, ScrollArea, Ui};

use super::heatmap::HeatmapPanel;
use super::interference::InterferencePanel;
use super::pareto::ParetoPanel;
use super::{
    bundle_sheet, palette, panels, point, responses, settings, shortcuts, status, sweep, top_bar,
    training, welcome,
};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay, Panel};
use crate::theme::Tokens;

/// Narrower than this, panels take turns.
const WIDE: f32 = 980.0;
/// Lower than this, panels take turns.
const TALL: f32 = 480.0;

/// The panels that keep caches from frame to frame.
#[derive(Default)]
pub struct Panels {
    /// The Pareto plot.
    pub pareto: ParetoPanel,
    /// The heatmap.
    pub heatmap: HeatmapPanel,
    /// The interference sheet.
    pub interference: InterferencePanel,
}

impl Panels {
    /// With shaders where there is a GPU (`target` is what egui renders to).
    pub fn new(target: Option<wgpu::TextureFormat>) -> Self {
        Self {
            pareto: ParetoPanel::default(),
            heatmap: HeatmapPanel::new(target),
            interference: InterferencePanel::new(target),
        }
    }
}

/// The whole window.
pub fn window_ui(ui: &mut Ui, kept: &mut Panels, state: &AppState, queue: &mut CommandQueue) {
    let room = ui.available_size();
    Side::top("top")
        .frame(margin(ui, 10, 6))
        .show(ui, |ui| top_bar::top_bar_ui(ui, state, queue));
    Side::bottom("status")
        .frame(margin(ui, 10, 4))
        .show(ui, |ui| status::status_ui(ui, state, queue));
    if state.info().is_none() {
        CentralPanel::default().show(ui, |ui| welcome::welcome_ui(ui, state, queue));
    } else if room.x >= WIDE && room.y >= TALL {
        wide_ui(ui, kept, state, queue);
    } else {
        narrow_ui(ui, kept, state, queue);
    }
    drop_hint_ui(ui);
    match state.overlay.open {
        Overlay::None => {}
        Overlay::Bundle => bundle_sheet::bundle_sheet_ui(ui.ctx(), state, queue),
        Overlay::Palette => palette::palette_ui(ui.ctx(), state, queue),
        Overlay::Shortcuts => shortcuts::shortcuts_ui(ui.ctx(), state, queue),
        Overlay::Interference => kept.interference.show(ui.ctx(), state, queue),
        Overlay::Training => training::training_ui(ui.ctx(), state, queue),
        Overlay::Settings => settings::settings_ui(ui.ctx(), state, queue),
    }
}

/// Says what happens to a file that is held over the window.
fn drop_hint_ui(ui: &Ui) {
    if ui.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let tokens = Tokens::of(ui);
    let layer = egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop-hint"));
    let painter = ui.ctx().layer_painter(layer);
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0.0, tokens.ground.gamma_multiply(0.85));
    let font = egui::FontId::proportional(24.0);
    let words = "Drop a bundle's folder to open it";
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        words,
        font,
        tokens.text,
    );
}

fn margin(ui: &Ui, x: i8, y: i8) -> Frame {
    Frame::side_top_panel(ui.style()).inner_margin(Margin::symmetric(x, y))
}

fn wide_ui(ui: &mut Ui, kept: &mut Panels, state: &AppState, queue: &mut CommandQueue) {
    Side::left("left")
        .default_size(306.0)
        .size_range(270.0..=430.0)
        .frame(margin(ui, 12, 10))
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                point::point_ui(ui, state, queue);
                ui.add_space(4.0);
                ui.separator();
                sweep::sweep_ui(ui, state, queue);
            });
        });
    Side::right("right")
        .default_size(330.0)
        .size_range(250.0..=560.0)
        .frame(margin(ui, 12, 10))
        .show(ui, |ui| {
            panels::experts_ui(ui, &mut kept.heatmap, state, queue);
        });
    CentralPanel::default()
        .frame(Frame::central_panel(ui.style()).inner_margin(0))
        .show(ui, |ui| {
            let half = ui.available_height() * 0.5;
            Side::bottom("front")
                .resizable(true)
                .default_size(half)
                .min_size(140.0)
                .frame(margin(ui, 12, 8))
                .show(ui, |ui| {
                    ui.set_min_height(ui.available_height());
                    panels::front_ui(ui, &mut kept.pareto, state, queue)
                });
            CentralPanel::default()
                .frame(margin(ui, 12, 10))
                .show(ui, |ui| {
                    responses::responses_ui(ui, state, queue);
                });
        });
}

fn narrow_ui(ui: &mut Ui, kept: &mut Panels, state: &AppState, queue: &mut CommandQueue) {
    Side::top("tabs").frame(margin(ui, 10, 4)).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            for panel in Panel::ALL {
                if ui
                    .selectable_label(state.overlay.panel == panel, panel.title())
                    .clicked()
                {
                    queue.push(AppCommand::Focus(panel));
                }
            }
        });
    });
    CentralPanel::default().show(ui, |ui| {
        let panel = state.overlay.panel;
        match panel {
            Panel::Answers => responses::responses_ui(ui, state, queue),
            Panel::Front => panels::front_ui(ui, &mut kept.pareto, state, queue),
            Panel::Experts => panels::experts_ui(ui, &mut kept.heatmap, state, queue),
            Panel::Point | Panel::Sweep => {
                ScrollArea::vertical()
                    .id_salt(panel.title())
                    .auto_shrink(false)
                    .show(ui, |ui| match panel {
                        Panel::Sweep => sweep::sweep_ui(ui, state, queue),
                        _ => point::point_ui(ui, state, queue),
                    });
            }
        }
    });
}
