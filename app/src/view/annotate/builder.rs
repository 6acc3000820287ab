//! The form of a new task: what is compared, how much is asked of whom, and what that would show.

use std::path::PathBuf;

use egui::{ComboBox, Id, RichText, TextEdit, Ui};
use paretoscope_core::annotate::{Design, How, Question, Source};
use paretoscope_core::stats::required_votes;
use paretoscope_core::study::SweepState;

use super::parts::{file_ui, line, weak};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::plot::{PARTS, split_words};
use crate::registry;
use crate::state::{AppState, Panel};
use crate::study::{TaskForm, TaskPreview};
use crate::tasks::Wanted;
use crate::theme::Tokens;
use crate::widgets::format::{count, counted};
use crate::widgets::number::{checked_field, real, seed, whole};
use crate::widgets::{group_title, primary_button, trouble_ui};

/// Width of a number's field.
const NUMBER: f32 = 74.0;
/// Most items of a task, and most people that share them.
const MOST: (usize, usize) = (100_000, 64);

/// What can be compared, in words.
const SOURCES: [(Source, &str, &str); 4] = [
    (
        Source::Preferences,
        "Preferences",
        "all points of a sweep with each other, on one prompt and seed",
    ),
    (
        Source::Base,
        "Against the base",
        "every point with the base model; the sweep has to have measured it",
    ),
    (
        Source::Front,
        "Neighbours on the front",
        "points of one sweep that stand side by side on its front",
    ),
    (
        Source::Across,
        "Two sweeps",
        "two sweeps at the same point, prompt and seed, also of two studies: bring the other one in by Packs",
    ),
];

/// The form.
pub(super) fn builder_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let mut form = state.annotate.form.clone();
    ui.label(RichText::new("A new task").strong());
    source_ui(ui, &mut form);
    let swept = state.study.sweeps.iter().any(|sweep| sweep.done > 0);
    if form.file.is_none() && !swept {
        none_ui(ui, state, queue);
    } else {
        line(ui, "Name", |ui| {
            text_ui(
                ui,
                "Name of the task",
                "people never see it",
                1,
                &mut form.name,
            )
        });
        if form.file.is_some() {
            votes_ui(ui, state, queue, &mut form);
        } else {
            sweeps_ui(ui, state, &mut form);
            question_ui(ui, &mut form.design);
            objectives_ui(ui, state, &mut form);
            numbers_ui(ui, &mut form.design);
            line(ui, "Instructions", |ui| {
                let told = Design {
                    instructions: String::new(),
                    ..form.design.clone()
                };
                let told = told.told();
                text_ui(
                    ui,
                    "What people are told",
                    &told,
                    3,
                    &mut form.design.instructions,
                );
            });
            power_ui(ui, &form.design);
            preview_ui(ui, state);
        }
        build_ui(ui, state, queue);
    }
    if form != state.annotate.form {
        queue.push(AppCommand::Annotate(Annotation::SetForm(Box::new(form))));
    }
}

/// No answers to compare: what there is to do.
fn none_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    ui.add_space(8.0);
    ui.label(RichText::new("No pairs yet").heading());
    let words = "Items are drawn from the stored answers of a sweep, and this study has none. Start a sweep, bring another \
                 study in by Packs, or take items and votes from a file.";
    ui.label(RichText::new(words).color(tokens.weak));
    let sweep = AppCommand::Focus(Panel::Sweep);
    primary_button(ui, state, queue, sweep, "Go to the sweep");
}

/// What is compared.
fn source_ui(ui: &mut Ui, form: &mut TaskForm) {
    ui.horizontal_wrapped(|ui| {
        for (source, words, hint) in SOURCES {
            let on = form.file.is_none() && form.design.source == source;
            if ui.selectable_label(on, words).on_hover_text(hint).clicked() {
                form.design.source = source;
                form.file = None;
            }
        }
        let on = form.file.is_some();
        let hint = "items and votes of Label Studio, or of our own export";
        if ui
            .selectable_label(on, "A file")
            .on_hover_text(hint)
            .clicked()
            && !on
        {
            form.file = Some(PathBuf::new());
        }
    });
    let known = SOURCES
        .iter()
        .find(|(source, ..)| *source == form.design.source);
    let words = match known {
        _ if form.file.is_some() => {
            "Items and votes of Label Studio (.json), or of our own export (.jsonl)"
        }
        Some((.., hint)) => hint,
        None => "",
    };
    ui.label(weak(ui, words));
}

