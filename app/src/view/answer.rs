//! One answer: where it was made, what it says, how it was scored.

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, FontId, Layout, RichText, ScrollArea, Ui};
use paretoscope_core::types::{Finish, Point};

use super::given;
use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, RunEntry, RunId, RunPhase};
use crate::theme::Tokens;
use crate::widgets::format::{point, signed};
use crate::widgets::{chip, chip_of, icon_text, point_glyph};

/// A column. `pinned` is the run that scores are compared with.
pub(super) fn answer_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
    pinned: Option<&RunEntry>,
) {
    let is_current = state.session.current == Some(run.id);
    let column = egui::UiBuilder::new()
        .id_salt(("answer", is_current))
        .layout(Layout::top_down(Align::LEFT));
    ui.scope_builder(column, |ui| {
        head_ui(ui, state, queue, run, is_current);
        scores_ui(ui, run, pinned);
        if let Some(given) = &run.given {
            let salt = if is_current { "current" } else { "pinned" };
            given::answered_ui(ui, state, queue, salt, given);
        }
        match &run.phase {
            RunPhase::Failed(trouble) => {
                crate::widgets::trouble_ui(
                    ui,
                    "this answer failed",
                    trouble,
                    "Other answers and the bundle are untouched.",
                    |ui| {
                        crate::widgets::command_button(
                            ui,
                            state,
                            queue,
                            AppCommand::Regenerate,
                            "Try again",
                        )
                    },
                );
            }
            RunPhase::Queued | RunPhase::Prefill if run.text.is_empty() => {
                let seconds = state.now - run.started;
                let words = run.prompt_tokens.map_or_else(
                    || "Waiting for a slot\u{2026}".to_owned(),
                    |n| format!("Reading {n} tokens of the prompt\u{2026} {seconds:.1} s"),
                );
                ui.label(RichText::new(words).color(Tokens::of(ui).weak));
            }
            _ => text_ui(ui, run, is_current),
        }
    });
}

fn head_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
    is_current: bool,
) {
    let tokens = Tokens::of(ui);
    let is_pinned = state.session.pinned == Some(run.id);
    let (title, color) = match (is_current, is_pinned) {
        (true, true) => ("Current, pinned", tokens.pinned),
        (true, false) => ("Current", tokens.accent),
        (false, _) => ("Pinned", tokens.pinned),
    };
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).color(color).strong());
        let axes: Vec<usize> = match run.point_now() {
            Point::Preference(_) => state.simplex.axes.clone(),
            Point::Weights(weights) => (0..weights.as_slice().len().min(3)).collect(),
        };
        point_glyph(ui, run.point_now(), &axes);
        ui.add(egui::Label::new(point(run.point_now())).truncate());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            small(ui, state, queue, AppCommand::CopyText(run.id), "Copy");
            let pin = if is_pinned {
                (AppCommand::Unpin, "Unpin")
            } else {
                (AppCommand::Pin, "Pin")
            };
            small(ui, state, queue, pin.0, pin.1);
        });
    });
    ui.horizontal_wrapped(|ui| {
        ui.label(
            RichText::new(phase_words(run, state.now))
                .color(tokens.weak)
                .size(13.0),
        );
        mutes_ui(ui, run);
        steered_ui(ui, run);
    });
}

fn small(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    command: AppCommand,
    label: &str,
) {
    let reason = registry::why_not(&command, state);
    let response = ui.add_enabled(
        reason.is_none(),
        egui::Button::new(icon_text(label)).small(),
    );
    if response.clicked() {
        queue.push(command);
    }
}

fn phase_words(run: &RunEntry, now: f64) -> String {
    let n = run.tokens.len();
    let rate = run
        .tokens_per_second(now)
        .map(|r| format!(", {r:.0} tok/s"))
        .unwrap_or_default();
    match &run.phase {
        RunPhase::Queued => "waiting".to_owned(),
        RunPhase::Prefill => "reading the prompt".to_owned(),
        RunPhase::Streaming if run.stopping => "stopping".to_owned(),
        RunPhase::Streaming => format!("{n} tokens{rate}"),
        RunPhase::Done(Finish::Eos | Finish::Stop) => format!("{n} tokens{rate}, ended by itself"),
        RunPhase::Done(Finish::Length) => format!("{n} tokens{rate}, cut at the limit"),
        RunPhase::Done(Finish::NotFinite) => {
            format!("failed after {n} tokens: the model's logits are not finite")
        }
        RunPhase::Done(Finish::Cancelled) | RunPhase::Stopped => format!("{n} tokens, stopped"),
        RunPhase::Failed(_) => "failed".to_owned(),
    }
}

/// Says which experts were silenced, and from where on.
fn mutes_ui(ui: &mut Ui, run: &RunEntry) {
    let Some(words) = run.mute_words() else {
        return;
    };
    let words = match run.steering.mutes.last() {
        Some((at, mutes)) if *at > 0 && !mutes.is_empty() => format!("{words}, from token {at} on"),
        _ => words,
    };
    chip(ui, words, Tokens::of(ui).error).on_hover_text(
        "Made with experts silenced, so this is no answer of the whole mixture; what was heard kept \
         its share. It has no star on the front.",
    );
}

