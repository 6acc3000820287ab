//! Sweep control: what to visit, what it costs, how far it is.

use std::path::{Path, PathBuf};

use egui::{ComboBox, Id, ProgressBar, RichText, Ui};
use paretoscope_core::protocol::{SweepPhase, SweepPlan, SweepProgress};
use paretoscope_core::study::Makers;
use paretoscope_core::types::Split;

use super::{method, sweep_points};
use crate::command::{AppCommand, CommandQueue};
use crate::state::{AppState, Overlay, Panel, PromptSource, SweepForm, SweepMode};
use crate::theme::Tokens;
use crate::widgets::format::{count, counted, duration};
use crate::widgets::number::{checked_field, real, whole};
use crate::widgets::{command_button, path_field, section, trouble_ui};

/// Steps from corner to corner at most.
const FINEST: usize = 100;

/// The panel.
pub(super) fn sweep_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    if state.info().is_some_and(|info| info.is_bare()) {
        section(ui, "Sweep", |_| {});
        return cost_ui(ui, state);
    }
    let top = ui.cursor().min;
    section(ui, "Sweep", |ui| modes_ui(ui, state, queue));
    if state.overlay.focus == Some(Panel::Sweep) {
        // Who asks for the form sees it, however low the window.
        let head = egui::Rect::from_min_max(top, ui.min_rect().max);
        ui.scroll_to_rect(head, Some(egui::Align::Min));
        queue.push(AppCommand::FocusTaken);
    }
    let active = state.sweep.is_active();
    ui.add_enabled_ui(!active, |ui| {
        if state.prefs.sweep.mode == SweepMode::Points {
            sweep_points::points_ui(ui, state, queue);
        }
        form_ui(ui, state, queue);
        method::ticks_ui(ui, state, queue);
    });
    if !active {
        ui.horizontal(|ui| source_ui(ui, state, queue));
    }
    if let Some(words) = face_words(state) {
        ui.label(RichText::new(words).color(Tokens::of(ui).weak).size(13.0));
    }
    ui.add_enabled_ui(!active, |ui| paths_ui(ui, state, queue));
    if let Some(words) = unplaced(state) {
        ui.label(RichText::new(words).color(Tokens::of(ui).warn).size(13.0));
    }
    if state.mute_words().is_some() {
        let words = "A sweep hears every expert: what is muted or soloed counts for answers alone.";
        ui.label(RichText::new(words).color(Tokens::of(ui).warn).size(13.0));
    }
    match &state.sweep.progress {
        Some(progress) if active => {
            batch_ui(ui, state);
            progress_ui(ui, progress);
        }
        None if active => {
            batch_ui(ui, state);
            ui.label(RichText::new("Preparing\u{2026}").color(Tokens::of(ui).weak));
        }
        progress => {
            cost_ui(ui, state);
            held_ui(ui, state);
            if let Some(progress) = progress {
                progress_ui(ui, progress);
            }
        }
    }
    unfinished_ui(ui, state, queue);
    shelved_ui(ui, state, queue);
    if let Some(trouble) = &state.sweep.trouble {
        let fine = "Finished rows are stored; the same sweep goes on where it stopped.";
        trouble_ui(ui, "the sweep stopped", trouble, fine, |_| {});
    }
}

/// Height of the row that starts and stops it.
pub(super) const RUN: f32 = 40.0;

/// What starts and stops it, and its size or how far it is: always in sight, below the form that scrolls.
pub(super) fn run_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let active = state.sweep.is_active();
    ui.horizontal(|ui| {
        if active {
            let paused = state.sweep.phase() == Some(SweepPhase::Paused);
            let words = if paused { "Resume" } else { "Pause" };
            command_button(ui, state, queue, AppCommand::TogglePause, words);
            command_button(ui, state, queue, AppCommand::CancelSweep, "Cancel");
        } else {
            command_button(ui, state, queue, AppCommand::StartSweep, start_words(state));
        }
        let words = match (&state.sweep.progress, &state.sweep.cost) {
            (Some(progress), _) if active => format!(
                "{}{} of {}",
                batch_words(state).map_or_else(String::new, |words| words + " \u{b7} "),
                count(progress.points_done),
                counted(progress.points, "point")
            ),
            (None, _) if active => "Preparing\u{2026}".to_owned(),
            (_, Some(Ok(cost))) => counted(cost.rows(), "answer"),
            _ => String::new(),
        };
        let words = RichText::new(words).color(Tokens::of(ui).weak).size(13.0);
        ui.add(egui::Label::new(words).truncate());
    });
}

