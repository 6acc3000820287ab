//! Answers: where each was made, what it says, how it was scored.

mod differences;
mod markdown;
mod marks;
mod text;
mod texts;

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::scroll_area::ScrollBarVisibility;
use egui::{Align, Layout, PopupCloseBehavior, Rect, RichText, ScrollArea, Ui};
use paretoscope_core::types::{Finish, Point};

use super::given;
use crate::command::{AppCommand, CommandQueue};
use crate::registry;
use crate::state::{AppState, PromptState, RunEntry, RunPhase};
use crate::theme::Tokens;
use crate::widgets::format::{count, point, signed};
use crate::widgets::{between, chip, chip_of, icon_text, point_glyph};

pub(super) use text::AnswersPanel;
use text::Slot;
pub(super) use texts::{Which, differing_ui};

/// Room between two columns.
const GUTTER: f32 = 28.0;
/// Narrower columns are stacked.
const COLUMN: f32 = 270.0;
/// Height of an answer below which what stands above its text is as low as can be.
const LOW: f32 = 230.0;

/// The current answer alone, in the room that is left.
pub(super) fn one_ui(
    ui: &mut Ui,
    panel: &mut AnswersPanel,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
) {
    panel.differ(None, state.now);
    let rect = ui.available_rect_before_wrap();
    let top = head_ui(ui, rect, state, queue, run, None);
    body_ui(ui, rect.with_min_y(top), panel, state, queue, run);
}

/// Current and pinned: side by side, with a gutter between them and their texts on one line, or stacked where
/// columns would be too narrow.
pub(super) fn pair_ui(
    ui: &mut Ui,
    panel: &mut AnswersPanel,
    state: &AppState,
    queue: &mut CommandQueue,
    (current, pinned): (&RunEntry, &RunEntry),
) {
    let same_prompt = current.prompt == pinned.prompt;
    let marks = state.prefs.reading.differences && same_prompt;
    panel.differ(marks.then_some((current, pinned)), state.now);
    let rect = ui.available_rect_before_wrap();
    let line = egui::Stroke::new(1.0, Tokens::of(ui).line);
    if rect.width() >= 2.0 * COLUMN + GUTTER {
        let middle = rect.center().x;
        let left = rect.with_max_x(middle - GUTTER / 2.0);
        let right = rect.with_min_x(middle + GUTTER / 2.0);
        let top = head_ui(ui, left, state, queue, current, Some(pinned)).max(head_ui(
            ui,
            right,
            state,
            queue,
            pinned,
            Some(current),
        ));
        ui.painter().vline(middle, rect.y_range(), line);
        body_ui(ui, left.with_min_y(top), panel, state, queue, current);
        body_ui(ui, right.with_min_y(top), panel, state, queue, pinned);
    } else {
        let middle = rect.center().y.round();
        let above = rect.with_max_y(middle - 4.0);
        let below = rect.with_min_y(middle + 5.0);
        let top = head_ui(ui, above, state, queue, current, Some(pinned));
        body_ui(ui, above.with_min_y(top), panel, state, queue, current);
        ui.painter().hline(rect.x_range(), middle, line);
        let top = head_ui(ui, below, state, queue, pinned, Some(current));
        body_ui(ui, below.with_min_y(top), panel, state, queue, pinned);
    }
}

/// A part of the panel that is cut off at its edges; its lower end.
fn part(ui: &mut Ui, rect: Rect, salt: (&str, Slot), add: impl FnOnce(&mut Ui)) -> f32 {
    let builder = egui::UiBuilder::new()
        .max_rect(rect)
        .id_salt(salt)
        .layout(Layout::top_down(Align::LEFT));
    let mut child = ui.new_child(builder);
    child.set_clip_rect(rect.expand(4.0).intersect(ui.clip_rect()));
    add(&mut child);
    child.min_rect().bottom().min(rect.bottom())
}

fn slot_of(state: &AppState, run: &RunEntry) -> Slot {
    if state.session.current == Some(run.id) {
        Slot::Current
    } else {
        Slot::Pinned
    }
}

