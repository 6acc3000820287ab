//! Which task, where the judge is, what it may cost, what it is told.

use egui::{CollapsingHeader, ComboBox, Id, RichText, TextEdit, Ui};
use paretoscope_core::types::JUDGE_INSTRUCTIONS;

use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, JudgeForm, is_judged};
use crate::view::annotate::{line, weak};
use crate::widgets::number::{checked_field, real, whole};
use crate::widgets::{Refused, text_field};

/// Width of a number's field.
const NUMBER: f32 = 74.0;
/// The largest price, budget and rate.
const DEAREST: f64 = 1e6;
/// Most items, and most new tokens of a reply.
const MOST: (usize, usize) = (100_000, 8192);

/// The form.
pub(super) fn form_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let mut form = state.prefs.judge.clone();
    ui.add_enabled_ui(state.judge.active().is_none(), |ui| {
        let words = "A model votes as one more annotator. It is asked about each item in both orders; where they disagree, \
                     it is a tie.";
        ui.label(weak(ui, words));
        task_ui(ui, state, &mut form);
        ui.add_space(6.0);
        ui.label(RichText::new("Where it is").strong());
        where_ui(ui, &mut form);
        ui.add_space(6.0);
        ui.label(RichText::new("What it may cost").strong());
        cost_ui(ui, &mut form);
        ui.add_space(6.0);
        CollapsingHeader::new("What it is told, and how often").show(ui, |ui| {
            told_ui(ui, &mut form);
        });
    });
    if form != state.prefs.judge {
        queue.push(AppCommand::SetJudge(Box::new(form)));
    }
}

fn task_ui(ui: &mut Ui, state: &AppState, form: &mut JudgeForm) {
    let list = state.annotate.list.as_ref();
    let tasks = || list.into_iter().flat_map(|list| &list.tasks);
    line(ui, "Task", |ui| {
        let response = ComboBox::from_id_salt("judged task")
            .selected_text(form.task.as_str())
            .show_ui(ui, |ui| {
                for task in tasks().filter(|task| is_judged(task)) {
                    ui.selectable_value(&mut form.task, task.name.clone(), &task.name);
                }
            });
        let id = response.response.id;
        ui.ctx()
            .accesskit_node_builder(id, |node| node.set_label("Task that is judged"));
    });
    let Some(task) = tasks().find(|task| task.name == form.task) else {
        return;
    };
    line(ui, "Judged by", |ui| {
        ui.horizontal_wrapped(|ui| {
            let has = |form: &JudgeForm, name: &String| {
                form.objectives.is_empty() || form.objectives.contains(name)
            };
            for objective in &task.objectives {
                let mut on = has(form, objective);
                if !ui.checkbox(&mut on, objective).changed() {
                    continue;
                }
                let keeps = |name: &&String| {
                    if *name == objective {
                        on
                    } else {
                        has(form, name)
                    }
                };
                let mut chosen: Vec<String> =
                    task.objectives.iter().filter(keeps).cloned().collect();
                // By nothing it cannot judge.
                if chosen.is_empty() {
                    continue;
                }
                if chosen.len() == task.objectives.len() {
                    chosen.clear();
                }
                form.objectives = chosen;
            }
        });
    });
    line(ui, "Items at most", |ui| {
        let check = |text: &str| optional(text, |text| whole(text, 1, MOST.0));
        number(ui, "Items at most", "all", form.items, check, |to| {
            form.items = to;
        });
    });
}

/// Nothing, or what a rule takes.
fn optional<T>(
    text: &str,
    rule: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        rule(text).map(Some)
    }
}

/// A number that may be left out; `none` says what that means.
fn number<T: std::fmt::Display>(
    ui: &mut Ui,
    name: &str,
    none: &str,
    value: Option<T>,
    check: impl FnOnce(&str) -> Result<Option<T>, String>,
    take: impl FnOnce(Option<T>),
) {
    ui.horizontal_wrapped(|ui| {
        let is_none = value.is_none();
        let words = value.map_or_else(String::new, |value| value.to_string());
        let id = Id::unique(("judge", name));
        if let Some(taken) = checked_field(ui, id, name, words, NUMBER, check) {
            take(taken);
        }
        if is_none {
            ui.label(weak(ui, none));
        }
    });
}