/// Which of several sweeps is under way, by its method.
fn batch_words(state: &AppState) -> Option<String> {
    let sweep = &state.sweep;
    let plan = sweep.plan.as_ref().filter(|_| sweep.batch > 1)?;
    let place = sweep.batch.saturating_sub(sweep.queue.len());
    Some(format!(
        "Sweep {place} of {}: {}",
        sweep.batch,
        plan.method().words()
    ))
}

fn batch_ui(ui: &mut Ui, state: &AppState) {
    if let Some(words) = batch_words(state) {
        ui.label(RichText::new(words).size(13.0));
    }
}

/// A sweep of the study that was stopped or killed, where the form does not ask for it already.
fn unfinished_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(sweep) = state.info().and_then(|info| state.study.unfinished(info)) else {
        return;
    };
    let is_shown = |plan: &Option<std::sync::Arc<SweepPlan>>| {
        plan.as_deref().is_some_and(|plan| *plan == sweep.plan)
    };
    if state.sweep.is_active() || is_shown(&state.sweep.held_plan) || is_shown(&state.sweep.plan) {
        return;
    }
    let (done, rows) = (count(sweep.done), counted(sweep.rows, "row"));
    let (words, button) = match sweep.makers {
        Makers::Elsewhere => (
            format!(
                "{} is being made by another program: {done} of {rows} so far.",
                sweep.name
            ),
            "Make rows of it here, too",
        ),
        Makers::Here | Makers::Nobody => (
            format!("{} stopped at {done} of {rows}.", sweep.name),
            "Go on with it",
        ),
    };
    ui.label(RichText::new(words).color(Tokens::of(ui).accent).size(13.0));
    let resume = AppCommand::ResumeSweep(sweep.id);
    command_button(ui, state, queue, resume, button);
}

/// What becomes of the points in the plot, and the way back to those before.
fn shelved_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let weak = |words: String| RichText::new(words).color(Tokens::of(ui).weak).size(13.0);
    let sweep = &state.sweep;
    if !sweep.is_active() && !sweep.points.is_empty() {
        let points = counted(sweep.points.len(), "point");
        let words = if state.study.is_open() {
            format!(
                "Another sweep takes the place of the {points} in this plot. In the study all sweeps stand side by side."
            )
        } else {
            format!(
                "Another sweep takes the place of the {points} in the plot. They stay at hand and in the store."
            )
        };
        let label = weak(words);
        ui.label(label);
        if state.study.is_open() {
            let compare = AppCommand::Show(Overlay::Study);
            command_button(ui, state, queue, compare, "Compare\u{2026}");
        }
    }
    if let Some(shelved) = &sweep.shelved {
        let words = format!(
            "Show the sweep before ({})",
            counted(shelved.points.len(), "point")
        );
        command_button(ui, state, queue, AppCommand::SwapSweep, words);
    }
}

/// Which face of the simplex is visited, where there are more objectives than vary.
fn face_words(state: &AppState) -> Option<String> {
    let axes = &state.simplex.axes;
    let names = state.objective_names();
    if state.prefs.sweep.mode != SweepMode::Simplex || axes.len() == names.len() {
        return None;
    }
    let of = |varies: bool| -> String {
        let chosen = names.iter().enumerate();
        let chosen = chosen.filter(|(index, _)| axes.contains(index) == varies);
        chosen.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    };
    Some(format!(
        "Visits the face of {}; at 0 there: {}.",
        of(true),
        of(false)
    ))
}

