//! The study's sheet: the file, its sweeps side by side, the answers of a dot, and what is written for use elsewhere.

mod chosen;
mod differ;
mod dot;
mod lease;
mod plot;
mod sweeps;

pub(super) use chosen::counted_words;
pub(super) use lease::lease_ui;
pub(super) use sweeps::MEASURED;

use std::path::Path;

use egui::{Context, Id, Modal, RichText, ScrollArea, Ui, vec2};

use crate::command::{AppCommand, CommandQueue};
use crate::export::What;
use crate::state::{AppState, Overlay, StudyPhase};
use crate::theme::Tokens;
use crate::widgets::{command_button, empty_ui, path_field, section, trouble_ui};

/// Most of the sheet's width.
const WIDEST: f32 = 1120.0;
/// Narrower than this, sweeps and plot stand one above the other.
const BROAD: f32 = 760.0;
/// Width of the list beside the plot.
const LIST: f32 = 320.0;

/// What the sheet keeps from frame to frame.
#[derive(Default)]
pub struct StudyPanel {
    plot: plot::FrontsPlot,
}

/// The sheet.
pub(super) fn study_ui(
    ctx: &Context,
    kept: &mut StudyPanel,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Study);
    let modal = Modal::new(Id::unique("study")).show(ctx, |ui| {
        let width = (room.x - 60.0).min(WIDEST);
        ui.set_width(width);
        section(ui, "Study", |ui| {
            if ui.button("Close").clicked() {
                queue.push(close.clone());
            }
        });
        let tall = (room.y - 130.0).max(120.0);
        if width >= BROAD {
            ui.horizontal_top(|ui| {
                column(ui, "list", vec2(LIST, tall), |ui| {
                    list_ui(ui, state, queue);
                });
                let (line, _) = ui.allocate_exact_size(vec2(1.0, tall), egui::Sense::hover());
                ui.painter().rect_filled(line, 0.0, Tokens::of(ui).line);
                column(ui, "plot", vec2(width - LIST - 30.0, tall), |ui| {
                    front_ui(ui, kept, state, queue);
                });
            });
        } else {
            ScrollArea::vertical()
                .max_height(tall)
                .min_scrolled_height(tall)
                .show(ui, |ui| {
                    list_ui(ui, state, queue);
                    ui.separator();
                    front_ui(ui, kept, state, queue);
                });
        }
    });
    if modal.should_close() {
        queue.push(close);
    }
}

fn column(ui: &mut Ui, name: &str, size: egui::Vec2, add: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::LEFT), |ui| {
        ui.set_width(size.x);
        ScrollArea::vertical()
            .id_salt(name)
            .max_height(size.y)
            .min_scrolled_height(size.y)
            .auto_shrink(false)
            .show(ui, add);
    });
}

fn list_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    file_ui(ui, state, queue);
    if state.study.is_readable() {
        ui.separator();
        sweeps::sweeps_ui(ui, state, queue);
        ui.add_space(4.0);
        let annotate = AppCommand::Show(Overlay::Annotate);
        command_button(ui, state, queue, annotate, "Annotation\u{2026}");
    }
}

fn front_ui(ui: &mut Ui, kept: &mut StudyPanel, state: &AppState, queue: &mut CommandQueue) {
    let study = &state.study;
    match &study.drawn {
        Some(Ok(front)) => {
            kept.plot.show(ui, state, front, queue);
            dot::dot_ui(ui, state, front, queue);
            differ::differ_ui(ui, state, front, queue);
            ui.separator();
            ui.horizontal_wrapped(|ui| {
                for (what, words) in [
                    (What::Front, "Export the front\u{2026}"),
                    (What::Points, "Export the points\u{2026}"),
                    (What::Report, "Export the report\u{2026}"),
                ] {
                    command_button(ui, state, queue, AppCommand::ShowExport(what), words);
                }
            });
        }
        Some(Err(trouble)) => {
            trouble_ui(
                ui,
                "nothing is drawn",
                trouble,
                "The study is as it was.",
                |_| {},
            );
            ui.horizontal_wrapped(|ui| chosen::choose_ui(ui, state, queue));
            chosen::chosen_ui(ui, state, queue);
        }
        None => {
            let words = match &study.phase {
                StudyPhase::None | StudyPhase::Failed(_) => "Open a study to see its sweeps.",
                StudyPhase::Opening => "The study is being opened.",
                _ if study.sweeps.iter().all(|s| s.done == 0) => {
                    "No sweep is in this study yet. A sweep scores answers all over the simplex."
                }
                _ if study.shown().sweeps.is_empty() => "Tick a sweep to see its front.",
                _ => "Drawing\u{2026}",
            };
            empty_ui(ui, words, |_| {});
        }
    }
}

