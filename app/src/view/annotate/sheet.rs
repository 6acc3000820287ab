//! The sheet of whoever asks: all tasks, and one page beside them.

use egui::{Context, Id, Modal, RichText, ScrollArea, Ui, vec2};
use paretoscope_core::annotate::Question;
use paretoscope_core::stats::required_votes;

use super::{builder, fronts, lend, results};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::{AnnotatePage, AppState, Overlay, StudyPhase};
use crate::study::TaskLine;
use crate::theme::Tokens;
use crate::widgets::format::{count, counted};
use crate::widgets::{command_button, empty_ui, group_title, section};

/// Most of the sheet's width.
const WIDEST: f32 = 1120.0;
/// Narrower than this, the tasks and the page stand one above the other.
const BROAD: f32 = 760.0;
/// Width of the list beside the page.
const LIST: f32 = 320.0;
/// Items that are drawn at a time where votes say most.
const MORE: usize = 50;

/// What the sheet keeps from frame to frame.
#[derive(Default)]
pub struct AnnotatePanel {
    fronts: fronts::FrontsPlots,
}

/// The sheet.
pub(in crate::view) fn sheet_ui(
    ctx: &Context,
    kept: &mut AnnotatePanel,
    state: &AppState,
    queue: &mut CommandQueue,
) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Annotate);
    let modal = Modal::new(Id::unique("annotation")).show(ctx, |ui| {
        let width = (room.x - 60.0).min(WIDEST);
        ui.set_width(width);
        section(ui, "Annotation", |ui| {
            if ui.button("Close").clicked() {
                queue.push(close.clone());
            }
        });
        let tall = (room.y - 130.0).max(120.0);
        if !state.study.is_readable() {
            empty_ui(ui, no_study_words(&state.study.phase), |ui| {
                command_button(
                    ui,
                    state,
                    queue,
                    AppCommand::ChooseStudy,
                    "Open a study\u{2026}",
                );
            });
            return;
        }
        if width >= BROAD {
            ui.horizontal_top(|ui| {
                column(ui, "tasks", vec2(LIST, tall), |ui| {
                    list_ui(ui, state, queue)
                });
                let (line, _) = ui.allocate_exact_size(vec2(1.0, tall), egui::Sense::hover());
                ui.painter().rect_filled(line, 0.0, Tokens::of(ui).line);
                column(ui, "page", vec2(width - LIST - 30.0, tall), |ui| {
                    page_ui(ui, kept, state, queue);
                });
            });
        } else {
            ScrollArea::vertical()
                .max_height(tall)
                .min_scrolled_height(tall)
                .show(ui, |ui| {
                    list_ui(ui, state, queue);
                    ui.separator();
                    page_ui(ui, kept, state, queue);
                });
        }
    });
    if modal.should_close() {
        queue.push(close);
    }
}

fn no_study_words(phase: &StudyPhase) -> &'static str {
    match phase {
        StudyPhase::Opening => "The study is being opened.",
        _ => "No study is open: tasks, items and votes are kept in one.",
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

fn page_ui(ui: &mut Ui, kept: &mut AnnotatePanel, state: &AppState, queue: &mut CommandQueue) {
    match &state.annotate.page {
        AnnotatePage::Builder => builder::builder_ui(ui, state, queue),
        AnnotatePage::Results(task) => {
            results::results_ui(ui, &mut kept.fronts, state, task, queue);
        }
        AnnotatePage::Lend => lend::lend_ui(ui, state, queue),
    }
}

/// All tasks, and the ways to the pages.
fn list_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let annotate = &state.annotate;
    ui.horizontal_wrapped(|ui| {
        for (page, words) in [
            (AnnotatePage::Builder, "New task"),
            (AnnotatePage::Lend, "Packs"),
        ] {
            if ui.selectable_label(annotate.page == page, words).clicked() {
                queue.push(AppCommand::Annotate(Annotation::Page(page)));
            }
        }
    });
    let hint = "Each asks people about stored answers, blind; its design is locked when it is made";
    group_title(ui, "Tasks", hint);
    let weak = Tokens::of(ui).weak;
    match &annotate.list {
        None => {
            ui.label(
                RichText::new("Looking for tasks\u{2026}")
                    .color(weak)
                    .size(13.0),
            );
        }
        Some(list) if list.tasks.is_empty() => {
            ui.label(RichText::new("None yet.").color(weak).size(13.0));
        }
        Some(list) => {
            for task in list.tasks.iter().rev() {
                ui.push_id(&task.name, |ui| task_ui(ui, state, task, queue));
                ui.add_space(6.0);
            }
        }
    }
}

fn task_ui(ui: &mut Ui, state: &AppState, task: &TaskLine, queue: &mut CommandQueue) {
    let weak = Tokens::of(ui).weak;
    ui.label(RichText::new(&task.name).strong());
    for words in about(task) {
        ui.add(egui::Label::new(RichText::new(words).color(weak).size(13.0)).wrap());
    }
    ui.horizontal_wrapped(|ui| {
        let begin = AppCommand::Annotate(Annotation::Begin(task.name.clone()));
        let response = command_button(ui, state, queue, begin, "Annotate");
        named(ui, &response, &format!("Annotate {}", task.name));
        if !task.pack {
            let page = AnnotatePage::Results(task.name.clone());
            let response = ui.selectable_label(state.annotate.page == page, "Results");
            named(ui, &response, &format!("Results of {}", task.name));
            if response.clicked() {
                queue.push(AppCommand::Annotate(Annotation::Page(page)));
            }
        }
        if task.active {
            let more = AppCommand::Annotate(Annotation::More(task.name.clone(), MORE));
            let words = format!("Draw {MORE} more");
            let response = command_button(ui, state, queue, more, words.clone());
            named(ui, &response, &format!("{words} for {}", task.name));
        }
    });
}

/// Says in the accessibility tree which task a button is of.
fn named(ui: &Ui, response: &egui::Response, name: &str) {
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// What is asked, how far it is, and what that shows.
fn about(task: &TaskLine) -> Vec<String> {
    let what = match task.question {
        Question::Pair => "pairs",
        Question::Rating => "ratings 1 to 5",
        Question::Ranking => "rankings",
    };
    let counts = &task.counts;
    let mut lines = vec![format!(
        "{what} by {} \u{b7} {}, {}",
        task.objectives.join(", "),
        counted(counts.items, "item"),
        counted(counts.checks, "check"),
    )];
    if counts.told > 0 {
        lines.push(format!(
            "{} have a text that names an expert or an objective",
            counted(counts.told, "item")
        ));
    }
    if counts.saved.is_empty() {
        lines.push("no votes yet".to_owned());
    } else {
        let people = counts.saved.iter();
        let people: Vec<String> = people
            .map(|(alias, saved)| format!("{alias} {}", count(*saved)))
            .collect();
        lines.push(format!("saved: {}", people.join(", ")));
    }
    if task.question == Question::Pair && !task.pack {
        let needed = required_votes(0.6).map_or(0, |n| n as usize);
        let votes = counts.decisive.iter();
        let votes: Vec<String> = votes
            .map(|(objective, n)| format!("{objective} {}", count(*n)))
            .collect();
        lines.push(format!(
            "decisive votes: {}; a win rate of 0.60 needs {}",
            votes.join(", "),
            count(needed)
        ));
    }
    lines
}