fn votes_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, form: &mut TaskForm) {
    line(ui, "File", |ui| {
        let path = form.file.clone().unwrap_or_default();
        let hint = "path of a .json or .jsonl";
        let field = (Wanted::Votes, "File of items and votes", hint);
        if let Some(path) = file_ui(ui, state, queue, field, &path) {
            form.file = Some(path);
        }
    });
}

/// Which sweeps: one or several, by what is compared.
fn sweeps_ui(ui: &mut Ui, state: &AppState, form: &mut TaskForm) {
    line(ui, "Answers of", |ui| {
        let sweeps = state
            .study
            .sweeps
            .iter()
            .rev()
            .filter(|sweep| sweep.done > 0);
        for sweep in sweeps {
            let mut on = form.sweeps.contains(&sweep.id);
            let words = format!("{} ({})", sweep.name, sweep.id);
            let response = ui.checkbox(&mut on, words);
            let hint = format!("{}, {}", sweep.method, counted(sweep.done, "answer"));
            if response.on_hover_text(hint).changed() {
                form.sweeps.retain(|id| *id != sweep.id);
                if on {
                    form.sweeps.push(sweep.id);
                }
                form.sweeps.sort_unstable();
            }
        }
    });
}

fn question_ui(ui: &mut Ui, design: &mut Design) {
    line(ui, "Question", |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut design.question, Question::Pair, "Pair");
            ui.selectable_value(&mut design.question, Question::Rating, "Rating 1 to 5");
            let ranking = design.question == Question::Ranking;
            if ui.selectable_label(ranking, "Ranking").clicked() && !ranking {
                design.question = Question::Ranking;
            }
            design.ranked = match design.question {
                Question::Ranking => {
                    let ranked = design.ranked.clamp(2, 5);
                    let ranked = if design.ranked == 0 { 3 } else { ranked };
                    let id = Id::unique("ranked");
                    let check = |text: &str| whole(text, 2, 5);
                    ui.label(weak(ui, "of"));
                    checked_field(
                        ui,
                        id,
                        "Answers in a ranking",
                        ranked.to_string(),
                        40.0,
                        check,
                    )
                    .unwrap_or(ranked)
                }
                _ => 0,
            };
            if design.question == Question::Pair {
                ui.checkbox(&mut design.strength, "and by how much");
            } else {
                design.strength = false;
                design.how = How::Blocks;
            }
        });
    });
    line(ui, "Drawn", |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut design.how, How::Blocks, "Balanced blocks")
                .on_hover_text("All comparisons about equally often");
            ui.add_enabled_ui(design.question == Question::Pair, |ui| {
                ui.selectable_value(&mut design.how, How::Active, "Where votes say most")
                    .on_hover_text(
                        "Draw a first batch, vote, then draw more: pairs whose outcome is least known come more often, and \
                         count by the inverse of how likely they were",
                    )
                    .on_disabled_hover_text("Off: is for pairs alone");
            });
        });
    });
}

/// By what people judge: the objectives of the sweeps.
fn objectives_ui(ui: &mut Ui, state: &AppState, form: &mut TaskForm) {
    let chosen = |sweep: &&std::sync::Arc<SweepState>| form.sweeps.contains(&sweep.id);
    let mut names: Vec<String> = Vec::new();
    for sweep in state.study.sweeps.iter().filter(chosen) {
        for objective in &sweep.info.objectives {
            if !names.contains(&objective.name) {
                names.push(objective.name.clone());
            }
        }
    }
    line(ui, "Judged by", |ui| {
        ui.horizontal_wrapped(|ui| {
            for name in &names {
                let mut on = form.design.objectives.contains(name);
                if ui.checkbox(&mut on, name).changed() {
                    // In the order of the sweep.
                    let known = form.design.objectives.clone();
                    let keeps = |other: &&String| {
                        (**other == *name && on) || (**other != *name && known.contains(*other))
                    };
                    form.design.objectives = names.iter().filter(keeps).cloned().collect();
                }
            }
        });
    });
}

