//! The sweeps of a study: which are drawn, on which prompts, from which reference.

use std::time::{Duration, SystemTime};

use egui::{Checkbox, ComboBox, Id, RichText, Ui};
use paretoscope_core::study::{Makers, SweepState as StudySweep};

use crate::command::{AppCommand, CommandQueue};
use crate::plot::{PARTS, split_words};
use crate::registry;
use crate::state::AppState;
use crate::theme::Tokens;
use crate::widgets::format::{count, counted, duration, method, span};
use crate::widgets::number::checked_field;
use crate::widgets::{command_button, group_title};

/// All sweeps, the newest first.
pub(super) fn sweeps_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let hint = "Those that are ticked are drawn together: a colour per method, a shape per bundle; more \
                methods than colours have other shapes, and dashes";
    group_title(ui, "Sweeps", hint);
    let weak = Tokens::of(ui).weak;
    if state.study.sweeps.is_empty() {
        ui.label(RichText::new("None yet.").color(weak).size(13.0));
    }
    for sweep in state.study.sweeps.iter().rev() {
        ui.push_id(sweep.id, |ui| sweep_ui(ui, state, sweep, queue));
    }
    ui.add_space(4.0);
    split_ui(ui, state, queue);
    reference_ui(ui, state, queue);
}

fn sweep_ui(ui: &mut Ui, state: &AppState, sweep: &StudySweep, queue: &mut CommandQueue) {
    let weak = Tokens::of(ui).weak;
    let mut ticked = sweep.done > 0 && state.study.is_ticked(sweep.id);
    let name = format!("{} ({})", sweep.name, sweep.id);
    let tick = ui.add_enabled(sweep.done > 0, Checkbox::new(&mut ticked, name));
    let tick = tick.on_disabled_hover_text("Off: it has no answer yet");
    if tick.changed() {
        queue.push(AppCommand::TickSweep(sweep.id, ticked));
    }
    ui.indent("about", |ui| {
        let words = RichText::new(about(sweep)).color(weak).size(13.0);
        ui.add(egui::Label::new(words).wrap());
        if let Some(words) = time_words(state, sweep.id) {
            let words = RichText::new(words).color(weak).size(13.0);
            let label = ui.add(egui::Label::new(words).wrap());
            ui.ctx()
                .accesskit_node_builder(label.id, |node| node.set_description(MEASURED));
            label.on_hover_text(MEASURED);
        }
        let live = state.sweep.is_active()
            && state
                .sweep
                .plan
                .as_deref()
                .is_some_and(|p| *p == sweep.plan);
        let resume = AppCommand::ResumeSweep(sweep.id);
        if sweep.done < sweep.rows && !live && registry::why_not(&resume, state).is_none() {
            let words = format!("Go on from {}", counted(sweep.done, "answer"));
            command_button(ui, state, queue, resume, words);
        }
    });
}

/// What is said of a time per token.
pub(in crate::view) const MEASURED: &str = "From one token to the next, the median over rows, as stored with them: measured on \
    the machine that made them, in batches. How many rows ran together, and what else that machine did, is in it";

/// How long a token took, and how many times as long as in the sweep that others are measured against.
fn time_words(state: &AppState, sweep: i64) -> Option<String> {
    let time = state.study.token_time(sweep)?;
    let seconds = span(time.pace.seconds);
    let against = time.against;
    Some(if against.id == sweep {
        format!("{seconds} per token; other sweeps are measured against it")
    } else {
        let (name, id) = (&against.name, against.id);
        format!(
            "{seconds} per token, {:.2} \u{d7} that of {name} ({id})",
            time.times
        )
    })
}

/// Method, bundle, size, when, how far.
fn about(sweep: &StudySweep) -> String {
    let since = u64::try_from(sweep.created).unwrap_or(0);
    let begun = SystemTime::UNIX_EPOCH + Duration::from_millis(since);
    let ago = begun.elapsed().map_or(0.0, |ago| ago.as_secs_f64());
    let prompts = sweep.plan.prompts.len().max(1);
    let points = sweep.rows / prompts;
    let done = if sweep.done == sweep.rows {
        "finished".to_owned()
    } else {
        let others = match sweep.makers {
            Makers::Elsewhere => ", another program makes more",
            Makers::Here | Makers::Nobody => "",
        };
        format!(
            "{} of {} rows{others}",
            count(sweep.done),
            count(sweep.rows)
        )
    };
    format!(
        "{} \u{b7} {} \u{b7} {} \u{d7} {} \u{b7} {} ago \u{b7} {done}",
        method(&sweep.method),
        sweep.info.name,
        counted(points, "point"),
        counted(prompts, "prompt"),
        duration(ago),
    )
}

fn split_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let now = state.study.split;
    let response = ComboBox::from_id_salt("split")
        .selected_text(split_words(now))
        .show_ui(ui, |ui| {
            for split in PARTS {
                if ui
                    .selectable_label(split == now, split_words(split))
                    .clicked()
                {
                    queue.push(AppCommand::SetSplit(split));
                }
            }
        })
        .response;
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label("Prompts that count");
    });
}

/// The reference of hypervolumes, a number per objective, and whether it is measured or a person's own.
fn reference_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some((names, numbers)) = state.study.measured_from() else {
        return;
    };
    let own = state.study.reference.is_some();
    let hint = if own {
        "Hypervolumes are measured from here, for all sweeps alike. It was typed, and stays until it is measured again"
    } else {
        "Hypervolumes are measured from here, for all sweeps alike: a tenth of the range below the worst point of those \
         that are drawn. A number that is typed freezes it"
    };
    group_title(ui, "Reference", hint);
    let weak = Tokens::of(ui).weak;
    ui.horizontal_wrapped(|ui| {
        for (axis, (name, number)) in names.iter().zip(&numbers).enumerate() {
            ui.vertical(|ui| {
                ui.label(RichText::new(name).color(weak).size(13.0));
                let id = Id::unique(("reference", axis));
                let spoken = format!("Reference on {name}");
                let value = format!("{number:.4}");
                if let Some(value) = checked_field(ui, id, &spoken, value, 76.0, number_of) {
                    queue.push(AppCommand::SetReference(axis, value));
                }
            });
        }
    });
    let words = if own {
        "Frozen where it was typed"
    } else {
        "Measured over what is drawn"
    };
    ui.label(RichText::new(words).color(weak).size(13.0));
    command_button(ui, state, queue, AppCommand::FreeReference, "Measure again");
}

fn number_of(text: &str) -> Result<f64, String> {
    match text.replace('\u{2212}', "-").parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("`{text}` is not a number")),
    }
}