/// Simplex or box.
fn modes_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sweep;
    let has_values = state.info().is_some_and(|b| !b.values.is_empty());
    let idle = !state.sweep.is_active();
    let off = "Off: a sweep is under way";
    let modes = [
        (
            SweepMode::Simplex,
            "Simplex",
            idle,
            "A grid of preferences \u{3bb}: shares that are multiples of 1/k",
            off,
        ),
        (
            SweepMode::Box,
            "Box",
            has_values && idle,
            "The box [0, C]: all combinations of weights \u{3c9} of value vectors, in steps of C/k (MVA)",
            "Off: a sweep is under way, or this bundle has no value vectors",
        ),
        (
            SweepMode::Points,
            "Points",
            idle,
            "A set with a name, typed points, or a file of them",
            off,
        ),
    ];
    for (mode, words, enabled, hint, why_not) in modes {
        let button = egui::Button::selectable(form.mode == mode, words);
        let response = ui.add_enabled(enabled, button).on_hover_text(hint);
        if response.on_disabled_hover_text(why_not).clicked() {
            queue.push(AppCommand::SetSweep(SweepForm {
                mode,
                ..form.clone()
            }));
        }
    }
}

fn form_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sweep;
    let mut set = |form: SweepForm| queue.push(AppCommand::SetSweep(form));
    let boxed = form.mode == SweepMode::Box;
    let weak = Tokens::of(ui).weak;
    let label = |ui: &mut Ui, words: &str, hint: &str| {
        ui.add(egui::Label::new(RichText::new(words).color(weak).size(13.0)).truncate())
            .on_hover_text(hint);
    };
    // Points one by one have no steps.
    let steps = usize::from(form.mode != SweepMode::Points);
    ui.columns(2 + steps + usize::from(boxed), |columns| {
        let width = columns[0].available_width() - 8.0;
        if steps == 1 {
            let ui = &mut columns[0];
            let hint = "Steps from corner to corner: 1/k on the simplex, C/k in the box";
            label(ui, "Steps k", hint);
            let value = form.k.to_string();
            let check = |t: &str| whole(t, 1, FINEST);
            let id = Id::unique("sweep-k");
            if let Some(k) = checked_field(ui, id, "Steps k", value, width, check) {
                set(SweepForm { k, ..form.clone() });
            }
        }
        let ui = &mut columns[steps];
        label(
            ui,
            "Prompts",
            "Prompts at most: every point answers each of them",
        );
        let (value, name) = (form.prompts.to_string(), "Prompts at most");
        let check = |t: &str| whole(t, 1, 10_000);
        if let Some(n) = checked_field(ui, Id::unique("sweep-n"), name, value, width, check) {
            set(SweepForm {
                prompts: n,
                ..form.clone()
            });
        }
        let ui = &mut columns[steps + 1];
        label(ui, "Tokens", "New tokens at most, per answer");
        let (value, name) = (
            form.max_tokens.to_string(),
            "New tokens at most, per answer",
        );
        let check = |t: &str| whole(t, 1, 4096);
        if let Some(n) = checked_field(ui, Id::unique("sweep-tokens"), name, value, width, check) {
            set(SweepForm {
                max_tokens: n,
                ..form.clone()
            });
        }
        if let Some(ui) = columns.get_mut(3) {
            label(
                ui,
                "Largest C",
                "The largest weight \u{3c9} of a value vector (MVA): published up to 1",
            );
            let (value, name) = (form.c.to_string(), "Largest weight C");
            let check = |t: &str| real(t, 0.0, 3.0, false);
            if let Some(c) = checked_field(ui, Id::unique("sweep-c"), name, value, width, check) {
                set(SweepForm { c, ..form.clone() });
            }
        }
    });
}

/// Where prompts and store are, as paths.
fn paths_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sweep;
    if let PromptSource::File(path) = &form.source {
        ui.horizontal(|ui| {
            command_button(
                ui,
                state,
                queue,
                AppCommand::ChoosePrompts,
                "Choose\u{2026}",
            );
            let hint = "path of a .jsonl, or drop it here";
            let id = Id::unique("prompts-path");
            if let Some(path) = path_field(ui, id, "Path of the prompts", hint, path) {
                queue.push(AppCommand::SetSweep(SweepForm {
                    source: PromptSource::File(path),
                    ..form.clone()
                }));
            }
        });
    }
    let own = form.store.is_some();
    egui::CollapsingHeader::new(RichText::new("Store").size(13.0))
        .id_salt("store")
        .default_open(own)
        .show(ui, |ui| {
            let hint = "the study";
            let path = form.store.as_deref().unwrap_or(Path::new(""));
            let id = Id::unique("store-path");
            if let Some(path) = path_field(ui, id, "Path of the store", hint, path) {
                queue.push(AppCommand::SetSweep(SweepForm {
                    store: (!path.as_os_str().is_empty()).then_some(path),
                    ..form.clone()
                }));
            }
        });
}

