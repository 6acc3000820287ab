//! The whole window. Prompt and answer always have their place, and the triangle beside them: in a
//! small window the other panels take turns with it.

mod places;

use egui::{CentralPanel, Frame, Margin, Panel as Side, Rect, RichText, ScrollArea, Ui};

use super::annotate::{self, AnnotatePanel};
use super::answer::AnswersPanel;
use super::heatmap::HeatmapPanel;
use super::interference::InterferencePanel;
use super::pareto::ParetoPanel;
use super::prompt::PromptPanel;
use super::study::StudyPanel;
use super::{
    bundle_sheet, closing, export, first_steps, forgetting, judge, learn, palette, panels, point,
    prompt, responses, settings, shortcuts, status, study, sweep, talk, top_bar, training, welcome,
};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay, Panel};
use crate::theme::Tokens;
use crate::widgets::{DividerNews, divider};

pub use places::{Divider, Places, Wanted};

/// Height of a window below which it says no first steps.
const LOW: f32 = 420.0;

/// The panels that keep caches from frame to frame.
#[derive(Default)]
pub struct Panels {
    /// The prompt.
    pub prompt: PromptPanel,
    /// The answers.
    pub answers: AnswersPanel,
    /// The Pareto plot.
    pub pareto: ParetoPanel,
    /// The heatmap.
    pub heatmap: HeatmapPanel,
    /// The interference sheet.
    pub interference: InterferencePanel,
    /// The study's sheet.
    pub study: StudyPanel,
    /// The sheet of annotation.
    pub annotate: AnnotatePanel,
}

impl Panels {
    /// With shaders where there is a GPU (`target` is what egui renders to).
    pub fn new(target: Option<wgpu::TextureFormat>) -> Self {
        Self {
            prompt: PromptPanel::default(),
            answers: AnswersPanel::default(),
            pareto: ParetoPanel::new(target),
            heatmap: HeatmapPanel::new(target),
            interference: InterferencePanel::new(target),
            study: StudyPanel::default(),
            annotate: AnnotatePanel::default(),
        }
    }
}

/// The whole window.
pub fn window_ui(ui: &mut Ui, kept: &mut Panels, state: &AppState, queue: &mut CommandQueue) {
    if state.annotate.is_blind() {
        // Whoever votes sees nothing else, and nothing else is in the accessibility tree.
        annotate::blind_ui(ui, state, queue);
        if state.overlay.open == Overlay::Closing {
            closing::closing_ui(ui.ctx(), state, queue);
        }
        return;
    }
    // On a stage no sheet and no news appear.
    if state.talk.is_on() {
        return talk::talk_ui(ui, state, queue);
    }
    if state.talk.large && state.info().is_some() {
        talk::large_ui(ui, state, queue);
        return sheets_ui(ui, kept, state, queue);
    }
    Side::top("top")
        .frame(margin(ui, 10, 6))
        .show(ui, |ui| top_bar::top_bar_ui(ui, state, queue));
    // In a low window the answer needs the room more.
    if first_steps::is_due(state) && ui.available_height() > LOW {
        Side::top("first steps")
            .frame(margin(ui, 10, 4))
            .show(ui, |ui| first_steps::first_steps_ui(ui, state, queue));
    }
    Side::bottom("status")
        .frame(margin(ui, 10, 4))
        .show(ui, |ui| status::status_ui(ui, state, queue));
    if state.info().is_none() {
        CentralPanel::default().show(ui, |ui| welcome::welcome_ui(ui, state, queue));
    } else {
        CentralPanel::default()
            .frame(Frame::NONE)
            .show(ui, |ui| body_ui(ui, kept, state, queue));
    }
    sheets_ui(ui, kept, state, queue);
}