fn numbers_ui(ui: &mut Ui, design: &mut Design) {
    line(ui, "Items", |ui| {
        ui.horizontal_wrapped(|ui| {
            let check = |text: &str| whole(text, 1, MOST.0);
            number(ui, "Number of items", &mut design.items, &check);
            ui.label(weak(ui, "shared by"));
            let check = |text: &str| whole(text, 1, MOST.1);
            number(ui, "Number of people", &mut design.annotators, &check);
            ui.label(weak(ui, "people; seen by two"));
            let check = |text: &str| real(text, 0.2, 1.0, true);
            number(ui, "Share that two see", &mut design.overlap, &check);
        });
    });
    line(ui, "Checks", |ui| {
        ui.horizontal_wrapped(|ui| {
            let check = |text: &str| real(text, 0.0, 0.5, true);
            number(ui, "Share of checks", &mut design.gold, &check);
            ui.label(weak(ui, "known answers; seen twice"));
            number(ui, "Share seen twice", &mut design.repeats, &check);
            ui.label(weak(ui, "seed"));
            number(ui, "Seed of the task", &mut design.seed, &seed);
        });
    });
    line(ui, "Prompts", |ui| {
        let response = ComboBox::from_id_salt("task split")
            .selected_text(split_words(design.split))
            .show_ui(ui, |ui| {
                for split in PARTS {
                    ui.selectable_value(&mut design.split, split, split_words(split));
                }
            });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| {
                node.set_label("Prompts that are asked about");
            });
    });
}

fn number<T: std::fmt::Display>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    check: &dyn Fn(&str) -> Result<T, String>,
) {
    let id = Id::unique(("task", name));
    if let Some(new) = checked_field(ui, id, name, value.to_string(), NUMBER, check) {
        *value = new;
    }
}

/// What votes would show.
fn power_ui(ui: &mut Ui, design: &Design) {
    if design.question != Question::Pair {
        return;
    }
    let needed = |rate: f64| {
        let votes = required_votes(rate).map_or(0, |n| n as usize);
        format!("win rate {rate:.2} needs {} decisive votes", count(votes))
    };
    let words = format!(
        "Power: {}, {} (80 %, level 5 %), by each objective and between two",
        needed(0.6),
        needed(0.55)
    );
    ui.label(weak(ui, words));
}

/// What the form would ask of people.
fn preview_ui(ui: &mut Ui, state: &AppState) {
    let annotate = &state.annotate;
    group_title(
        ui,
        "What will be asked",
        "Drawn from the study as it is now",
    );
    match annotate.previewed() {
        None if annotate.form.sweeps.is_empty() => {
            ui.label(weak(ui, "Tick a sweep."));
        }
        None => {
            ui.label(weak(ui, "Counting\u{2026}"));
        }
        Some(Err(trouble)) => {
            let fine = "Nothing is written.";
            trouble_ui(ui, "this cannot be asked", trouble, fine, |_| {});
        }
        Some(Ok(found)) => {
            for words in preview_words(found) {
                ui.label(words);
            }
            if found.told > 0 {
                let words = format!(
                    "Note: {} have a text that names an expert, an adapter or an objective, which may give it away",
                    counted(found.told, "item")
                );
                ui.label(RichText::new(words).color(Tokens::of(ui).warn));
            }
        }
    }
}

fn preview_words(found: &TaskPreview) -> Vec<String> {
    let looks: Vec<String> = found.looks.iter().map(|looks| count(*looks)).collect();
    let people = if let [only] = &looks[..] {
        format!("one person sees {only}, second looks among them")
    } else {
        format!("people see {}, second looks among them", looks.join(", "))
    };
    vec![
        format!(
            "{} and {}; {people}",
            counted(found.items, "item"),
            counted(found.checks, "check")
        ),
        format!(
            "Left out: {} with identical texts, {} with an answer missing",
            counted(found.identical, "comparison"),
            count(found.missing)
        ),
    ]
}

/// The button that makes it, and what became of the last one.
fn build_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let build = AppCommand::Annotate(Annotation::Build);
    let reason = registry::why_not(&build, state);
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        let words = if state.annotate.form.file.is_some() {
            "Take them in"
        } else {
            "Make the task"
        };
        primary_button(ui, state, queue, build, words);
        if let Some(reason) = reason {
            ui.label(weak(ui, format!("Not yet: {reason}")));
        }
    });
    match &state.annotate.built {
        None => {}
        Some(Ok(words)) => {
            let response = ui.label(words);
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_live(egui::accesskit::Live::Polite);
            });
        }
        Some(Err(trouble)) => {
            let fine = "The study is as it was.";
            trouble_ui(ui, "no task was made", trouble, fine, |_| {});
        }
    }
}

fn text_ui(ui: &mut Ui, name: &str, hint: &str, rows: usize, text: &mut String) {
    let edit = if rows > 1 {
        TextEdit::multiline(text).desired_rows(rows)
    } else {
        TextEdit::singleline(text)
    };
    let response = ui.add(edit.hint_text(hint).desired_width(f32::INFINITY));
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label(name.to_owned()));
}