/// Where all is kept, and another file.
fn file_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let (words, color) = saved_words(state, tokens);
    ui.label(RichText::new(words).color(color).size(13.0));
    ui.horizontal(|ui| {
        command_button(ui, state, queue, AppCommand::ChooseStudy, "Open\u{2026}");
        let path = state.study.path.as_deref().unwrap_or(Path::new(""));
        let hint = "path of a .study, new or there, or drop it here";
        let id = Id::unique("study-path");
        if let Some(path) = path_field(ui, id, "Path of the study", hint, path) {
            queue.push(AppCommand::OpenStudy(path));
        }
    });
    if let StudyPhase::Failed(trouble) = &state.study.phase {
        let fine = "Nothing was changed. Answers of this session are kept until the window closes.";
        trouble_ui(ui, "the study is not open", trouble, fine, |_| {});
    }
}

/// The place of the study in the bottom strip: whether what a person did is safe, and where.
pub(super) fn saved_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.study.phase == StudyPhase::None {
        return;
    }
    let tokens = Tokens::of(ui);
    let (words, color) = saved_words(state, tokens);
    let short = short_words(state);
    let button = egui::Button::new(RichText::new(short).color(color).size(13.0))
        .small()
        .truncate();
    let response = ui.add(button);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(words.clone());
        node.set_live(egui::accesskit::Live::Polite);
    });
    if response.on_hover_text(words).clicked() {
        queue.push(AppCommand::Show(Overlay::Study));
    }
}

fn file_name(state: &AppState) -> String {
    let name = state.study.path.as_deref().and_then(Path::file_name);
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn short_words(state: &AppState) -> String {
    match &state.study.phase {
        StudyPhase::None => String::new(),
        StudyPhase::Opening => "Opening the study".to_owned(),
        StudyPhase::Failed(_) => "Not saved".to_owned(),
        StudyPhase::ReadOnly(why) => {
            // What the system says of it is in the words beside.
            let why = why.split(" (").next().unwrap_or_default();
            format!("Read only: {why}")
        }
        StudyPhase::Open if state.study.unsaved.is_some() => "Not saved".to_owned(),
        StudyPhase::Open if !state.study.waiting.is_empty() => "Saving".to_owned(),
        StudyPhase::Open if state.study.alone => {
            format!("Saved in {}, network disk", file_name(state))
        }
        StudyPhase::Open => format!("Saved in {}", file_name(state)),
    }
}

/// Where what a person did is, and whether it is safe; why not, where it is not.
fn saved_words(state: &AppState, tokens: &Tokens) -> (String, egui::Color32) {
    let study = &state.study;
    let path = study
        .path
        .as_ref()
        .map_or_else(String::new, |path| path.display().to_string());
    match &study.phase {
        StudyPhase::None => (
            "No study is open: nothing outlives this window.".to_owned(),
            tokens.warn,
        ),
        StudyPhase::Opening => (format!("Opening {path}"), tokens.weak),
        StudyPhase::Failed(trouble) => (format!("Not saved: {}", trouble.message), tokens.error),
        StudyPhase::ReadOnly(why) => (
            format!("Read only, new answers are not saved: {why} ({path})"),
            tokens.warn,
        ),
        StudyPhase::Open => match &study.unsaved {
            Some(trouble) => {
                let words = format!("Not saved yet, it is tried again: {}", trouble.message);
                (words, tokens.error)
            }
            None if !study.waiting.is_empty() => (format!("Saving into {path}"), tokens.weak),
            None if study.alone => (
                format!(
                    "All answers are saved in {path}. It lies on a network's disk: let one program at a time write."
                ),
                tokens.weak,
            ),
            None => (format!("All answers are saved in {path}"), tokens.weak),
        },
    }
}
