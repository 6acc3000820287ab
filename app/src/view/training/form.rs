//! What to make, from what, and how.

use std::path::PathBuf;

use egui::{ComboBox, Id, RichText, Ui};
use paretoscope_core::types::{
    BundleInfo, DpoConfig, ExpertKind, PenaltyKind, Scalarisation, Strength, TrainMethod, TrainTask,
};

use super::numbers::{common_numbers_ui, line, number, own_numbers_ui, text_field};
use super::others::{aspects_ui, margins_ui, sets_ui};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, TrainField, TrainForm, TrainPhase};
use crate::theme::Tokens;
use crate::view::annotate::weak;
use crate::widgets::number::real;
use crate::widgets::{command_button, path_field, primary_button};

/// The form.
pub(super) fn form_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(info) = state.info() else {
        let words = "Open a bundle to train something new; runs that were begun can go on.";
        ui.label(weak(ui, words));
        return;
    };
    let mut form = state.training.form.clone();
    let problems = form.problems(info, &state.training.runs);
    let problem = |ui: &mut Ui, field: TrainField| {
        let mut open = problems.iter().filter(|(at, _)| *at == field).peekable();
        if open.peek().is_none() && field != TrainField::Bundle {
            // Nothing below moves when the line comes or goes.
            ui.add_space(ui.text_style_height(&egui::TextStyle::Body));
        }
        for (_, words) in open {
            let text = format!("To do: {words}");
            ui.label(RichText::new(text).color(Tokens::of(ui).warn).size(13.0));
        }
    };
    ui.label(RichText::new("Make something new").strong());
    kinds_ui(ui, &mut form);
    form.follow(&state.training.form);
    ui.label(weak(ui, form.kind.words()));
    problem(ui, TrainField::Bundle);
    ui.add_space(4.0);
    text_field(ui, "Name", "Name of the result", &mut form.name);
    problem(ui, TrainField::Name);
    if let TrainTask::Parm(job) = &mut form.task {
        sets_ui(ui, info, &mut job.data);
        ui.label(weak(ui, form.kind.data_words()));
    } else if let TrainTask::MetaAligner(job) = &mut form.task {
        aspects_ui(ui, info, &mut job.data);
        ui.label(weak(ui, form.kind.data_words()));
    } else {
        data_ui(ui, state, queue, &mut form);
    }
    problem(ui, TrainField::Data);
    match form.kind {
        TrainMethod::Reward => objective_ui(ui, info, &mut form),
        TrainMethod::Value => {
            if let TrainTask::Dpo(job) = &mut form.task {
                against_ui(ui, state, info, &mut job.config);
            }
            problem(ui, TrainField::Against);
        }
        TrainMethod::Router => {
            place_ui(ui, info, &mut form, "stands at");
            if let TrainTask::Router(job) = &mut form.task {
                scalarise_ui(ui, &mut job.config.scalarise.form);
            }
        }
        TrainMethod::Ppo => {
            place_ui(ui, info, &mut form, "weight of");
            becomes_ui(ui, info, &mut form);
        }
        TrainMethod::Dpo | TrainMethod::Sft => becomes_ui(ui, info, &mut form),
        TrainMethod::Modpo => {
            if let TrainTask::Modpo(job) = &mut form.task {
                margins_ui(ui, &earlier(state, info), &mut job.config);
            }
            problem(ui, TrainField::Against);
            becomes_ui(ui, info, &mut form);
        }
        TrainMethod::Arm
        | TrainMethod::Ric
        | TrainMethod::Parm
        | TrainMethod::Loramoe
        | TrainMethod::Aligner
        | TrainMethod::MetaAligner => {}
    }
    problem(ui, TrainField::Place);
    ui.add_space(4.0);
    own_numbers_ui(ui, &mut form);
    common_numbers_ui(ui, &mut form);
    if form != state.training.form {
        queue.push(AppCommand::SetTraining(Box::new(form)));
    }
}

