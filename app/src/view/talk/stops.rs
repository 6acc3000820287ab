//! The stops of a talk, in a sheet: kept, ordered, named, and what each of them shows.

use egui::{ComboBox, Context, Id, Modal, RichText, ScrollArea, TextEdit, Ui, vec2};
use paretoscope_core::study::{Stop, StopLayout, StopMode, StopState};

use super::notes::clock_words;
use crate::command::{AppCommand, CommandQueue, TalkCommand};
use crate::state::{AppState, Overlay, PromptState};
use crate::theme::Tokens;
use crate::widgets::format::counted;
use crate::widgets::{Segment, command_button, empty_ui, primary_button, section, segmented};

/// Most of the sheet's width.
const WIDEST: f32 = 980.0;
/// Narrower than this, the list and the stop stand one above the other.
const BROAD: f32 = 700.0;
/// Width of the list beside the stop.
const LIST: f32 = 330.0;
/// Screens that are offered.
const SCREENS: usize = 4;
/// The factors of a replay.
const TIMES: std::ops::RangeInclusive<f64> = 0.01..=100.0;
/// Seconds of a stop.
const LONGEST: f64 = 3600.0;

/// The sheet.
pub(in crate::view) fn stops_ui(ctx: &Context, state: &AppState, queue: &mut CommandQueue) {
    let room = ctx.content_rect().size();
    let close = AppCommand::Show(Overlay::Talk);
    let modal = Modal::new(Id::unique("talk")).show(ctx, |ui| {
        let width = (room.x - 60.0).min(WIDEST);
        ui.set_width(width);
        section(ui, "Talk", |ui| {
            if ui.button("Close").clicked() {
                queue.push(close.clone());
            }
        });
        deck_ui(ui, state, queue);
        ui.separator();
        let tall = (room.y - 220.0).max(140.0);
        if state.talk.stops().is_empty() {
            let words =
                "No stops yet. A stop keeps what you look at now: prompt, point, answers, front.";
            empty_ui(ui, words, |ui| {
                let save = AppCommand::Talk(TalkCommand::SaveStop);
                primary_button(ui, state, queue, save, "Save this view as stop 1");
            });
            return;
        }
        if width >= BROAD {
            ui.horizontal_top(|ui| {
                column(ui, "stops", vec2(LIST, tall), |ui| {
                    list_ui(ui, state, queue)
                });
                column(ui, "stop", vec2(width - LIST - 16.0, tall), |ui| {
                    chosen_ui(ui, state, queue);
                });
            });
        } else {
            ScrollArea::vertical().max_height(tall).show(ui, |ui| {
                list_ui(ui, state, queue);
                ui.separator();
                chosen_ui(ui, state, queue);
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
            .auto_shrink(false)
            .show(ui, add);
    });
}

/// Which talk, and where it is shown.
fn deck_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let talk = &state.talk;
    ui.horizontal_wrapped(|ui| {
        let start = AppCommand::Talk(TalkCommand::Start);
        primary_button(ui, state, queue, start, "Start (F5)");
        screen_ui(ui, state, queue);
        if talk.shipped.is_some() {
            let open = AppCommand::Talk(TalkCommand::OpenShipped);
            command_button(ui, state, queue, open, "Open the demonstration's talk");
        }
    });
    let Some(deck) = talk.deck() else { return };
    ui.horizontal_wrapped(|ui| {
        if talk.decks.len() > 1 {
            let chosen = ComboBox::from_id_salt("deck").selected_text(&deck.deck.title);
            let response = chosen.show_ui(ui, |ui| {
                for other in &talk.decks {
                    let is_it = other.uid == deck.uid;
                    if ui.selectable_label(is_it, &other.deck.title).clicked() {
                        let choose = TalkCommand::ChooseDeck(other.uid.clone());
                        queue.push(AppCommand::Talk(choose));
                    }
                }
            });
            label(ui, response.response.id, "Talk");
        }
        let id = Id::unique("deck title").with(&deck.uid.0);
        if let Some(title) = text_field(ui, id, "Title of the talk", &deck.deck.title, 1, 260.0) {
            queue.push(AppCommand::Talk(TalkCommand::RenameDeck(title)));
        }
        for (command, words) in [
            (TalkCommand::NewDeck, "New talk"),
            (TalkCommand::RemoveDeck, "Remove the talk"),
        ] {
            command_button(ui, state, queue, AppCommand::Talk(command), words);
        }
    });
}

/// This window, or a screen of its own.
fn screen_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let words = |screen: Option<usize>| match screen {
        None => "Stage in this window".to_owned(),
        Some(number) => format!("Stage on screen {}, notes here", number + 1),
    };
    let now = state.talk.screen;
    let chosen = ComboBox::from_id_salt("screen").selected_text(words(now));
    let response = chosen.width(220.0).show_ui(ui, |ui| {
        for screen in std::iter::once(None).chain((0..SCREENS).map(Some)) {
            if ui.selectable_label(now == screen, words(screen)).clicked() {
                queue.push(AppCommand::Talk(TalkCommand::Screen(screen)));
            }
        }
    });
    label(ui, response.response.id, "Where the stage is");
}

fn label(ui: &Ui, id: Id, words: &str) {
    ui.ctx()
        .accesskit_node_builder(id, |node| node.set_label(words));
}

fn list_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let tokens = Tokens::of(ui);
    let stops = state.talk.stops();
    let chosen = state.talk.chosen().map(|stop| &stop.uid);
    for (place, known) in stops.iter().enumerate() {
        let mut words = format!("{}  {}", place + 1, known.stop.title);
        words.push_str(&format!("\n{}", kind_words(&known.stop)));
        let button = egui::Button::selectable(chosen == Some(&known.uid), words)
            .min_size(vec2(ui.available_width(), 0.0))
            .wrap();
        if ui.add(button).clicked() {
            let choose = TalkCommand::ChooseStop(known.uid.clone());
            queue.push(AppCommand::Talk(choose));
        }
        if let Some(problem) = known.stop.problem() {
            let words = format!("Stop {}: {problem}", place + 1);
            ui.label(RichText::new(words).color(tokens.warn).size(13.0));
        }
    }
    let seconds: f64 = stops.iter().filter_map(|s| s.stop.seconds).sum();
    let mut words = counted(stops.len(), "stop");
    if seconds > 0.0 {
        words.push_str(&format!(", {} planned", clock_words(seconds)));
    }
    ui.label(RichText::new(words).color(tokens.weak).size(13.0));
    let save = AppCommand::Talk(TalkCommand::SaveStop);
    command_button(ui, state, queue, save, "Save this view as a stop");
}