/// What lies over the panels.
fn sheets_ui(ui: &mut Ui, kept: &mut Panels, state: &AppState, queue: &mut CommandQueue) {
    drop_hint_ui(ui);
    match state.overlay.open {
        Overlay::None => {}
        Overlay::Bundle => bundle_sheet::bundle_sheet_ui(ui.ctx(), state, queue),
        Overlay::Palette => palette::palette_ui(ui.ctx(), state, queue),
        Overlay::Shortcuts => shortcuts::shortcuts_ui(ui.ctx(), state, queue),
        Overlay::Interference => kept.interference.show(ui.ctx(), state, queue),
        Overlay::Study => study::study_ui(ui.ctx(), &mut kept.study, state, queue),
        Overlay::Annotate => {
            annotate::sheet_ui(ui.ctx(), &mut kept.annotate, state, queue);
        }
        Overlay::Learn => learn::learn_ui(ui.ctx(), state, queue),
        Overlay::Judge => judge::judge_ui(ui.ctx(), state, queue),
        Overlay::Training => training::training_ui(ui.ctx(), state, queue),
        Overlay::Talk => talk::stops_ui(ui.ctx(), state, queue),
        Overlay::Export => export::export_ui(ui.ctx(), state, queue),
        Overlay::Forgetting => forgetting::forgetting_ui(ui.ctx(), state, queue),
        Overlay::Closing => closing::closing_ui(ui.ctx(), state, queue),
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
    let words = "Drop a bundle's or a model's folder, a .gguf, a file of prompts (of examples, in the training sheet), or a study";
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

/// All panels in the room between the bars.
fn body_ui(ui: &mut Ui, kept: &mut Panels, state: &AppState, queue: &mut CommandQueue) {
    let body = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(body);
    let tokens = Tokens::of(ui);
    ui.painter().rect_filled(body, 0.0, tokens.panel);
    let division = state.prefs.division.mended();
    let wanted = Wanted {
        prompt: kept.prompt.height(),
        points: !state.sweep.points.is_empty() || state.plots_study(),
    };
    let places = Places::new(body, &division, wanted);
    if places.is_small() {
        turns_ui(ui, places.side, kept, state, queue);
    } else {
        with_run_ui(ui, places.side, [12.0, 10.0], state, queue, |ui, queue| {
            point::point_ui(ui, state, queue);
            ui.add_space(4.0);
            ui.separator();
            sweep::sweep_ui(ui, state, queue);
        });
    }
    if let Some(rect) = places.experts {
        inside(ui, rect, [12.0, 10.0], "right", |ui| {
            panels::experts_ui(ui, &mut kept.heatmap, state, queue);
        });
    }
    let at_most = places.prompt_at_most();
    inside(ui, places.prompt, [12.0, 0.0], "prompt", |ui| {
        prompt::prompt_ui(ui, &mut kept.prompt, at_most, state, queue);
    });
    inside(ui, places.answer, [12.0, 4.0], "answers", |ui| {
        let region = ui.interact(
            ui.max_rect(),
            ui.scope_id().with("region"),
            egui::Sense::hover(),
        );
        region.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Region, true, "Answers"));
        responses::answers_ui(ui, &mut kept.answers, state, queue);
    });
    if let Some(rect) = places.front {
        inside(ui, rect, [12.0, 8.0], "front", |ui| {
            if places.is_bar {
                panels::front_bar_ui(ui, &division, state, queue);
            } else {
                panels::front_ui(ui, &mut kept.pareto, state, queue);
            }
        });
        let top = rect.top();
        let line = egui::Stroke::new(1.0, tokens.line);
        ui.painter().hline(rect.x_range(), top, line);
    }
    for (which, line) in places.dividers() {
        let id = egui::Id::unique(("divider", which));
        let next = match divider(ui, id, which.name(), line) {
            None => continue,
            Some(DividerNews::Reset) => which.reset(division),
            Some(DividerNews::To(at)) => which.moved(division, &places, body, at),
        };
        queue.push(AppCommand::SetDivision(next));
    }
}

/// A part of the window: it is cut off at its edges and cannot grow.
fn inside(
    ui: &mut Ui,
    rect: Rect,
    margin: [f32; 2],
    salt: &'static str,
    add: impl FnOnce(&mut Ui),
) {
    let inner = rect.shrink2(egui::Vec2::from(margin));
    if !inner.is_positive() {
        return;
    }
    let builder = egui::UiBuilder::new().max_rect(inner).id_salt(salt);
    let mut child = ui.new_child(builder);
    // Focus rings and markers may reach into the margin.
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    add(&mut child);
}

/// A column that scrolls, above the row that starts and stops the sweep, which does not.
fn with_run_ui(
    ui: &mut Ui,
    rect: Rect,
    margin: [f32; 2],
    state: &AppState,
    queue: &mut CommandQueue,
    add: impl FnOnce(&mut Ui, &mut CommandQueue),
) {
    let (above, below) = rect.split_top_bottom_at_y(rect.bottom() - sweep::RUN);
    inside(ui, above, margin, "left", |ui| {
        ScrollArea::vertical()
            .auto_shrink(false)
            .show(ui, |ui| add(ui, queue));
    });
    let line = egui::Stroke::new(1.0, Tokens::of(ui).line);
    ui.painter().hline(below.x_range(), below.top(), line);
    inside(ui, below, [margin[0], 6.0], "run", |ui| {
        sweep::run_ui(ui, state, queue);
    });
}

/// The panels that take turns beside the answer in a small window.
fn turns_ui(
    ui: &mut Ui,
    rect: Rect,
    kept: &mut Panels,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    // The answer is always there, so its own turn is the point's.
    let shown = match state.overlay.panel {
        Panel::Answers => Panel::Point,
        other => other,
    };
    inside(ui, rect, [8.0, 4.0], "turns", |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(3.0, 2.0);
            ui.spacing_mut().button_padding.x = 5.0;
            for panel in Panel::ALL.into_iter().filter(|p| *p != Panel::Answers) {
                let title = RichText::new(panel.title()).size(13.0);
                if ui.selectable_label(shown == panel, title).clicked() {
                    queue.push(AppCommand::Focus(panel));
                }
            }
        });
        let rest = ui.available_rect_before_wrap();
        inside(ui, rest, [0.0, 2.0], shown.title(), |ui| match shown {
            Panel::Front => panels::front_ui(ui, &mut kept.pareto, state, queue),
            Panel::Experts => panels::experts_ui(ui, &mut kept.heatmap, state, queue),
            Panel::Sweep => {
                let room = ui.available_rect_before_wrap();
                with_run_ui(ui, room, [0.0, 0.0], state, queue, |ui, queue| {
                    sweep::sweep_ui(ui, state, queue);
                });
            }
            Panel::Point | Panel::Answers => {
                ScrollArea::vertical()
                    .auto_shrink(false)
                    .show(ui, |ui| point::point_ui(ui, state, queue));
            }
        });
    });
}