/// The button that starts it, and why it is off.
pub(super) fn start_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.info().is_none() {
        return;
    }
    ui.horizontal(|ui| {
        let start = AppCommand::StartTraining;
        let reason = crate::registry::why_not(&start, state);
        primary_button(ui, state, queue, start, "Start training");
        if let Some(reason) = reason {
            let words = format!("Not yet: {reason}");
            ui.add(egui::Label::new(weak(ui, &words)).truncate())
                .on_hover_text(words);
        }
    });
}

fn kinds_ui(ui: &mut Ui, form: &mut TrainForm) {
    ui.horizontal_wrapped(|ui| {
        for kind in TrainMethod::ALL {
            ui.selectable_value(&mut form.kind, kind, kind.title())
                .on_hover_text(kind.words());
        }
    });
}

fn data_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, form: &mut TrainForm) {
    line(ui, "Examples", |ui| {
        let hint = "path of a .jsonl, or drop it here";
        let id = Id::unique("examples-path");
        if let Some(path) = path_field(ui, id, "File of examples", hint, &form.data) {
            form.data = path;
        }
    });
    line(ui, "", |ui| {
        let choose = AppCommand::ChooseExamples;
        command_button(ui, state, queue, choose, "Choose a file\u{2026}");
    });
    ui.label(weak(ui, form.kind.data_words()));
}

fn objective_ui(ui: &mut Ui, info: &BundleInfo, form: &mut TrainForm) {
    let name = |index: usize| info.objectives.get(index).map_or("?", |o| o.name.as_str());
    line(ui, "Scores", |ui| {
        let combo = ComboBox::from_id_salt("objective").selected_text(name(form.objective));
        let response = combo.show_ui(ui, |ui| {
            for index in 0..info.objectives.len() {
                ui.selectable_value(&mut form.objective, index, name(index));
            }
        });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| node.set_label("Objective"));
    });
}

/// The earlier vectors and what keeps the new one apart from them.
fn against_ui(ui: &mut Ui, state: &AppState, info: &BundleInfo, config: &mut DpoConfig) {
    line(ui, "Apart from", |ui| {
        for (name, path) in earlier(state, info) {
            let mut on = config.against.contains(&path);
            let response = ui.checkbox(&mut on, name);
            if response.on_hover_text(path.display().to_string()).changed() {
                config.against.retain(|known| *known != path);
                if on {
                    config.against.push(path);
                }
            }
        }
    });
    line(ui, "By", |ui| {
        let combo = ComboBox::from_id_salt("penalty")
            .width(170.0)
            .selected_text(penalty_title(config.penalty.kind));
        let response = combo.show_ui(ui, |ui| {
            for penalty in PenaltyKind::ALL {
                ui.selectable_value(&mut config.penalty.kind, penalty, penalty_title(penalty))
                    .on_hover_text(penalty.words());
            }
        });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| node.set_label("Penalty"));
        response.response.on_hover_text(config.penalty.kind.words());
    });
    if config.penalty.kind != PenaltyKind::None {
        strength_ui(ui, &mut config.penalty.alpha);
    }
}

/// A number, or a ratio of gradients.
fn strength_ui(ui: &mut Ui, strength: &mut Strength) {
    let mut chosen = matches!(strength, Strength::Ratio { .. });
    line(ui, "Strength by", |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut chosen, true, "ratio of gradients")
                .on_hover_text("Alpha follows from running means, so that the penalty pulls as hard beside the loss in every step; the curves show it");
            ui.selectable_value(&mut chosen, false, "alpha")
                .on_hover_text("One number for all steps, which cannot be compared between penalties");
        });
    });
    let free = |text: &str| real(text, 0.0, 1e6, true);
    let mut value = strength.number();
    if chosen {
        let hint = "The penalty's gradient beside the loss's; 0.3 is usual";
        number(ui, "Ratio", ("ratio", 0), &mut value, &free, hint);
    } else {
        let hint = "The penalty's weight beside the loss";
        number(ui, "Alpha", ("alpha", 0), &mut value, &free, hint);
    }
    *strength = if chosen {
        Strength::Ratio { ratio: value }
    } else {
        Strength::Alpha(value)
    };
}