/// What starting the sweep would do.
pub(super) fn start_words(state: &AppState) -> &'static str {
    match state.sweep.held_and_hidden() {
        None => "Start sweep",
        Some(held) if held.rows_done == held.rows => "Show stored",
        Some(_) => "Resume sweep",
    }
}

/// What the store holds already of the sweep that the form asks for.
fn held_ui(ui: &mut Ui, state: &AppState) {
    let Some(held) = state.sweep.held_and_hidden() else {
        return;
    };
    let (done, all) = (count(held.points_done), counted(held.points, "point"));
    let words = match held.rows_done {
        n if n == held.rows => format!("{done} of {all} are stored: nothing has to be made anew."),
        n => format!(
            "Stopped at {done} of {all} ({} of {} stored): it goes on from there.",
            count(n),
            counted(held.rows, "answer"),
        ),
    };
    let response = ui.label(RichText::new(words).color(Tokens::of(ui).accent).size(13.0));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(egui::accesskit::Live::Polite)
    });
}

fn source_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let form = &state.prefs.sweep;
    let box_ = ComboBox::from_id_salt("prompts")
        .selected_text(source_words(state, &form.source, form.split))
        .truncate();
    let response = box_
        .width((ui.available_width() - 20.0).min(300.0))
        .show_ui(ui, |ui| {
            let mut choices = Vec::new();
            let mut all_of = |source: &PromptSource| {
                choices.push((source.clone(), None));
                let parts = Split::ALL.into_iter();
                let parts = parts.filter(|split| part(state, source, *split) > 0);
                choices.extend(parts.map(|split| (source.clone(), Some(split))));
            };
            all_of(&PromptSource::Bundle);
            let file = matches!(form.source, PromptSource::File(_));
            if file {
                all_of(&form.source);
            }
            choices.push((PromptSource::Editor, None));
            for (source, split) in choices {
                let words = source_words(state, &source, split);
                let chosen = form.source == source && form.split == split;
                if ui.selectable_label(chosen, words).clicked() {
                    queue.push(AppCommand::SetSweep(SweepForm {
                        source,
                        split,
                        ..form.clone()
                    }));
                }
            }
            if !file && ui.selectable_label(false, "A JSON Lines file").clicked() {
                queue.push(AppCommand::SetSweep(SweepForm {
                    source: PromptSource::File(PathBuf::new()),
                    split: None,
                    ..form.clone()
                }));
            }
        });
    ui.ctx()
        .accesskit_node_builder(response.response.id, |node| {
            node.set_label("Prompts come from")
        });
}

/// How many prompts of a part a source has.
fn part(state: &AppState, source: &PromptSource, split: Split) -> usize {
    let samples = match source {
        PromptSource::Bundle => state.info().map_or(&[][..], |b| &b.prompts),
        PromptSource::File(_) => match &state.sweep.file {
            Some(Ok(read)) => &read[..],
            _ => &[],
        },
        PromptSource::Editor => &[],
    };
    samples.iter().filter(|s| s.split == split).count()
}

/// Where prompts come from, and which of them.
fn source_words(state: &AppState, source: &PromptSource, split: Option<Split>) -> String {
    let of_part = split.map(|split| {
        counted(
            part(state, source, split),
            &format!("{} prompt", split.name()),
        )
    });
    match (source, of_part) {
        (PromptSource::Bundle, Some(prompts)) => format!("The bundle's {prompts}"),
        (PromptSource::Bundle, None) => match state.info().map_or(0, |b| b.prompts.len()) {
            0 => "The bundle's (it has none)".to_owned(),
            all => format!("The bundle's {all}"),
        },
        (PromptSource::Editor, _) => "The one in the editor".to_owned(),
        (PromptSource::File(path), of_part) => {
            let name = path.file_name();
            let name = name.map_or("A file".into(), |n| n.to_string_lossy());
            match of_part {
                Some(prompts) => format!("{name}: {prompts}"),
                None => name.into_owned(),
            }
        }
    }
}