fn kind_words(stop: &Stop) -> String {
    let mode = match stop.mode {
        StopMode::Live => "live".to_owned(),
        StopMode::Replay { times } => format!("replay \u{d7}{times}"),
        StopMode::Still => "recorded".to_owned(),
    };
    format!("{}, {mode}", layout_words(stop.layout))
}

fn layout_words(layout: StopLayout) -> &'static str {
    match layout {
        StopLayout::Answer => "Answer",
        StopLayout::Pair => "Two answers",
        StopLayout::Front => "Front",
        StopLayout::Whole => "Answer and front",
        StopLayout::Strip => "Routing",
    }
}

/// All of the chosen stop.
fn chosen_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(known) = state.talk.chosen() else {
        return;
    };
    let editable = edits(state, known);
    let mut change = |to: Stop| {
        queue.push(AppCommand::Talk(TalkCommand::Change {
            stop: known.uid.clone(),
            from: Box::new(known.stop.clone()),
            to: Box::new(to),
        }));
    };
    let stop = &known.stop;
    ui.add_enabled_ui(editable, |ui| {
        let id = Id::unique("stop").with(&known.uid.0);
        let width = ui.available_width() - 12.0;
        if let Some(title) = text_field(
            ui,
            id.with("title"),
            "Title on stage",
            &stop.title,
            1,
            width,
        ) {
            change(Stop {
                title,
                ..stop.clone()
            });
        }
        shown_ui(ui, state, stop);
        let mut layout = stop.layout;
        let layouts: [Segment<'_, StopLayout>; 5] = [
            (StopLayout::Answer, "Answer", "the triangle and one answer"),
            (
                StopLayout::Pair,
                "Two",
                "two answers, with the words that differ",
            ),
            (StopLayout::Front, "Front", "the triangle and a front"),
            (
                StopLayout::Whole,
                "All",
                "the triangle, an answer and a front",
            ),
            (StopLayout::Strip, "Routing", "words coloured by who spoke"),
        ];
        segmented(ui, &mut layout, &layouts);
        if layout != stop.layout {
            change(Stop {
                layout,
                ..stop.clone()
            });
        }
        mode_ui(ui, id, stop, &mut change);
        let notes = "Notes for you alone";
        if let Some(notes) = text_field(ui, id.with("notes"), notes, &stop.notes, 5, width) {
            change(Stop {
                notes,
                ..stop.clone()
            });
        }
    });
    ui.horizontal_wrapped(|ui| {
        let uid = || known.uid.clone();
        for (command, words) in [
            (TalkCommand::MoveStop(uid(), -1), "Up"),
            (TalkCommand::MoveStop(uid(), 1), "Down"),
            (TalkCommand::Record(uid()), "Record the current answer"),
            (TalkCommand::Retake(uid()), "Take this view"),
            (TalkCommand::RemoveStop(uid()), "Remove"),
        ] {
            command_button(ui, state, queue, AppCommand::Talk(command), words);
        }
    });
}