fn body_ui(
    ui: &mut Ui,
    rect: Rect,
    panel: &mut AnswersPanel,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
) {
    let slot = slot_of(state, run);
    part(ui, rect, ("body", slot), |ui| match &run.phase {
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
        RunPhase::Queued | RunPhase::Prefill if run.text.is_empty() => prefill_ui(ui, state, run),
        _ => panel.text_ui(ui, slot, state.prefs.reading.mended(), run),
    });
}

/// How far the model is with reading the prompt.
fn prefill_ui(ui: &mut Ui, state: &AppState, run: &RunEntry) {
    let tokens = Tokens::of(ui);
    let seconds = state.now - run.started;
    let words = run.prompt_tokens.map_or_else(
        || "Waiting for a slot\u{2026}".to_owned(),
        |n| {
            let (read, all) = (count(run.prompt_read), count(n));
            format!("Reading the prompt: {read} of {all} tokens, {seconds:.1} s")
        },
    );
    let label = ui.label(RichText::new(&words).color(tokens.weak));
    ui.ctx().accesskit_node_builder(label.id, |node| {
        node.set_live(egui::accesskit::Live::Polite);
    });
    if let Some(all) = run.prompt_tokens {
        let bar = egui::ProgressBar::new(run.prompt_read as f32 / all.max(1) as f32)
            .desired_width(ui.available_width().min(360.0))
            .desired_height(8.0);
        ui.add(bar).widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, "Prompt read")
        });
    }
}

/// What stands above a text; its lower end. `other` is the answer that it is compared with.
fn head_ui(
    ui: &mut Ui,
    rect: Rect,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
    other: Option<&RunEntry>,
) -> f32 {
    let tokens = Tokens::of(ui);
    let slot = slot_of(state, run);
    let (is_current, is_pinned) = (slot == Slot::Current, state.session.pinned == Some(run.id));
    let (title, color) = match (is_current, is_pinned) {
        (true, true) => ("Current, pinned", tokens.pinned),
        (true, false) => ("Current", tokens.accent),
        (false, _) => ("Pinned", tokens.pinned),
    };
    let bottom = part(ui, rect, ("head", slot), |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let mut place = point(run.point_now());
        ui.horizontal(|ui| {
            ui.label(RichText::new(title).color(color).heading());
            let axes: Vec<usize> = match run.point_now() {
                Point::Preference(_) => state.simplex.axes.clone(),
                Point::Weights(weights) => (0..weights.as_slice().len().min(3)).collect(),
            };
            point_glyph(ui, run.point_now(), &axes);
            let at = |ui: &mut Ui| {
                // Whole, or on the line below.
                if width_of(ui, &place) <= ui.available_width() {
                    ui.label(std::mem::take(&mut place));
                }
            };
            between(ui, &format!("answer {slot:?}"), at, |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                let pin = if is_pinned {
                    (AppCommand::Unpin, "Unpin")
                } else {
                    (AppCommand::Pin, "Pin")
                };
                small(ui, state, queue, pin.0, pin.1);
                small(ui, state, queue, AppCommand::CopyText(run.id), "Copy");
                if is_current {
                    view_ui(ui, state, queue);
                }
            });
        });
        let below = Some(place.as_str()).filter(|place| !place.is_empty());
        let scored_against = other.filter(|_| is_current);
        if rect.height() < LOW {
            // One line, which goes on to the side.
            ScrollArea::horizontal()
                .id_salt("facts")
                .scroll_bar_visibility(ScrollBarVisibility::AlwaysHidden)
                .show(ui, |ui| {
                    ui.horizontal(|ui| facts_ui(ui, state, queue, run, below, scored_against));
                });
        } else {
            ui.horizontal_wrapped(|ui| facts_ui(ui, state, queue, run, below, scored_against));
        }
        if other.is_some_and(|other| other.prompt != run.prompt) {
            let words = format!("Prompt: {}", PromptState::words(&run.prompt));
            let label = egui::Label::new(RichText::new(&words).color(tokens.warn).size(13.0));
            ui.add(label.truncate()).on_hover_text(words);
        }
    });
    bottom + 6.0
}