fn cost_ui(ui: &mut Ui, state: &AppState) {
    let tokens = Tokens::of(ui);
    match &state.sweep.cost {
        Some(Ok(cost)) => {
            let time = state
                .sweep
                .rate
                .filter(|r| *r > 0.0)
                .map(|r| {
                    format!(
                        ", about {} at {r:.1}/s measured",
                        duration(cost.rows() as f64 / r)
                    )
                })
                .unwrap_or_default();
            let form = &state.prefs.sweep;
            let few = cost.prompts < form.prompts && form.source != PromptSource::Editor;
            let methods = match cost.methods {
                1 => String::new(),
                methods => format!(" \u{d7} {}", counted(methods, "method")),
            };
            let words = format!(
                "{} \u{d7} {}{}{methods} = {}{time}",
                counted(cost.points, "point"),
                counted(cost.prompts, "prompt"),
                if few { " (all there are)" } else { "" },
                counted(cost.rows(), "answer"),
            );
            ui.label(RichText::new(words).color(tokens.weak).size(13.0));
        }
        Some(Err(trouble)) => {
            ui.label(
                RichText::new(format!("Cannot start: {}", trouble.message))
                    .color(tokens.warn)
                    .size(13.0),
            );
        }
        None => {}
    }
}

fn progress_ui(ui: &mut Ui, progress: &SweepProgress) {
    let tokens = Tokens::of(ui);
    let fraction = progress.rows_done as f32 / progress.rows.max(1) as f32;
    ui.add(
        ProgressBar::new(fraction)
            .desired_height(8.0)
            .corner_radius(4.0)
            .fill(tokens.accent),
    );
    let response = ui.label(RichText::new(progress_words(progress)).size(13.0));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(egui::accesskit::Live::Polite)
    });
    if progress.rows_found > 0 {
        let words = format!(
            "{} answers were in the store already",
            count(progress.rows_found)
        );
        ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    }
    if let Some(words) = progress.of_others() {
        let words = RichText::new(words).color(tokens.weak).size(13.0);
        ui.label(words)
            .on_hover_text("Programs at one study share a sweep: each row is made once");
    }
}

fn progress_words(p: &SweepProgress) -> String {
    let share = 100 * p.points_done / p.points.max(1);
    let head = format!(
        "{} of {} points ({share} %)",
        count(p.points_done),
        count(p.points)
    );
    let rate = p
        .rows_per_second
        .map(|r| format!(" \u{b7} {r:.1}/s"))
        .unwrap_or_default();
    match p.phase {
        SweepPhase::Finished => format!("{head}, finished"),
        SweepPhase::Cancelled => format!("{head}, stopped; start again to go on"),
        SweepPhase::Paused => format!("{head}, paused"),
        SweepPhase::Running | SweepPhase::Yielding => {
            let eta = p
                .eta_seconds
                .map(|s| format!(" \u{b7} {} to go", duration(s)))
                .unwrap_or_default();
            format!("{head}{rate}{eta}")
        }
    }
}

/// What the plot will lack, where objectives have no reward model.
fn unplaced(state: &AppState) -> Option<String> {
    let objectives = &state.info()?.objectives;
    let mute: Vec<&str> = objectives
        .iter()
        .filter(|o| o.reward.is_none())
        .map(|o| o.name.as_str())
        .collect();
    match mute.len() {
        0 => None,
        n if n == objectives.len() => Some(
            "This bundle has no reward models: a sweep stores its answers, but nothing scores them, so no point can \
             be placed in the plot."
                .to_owned(),
        ),
        _ => Some(format!(
            "No reward model scores {}: plots along it stay empty.",
            mute.join(" and ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_as_specified() {
        let mut p = SweepProgress {
            points_done: 42,
            points: 121,
            rows_done: 420,
            rows: 1210,
            rows_found: 0,
            rows_made: 0,
            rows_from_others: 0,
            rows_at_others: 0,
            rows_per_second: Some(0.6),
            eta_seconds: Some(4320.0),
            phase: SweepPhase::Running,
        };
        assert_eq!(
            progress_words(&p),
            "42 of 121 points (34 %) \u{b7} 0.6/s \u{b7} 1 h 12 min to go"
        );
        p.phase = SweepPhase::Paused;
        assert_eq!(progress_words(&p), "42 of 121 points (34 %), paused");
    }
}