fn edits(state: &AppState, known: &StopState) -> bool {
    let remove = AppCommand::Talk(TalkCommand::RemoveStop(known.uid.clone()));
    crate::registry::why_not(&remove, state).is_none()
}

/// What it asks, and what is recorded for it.
fn shown_ui(ui: &mut Ui, state: &AppState, stop: &Stop) {
    let tokens = Tokens::of(ui);
    let weak = |words: String| RichText::new(words).color(tokens.weak).size(13.0);
    if let Some(prompt) = &stop.prompt {
        ui.label(weak(format!(
            "\u{201C}{}\u{201D}",
            PromptState::words(prompt)
        )));
    }
    let named = |uid: &Option<paretoscope_core::study::Uid>| {
        let answer = state.talk.answers.get(uid.as_ref()?)?;
        let text: String = answer.answer.run.text.chars().take(70).collect();
        Some(text)
    };
    let fallback = match (&stop.fallback, named(&stop.fallback)) {
        (_, Some(text)) => format!("Recorded: {text}\u{2026}"),
        (Some(_), None) => "Its recorded answer is not in this study.".to_owned(),
        (None, None) => "Nothing is recorded to fall back on.".to_owned(),
    };
    ui.label(weak(fallback));
}

/// Live, replayed or still; how long it is meant to take.
fn mode_ui(ui: &mut Ui, id: Id, stop: &Stop, change: &mut impl FnMut(Stop)) {
    ui.horizontal_wrapped(|ui| {
        let times = match stop.mode {
            StopMode::Replay { times } => times,
            StopMode::Live | StopMode::Still => 1.0,
        };
        for (mode, words) in [
            (StopMode::Live, "Live"),
            (StopMode::Replay { times }, "Replay"),
            (StopMode::Still, "Recorded"),
        ] {
            let on = std::mem::discriminant(&mode) == std::mem::discriminant(&stop.mode);
            if ui.radio(on, words).clicked() && !on {
                change(Stop {
                    mode,
                    ..stop.clone()
                });
            }
        }
        if let StopMode::Replay { times } = stop.mode {
            ui.label("\u{d7}");
            let name = "How many times as fast as recorded";
            let wanted = |times: &f64| TIMES.contains(times);
            if let Some(times) = number(ui, id.with("times"), name, times).filter(wanted) {
                change(Stop {
                    mode: StopMode::Replay { times },
                    ..stop.clone()
                });
            }
        }
        let name = "Seconds planned for this stop";
        let planned = stop.seconds.unwrap_or(0.0);
        let wanted = |seconds: &f64| (0.0..=LONGEST).contains(seconds);
        if let Some(seconds) = number(ui, id.with("seconds"), name, planned).filter(wanted) {
            change(Stop {
                seconds: (seconds > 0.0).then_some(seconds),
                ..stop.clone()
            });
        }
        ui.label("s planned");
    });
}

/// A field for a number: what was written once it is left; what is none leaves the one before.
fn number(ui: &mut Ui, id: Id, name: &str, value: f64) -> Option<f64> {
    let written = text_field(ui, id, name, &value.to_string(), 1, 52.0)?;
    written.trim().replace(',', ".").parse().ok()
}

/// A field of text called `name`; what was written once it is left, where that differs. `rows` above 1 take several lines.
fn text_field(
    ui: &mut Ui,
    id: Id,
    name: &str,
    value: &str,
    rows: usize,
    width: f32,
) -> Option<String> {
    let draft = id.with("draft");
    let mut text = ui
        .data(|d| d.get_temp::<String>(draft))
        .unwrap_or_else(|| value.to_owned());
    let edit = if rows > 1 {
        TextEdit::multiline(&mut text).desired_rows(rows)
    } else {
        TextEdit::singleline(&mut text)
    };
    let response = ui.add(edit.id(id).hint_text(name).desired_width(width));
    label(ui, response.id, name);
    if response.changed() {
        ui.data_mut(|d| d.insert_temp(draft, text.clone()));
    }
    // A sheet that went away while somebody wrote is back: what was written counts.
    if response.has_focus() {
        return None;
    }
    let written = ui.data_mut(|d| d.remove_temp::<String>(draft))?;
    (written != value).then_some(written)
}