/// Width of a label.
fn width_of(ui: &Ui, words: &str) -> f32 {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let galley = ui
        .painter()
        .layout_no_wrap(words.to_owned(), font, egui::Color32::PLACEHOLDER);
    galley.size().x
}

/// Where it was made, if that has no room above; how it ended, how it was made, how it was scored.
fn facts_ui(
    ui: &mut Ui,
    state: &AppState,
    queue: &mut CommandQueue,
    run: &RunEntry,
    place: Option<&str>,
    pinned: Option<&RunEntry>,
) {
    ui.spacing_mut().item_spacing = egui::vec2(6.0, 4.0);
    if let Some(place) = place {
        ui.label(place);
    }
    let words = RichText::new(phase_words(run, state.now));
    ui.label(words.color(Tokens::of(ui).weak).size(13.0));
    method_ui(ui, run);
    mutes_ui(ui, run);
    steered_ui(ui, run);
    scores_ui(ui, run, pinned);
    if let Some(given) = &run.given {
        let salt = match slot_of(state, run) {
            Slot::Current => "current",
            Slot::Pinned => "pinned",
        };
        given::answered_ui(ui, state, queue, salt, given);
    }
}

/// How answers are shown.
fn view_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let reading = state.prefs.reading;
    let stay = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    MenuButton::from_button(egui::Button::new(icon_text("View")).small())
        .config(stay)
        .ui(ui, |ui| {
            ui.set_min_width(210.0);
            let mut formatted = !reading.raw;
            if ui
                .checkbox(&mut formatted, "Show formatting (Markdown)")
                .changed()
            {
                queue.push(AppCommand::ToggleRaw);
            }
            let mut differences = reading.differences;
            if ui
                .checkbox(
                    &mut differences,
                    "Mark words that differ from the pinned answer",
                )
                .changed()
            {
                queue.push(AppCommand::ToggleDifferences);
            }
            ui.horizontal(|ui| {
                ui.label("Text size");
                let command = crate::widgets::command_button;
                command(ui, state, queue, AppCommand::AnswerSize(-1), "Smaller");
                ui.label(format!("{:.0}", reading.size));
                command(ui, state, queue, AppCommand::AnswerSize(1), "Larger");
            });
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
    // An answer of an earlier session came back without its tokens.
    let counted = if n == 0 && !run.text.is_empty() {
        "from an earlier session".to_owned()
    } else {
        format!("{n} tokens{rate}")
    };
    match &run.phase {
        RunPhase::Queued => "waiting".to_owned(),
        RunPhase::Prefill => "reading the prompt".to_owned(),
        RunPhase::Streaming if run.stopping => "stopping".to_owned(),
        RunPhase::Streaming => counted,
        RunPhase::Done(Finish::Eos | Finish::Stop) => format!("{counted}, ended by itself"),
        RunPhase::Done(Finish::Length) => format!("{counted}, cut at the limit"),
        RunPhase::Done(Finish::NotFinite) => {
            format!("failed after {counted}: the model's logits are not finite")
        }
        RunPhase::Done(Finish::Cancelled) | RunPhase::Stopped => format!("{counted}, stopped"),
        RunPhase::Failed(_) => "failed".to_owned(),
    }
}

/// Says by which method it was made, where that is not the usual one.
fn method_ui(ui: &mut Ui, run: &RunEntry) {
    let Some(method) = run.method() else { return };
    chip(ui, method.words(), Tokens::of(ui).accent).on_hover_text(format!(
        "Made by {}: {}",
        method.kind().title(),
        method.speaks().says()
    ));
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
        let delta =
            other.map(|other| (value - other, format!("\u{394} {}", signed(value - other))));
        if let Some((delta, text)) = &delta {
            words.push((
                text,
                if *delta >= 0.0 {
                    tokens.good
                } else {
                    tokens.error
                },
            ));
        }
        let response = chip_of(ui, &words, tokens.line);
        response.on_hover_text(
            "Raw score of the bundle's reward model, higher is better; \u{394} is the difference to pinned",
        );
    }
}