fn where_ui(ui: &mut Ui, form: &mut JudgeForm) {
    line(ui, "Address", |ui| {
        let hint = "http://127.0.0.1:8000/v1";
        let field = (Id::unique("judge address"), "Address of the judge", hint);
        let known = form.endpoint.as_str();
        if let Some(words) = text_field(ui, field, known, Refused::Stays, JudgeForm::address) {
            form.endpoint = words;
        }
    });
    line(ui, "Model", |ui| {
        let hint = "its name at this address";
        let field = (Id::unique("judge model"), "Model of the judge", hint);
        let known = form.model.as_str();
        let any = |words: &str| Ok(words.trim().to_owned());
        if let Some(words) = text_field(ui, field, known, Refused::Stays, any) {
            form.model = words;
        }
    });
    line(ui, "Key's variable", |ui| {
        let hint = "OPENAI_API_KEY";
        let name = "Environment variable that holds the key";
        let field = (Id::unique("judge key"), name, hint);
        let known = form.key_env.as_str();
        if let Some(words) = text_field(ui, field, known, Refused::Goes, JudgeForm::variable) {
            form.key_env = words;
        }
        let words = "Empty where none is needed. The key is read from this environment variable; it is neither shown nor \
                     stored.";
        ui.add(egui::Label::new(weak(ui, words)).wrap());
    });
}

fn cost_ui(ui: &mut Ui, form: &mut JudgeForm) {
    let price = |text: &str| real(text, 0.0, DEAREST, true);
    for (label, name, value) in [
        (
            "Sent",
            "Price of a million tokens that are sent",
            &mut form.price_in,
        ),
        (
            "Returned",
            "Price of a million tokens that come back",
            &mut form.price_out,
        ),
    ] {
        line(ui, label, |ui| {
            ui.horizontal_wrapped(|ui| {
                let id = Id::unique(("judge", name));
                let taken = checked_field(ui, id, name, value.to_string(), NUMBER, price);
                *value = taken.unwrap_or(*value);
                ui.label(weak(ui, "a million tokens"));
            });
        });
    }
    line(ui, "Budget", |ui| {
        let check = |text: &str| optional(text, |text| real(text, 0.0, DEAREST, false));
        let name = "Budget of the judge";
        number(ui, name, "no limit", form.budget, check, |to| {
            form.budget = to;
        });
    });
}

fn told_ui(ui: &mut Ui, form: &mut JudgeForm) {
    let told = TextEdit::multiline(&mut form.instructions)
        .desired_rows(8)
        .desired_width(f32::INFINITY);
    let response = ui.add(told);
    ui.ctx()
        .accesskit_node_builder(response.id, |node| node.set_label("What the judge is told"));
    if form.instructions != JUDGE_INSTRUCTIONS && ui.button("As usual").clicked() {
        JUDGE_INSTRUCTIONS.clone_into(&mut form.instructions);
    }
    ui.label(weak(ui, "Told otherwise, it is another judge."));
    let field = |ui: &mut Ui, label: &str, name: &str, value: &mut f64, least: f64, most: f64| {
        line(ui, label, |ui| {
            let id = Id::unique(("judge", name));
            let check = |text: &str| real(text, least, most, true);
            let taken = checked_field(ui, id, name, value.to_string(), NUMBER, check);
            *value = taken.unwrap_or(*value);
        });
    };
    let name = "Temperature of the judge";
    field(ui, "Temperature", name, &mut form.temperature, 0.0, 2.0);
    let name = "Seconds that a request may take";
    field(
        ui,
        "Seconds a request",
        name,
        &mut form.timeout,
        1.0,
        3600.0,
    );
    let count = |ui: &mut Ui, label: &str, name: &str, value: &mut usize, most: usize| {
        line(ui, label, |ui| {
            let id = Id::unique(("judge", name));
            let check = |text: &str| whole(text, 1, most);
            let taken = checked_field(ui, id, name, value.to_string(), NUMBER, check);
            *value = taken.unwrap_or(*value);
        });
    };
    let name = "New tokens of a reply at most";
    count(ui, "Tokens a reply", name, &mut form.max_tokens, MOST.1);
    count(
        ui,
        "Tries",
        "How often one question is asked",
        &mut form.tries,
        100,
    );
    line(ui, "A minute at most", |ui| {
        let check = |text: &str| optional(text, |text| real(text, 0.0, DEAREST, false));
        let name = "Requests a minute at most";
        number(ui, name, "no limit", form.per_minute, check, |to| {
            form.per_minute = to;
        });
    });
}