/// Adapters that a new one can be held apart from: the bundle's, then what was trained here.
fn earlier(state: &AppState, info: &BundleInfo) -> Vec<(String, PathBuf)> {
    let loras = info.experts.iter().zip(&info.expert_files);
    let loras = loras.filter(|(expert, _)| expert.kind == ExpertKind::Lora);
    let own = info.values.iter().filter(|_| !info.values_are_experts);
    // Both kinds may have the same names.
    let own = own.map(|file| ("value vector", file));
    let loras = loras.map(|(_, file)| ("expert", file));
    let mut found: Vec<(String, PathBuf)> = own
        .chain(loras)
        .map(|(kind, file)| (format!("{} ({kind})", file.name), file.path.clone()))
        .collect();
    let done = state.training.runs.iter().filter(|run| {
        let adapter = matches!(
            run.plan.task,
            TrainTask::Sft(_) | TrainTask::Dpo(_) | TrainTask::Ppo(_) | TrainTask::Modpo(_)
        );
        adapter && run.phase == TrainPhase::Done && run.plan.bundle() == Some(&info.path)
    });
    found.extend(done.map(|run| {
        let name = format!("{} (trained here)", run.plan.name());
        (name, run.plan.out.clone())
    }));
    let mut seen = Vec::new();
    found.retain(|(_, path)| {
        let new = !seen.contains(path);
        seen.push(path.clone());
        new
    });
    found
}

const fn penalty_title(penalty: PenaltyKind) -> &'static str {
    match penalty {
        PenaltyKind::None => "nothing",
        PenaltyKind::HsicReleased => "HSIC as released",
        PenaltyKind::HsicRows => "HSIC of rows",
        PenaltyKind::HsicNormalised => "HSIC, normalised",
        PenaltyKind::HsicUnbiased => "HSIC, unbiased",
        PenaltyKind::OrthogonalOlora => "orthogonal (O-LoRA)",
        PenaltyKind::OrthogonalCosine => "orthogonal (cosine)",
        PenaltyKind::WeightDecay => "weight decay",
    }
}

/// Value vector, or expert at a place.
fn becomes_ui(ui: &mut Ui, info: &BundleInfo, form: &mut TrainForm) {
    line(ui, "Becomes", |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut form.value, true, "Value vector")
                .on_hover_text("Weighed freely in Extrapolate");
            ui.selectable_value(&mut form.value, false, "LoRA expert")
                .on_hover_text("Stands on the simplex, where Interpolate mixes it in");
        });
    });
    if !form.value && form.kind != TrainMethod::Ppo {
        place_ui(ui, info, form, "stands at");
    }
}

fn place_ui(ui: &mut Ui, info: &BundleInfo, form: &mut TrainForm, what: &str) {
    for (index, objective) in info.objectives.iter().enumerate() {
        let Some(share) = form.preference.get_mut(index) else {
            continue;
        };
        let label = format!("{what} {}", objective.name);
        number(
            ui,
            &label,
            ("place", index),
            share,
            &|text| real(text, 0.0, 1e6, true),
            "Shares of any sum; they are divided by it",
        );
    }
}

/// How objectives become one.
fn scalarise_ui(ui: &mut Ui, chosen: &mut Scalarisation) {
    line(ui, "Objectives by", |ui| {
        let combo = ComboBox::from_id_salt("scalarise")
            .width(170.0)
            .selected_text(scalarise_title(*chosen));
        let response = combo.show_ui(ui, |ui| {
            for choice in Scalarisation::ALL {
                ui.selectable_value(chosen, choice, scalarise_title(choice))
                    .on_hover_text(choice.words());
            }
        });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| node.set_label("Scalarisation"));
        response.response.on_hover_text(chosen.words());
    });
}

const fn scalarise_title(form: Scalarisation) -> &'static str {
    match form {
        Scalarisation::Linear => "fixed weights",
        Scalarisation::Tch => "Tchebycheff",
        Scalarisation::OmdTch => "Tchebycheff, mirror descent",
        Scalarisation::Stch => "smooth Tchebycheff",
        Scalarisation::OmdStch => "smooth, mirror descent",
    }
}