/// Says that the gates changed on the way: what came before was made under others.
fn steered_ui(ui: &mut Ui, run: &RunEntry) {
    let tokens = Tokens::of(ui);
    let Some((first, _)) = run.steering.steered.iter().find(|(at, _)| *at > 0) else {
        return;
    };
    let times = run
        .steering
        .steered
        .iter()
        .filter(|(at, _)| *at > 0)
        .count();
    let words = match times {
        1 => format!("steered at token {first}"),
        _ => format!("steered {times} times from token {first}"),
    };
    let response = chip(ui, words, tokens.warn);
    response.on_hover_text(
        "Tokens before were made under another point, and so were the keys and values that later \
         tokens look back at. Regenerate gives the exact answer at this point.",
    );
}

fn scores_ui(ui: &mut Ui, run: &RunEntry, pinned: Option<&RunEntry>) {
    let tokens = Tokens::of(ui);
    if run.scoring && run.scores.is_none() && !run.phase.is_running() {
        ui.label(
            RichText::new("scoring\u{2026}")
                .color(tokens.weak)
                .size(13.0),
        );
    }
    let Some(scores) = &run.scores else { return };
    let same_prompt = pinned.is_some_and(|p| p.prompt == run.prompt);
    ui.horizontal_wrapped(|ui| {
        for (index, objective) in run.bundle.objectives.iter().enumerate() {
            let Some(Some(value)) = scores.0.get(index) else {
                continue;
            };
            let other = pinned
                .filter(|_| same_prompt)
                .and_then(|p| p.scores.as_ref())
                .and_then(|s| s.0.get(index).copied().flatten());
            let (value_words, mut words) = (signed(*value), Vec::new());
            words.push((objective.name.as_str(), tokens.weak));
            words.push((value_words.as_str(), tokens.text));
            let delta = other.map(|other| (value - other, format!("\u{394} {}", signed(value - other))));
            if let Some((delta, text)) = &delta {
                words.push((text, if *delta >= 0.0 { tokens.good } else { tokens.error }));
            }
            let response = chip_of(ui, &words, tokens.line);
            response.on_hover_text(
                "Raw score of the bundle's reward model, higher is better; \u{394} is the difference to pinned",
            );
        }
        if pinned.is_some() && !same_prompt {
            ui.label(
                RichText::new("pinned has another prompt")
                    .color(tokens.weak)
                    .size(13.0),
            );
        }
    });
}

/// The text, with the place marked where the gates changed; it follows the end until scrolled up.
fn text_ui(ui: &mut Ui, run: &RunEntry, is_current: bool) {
    let key = egui::Id::unique(("follow", is_current));
    let (of, mut follow): (RunId, bool) =
        ui.ctx().data(|d| d.get_temp(key)).unwrap_or((run.id, true));
    if of != run.id {
        follow = true;
    }
    let running = run.phase.is_running();
    let out = ScrollArea::vertical()
        .id_salt("text")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add(egui::Label::new(job(ui, run)).wrap());
            if running && follow {
                ui.scroll_to_cursor_animation(
                    Some(Align::BOTTOM),
                    egui::style::ScrollAnimation::none(),
                );
            }
        });
    // Only a gesture lets go of the end: text that grows never does.
    let up =
        ui.rect_contains_pointer(out.inner_rect) && ui.input(|i| i.smooth_scroll_delta.y > 0.0);
    if running && up {
        follow = false;
    }
    if running && !follow {
        let at = egui::Rect::from_min_size(
            out.inner_rect.right_bottom() - egui::vec2(86.0, 30.0),
            egui::vec2(76.0, 26.0),
        );
        if ui.put(at, egui::Button::new("Follow")).clicked() {
            follow = true;
        }
    }
    ui.ctx().data_mut(|d| d.insert_temp(key, (run.id, follow)));
}

fn job(ui: &Ui, run: &RunEntry) -> LayoutJob {
    let tokens = Tokens::of(ui);
    let font = FontId::proportional(16.0);
    let plain = TextFormat {
        font_id: font.clone(),
        color: tokens.text,
        line_height: Some(22.0),
        ..TextFormat::default()
    };
    let marked = TextFormat {
        background: tokens.warn.gamma_multiply(0.30),
        ..plain.clone()
    };
    let mut job = LayoutJob::default();
    let mut at = 0;
    for (token, _) in run.steering.steered.iter().filter(|(token, _)| *token > 0) {
        let Some(piece) = run.tokens.get(*token) else {
            continue;
        };
        let (before, mark) = (
            run.text.get(at..piece.start),
            run.text.get(piece.start..piece.end),
        );
        if let (Some(before), Some(mark)) = (before, mark) {
            job.append(before, 0.0, plain.clone());
            job.append(mark, 0.0, marked.clone());
            at = piece.end;
        }
    }
    job.append(run.text.get(at..).unwrap_or(&run.text), 0.0, plain);
    job
}
