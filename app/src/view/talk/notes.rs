//! The speaker's window: what comes next, the notes, the time, and how the engine is. What went wrong stands here alone.

use egui::{Label, RichText, ScrollArea, Ui};

use crate::command::{AppCommand, CommandQueue, TalkCommand};
use crate::state::{AppState, EnginePhase, Show};
use crate::theme::Tokens;
use crate::widgets::{chip, command_button};

/// The notes of the stop that is on.
pub(super) fn notes_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let Some(show) = &state.talk.show else { return };
    let tokens = Tokens::of(ui);
    let seconds = show.seconds(state.now);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(clock_words(seconds)).size(30.0).strong());
        let stop = &show.stage.stop;
        if let Some(planned) = stop.seconds {
            let here = state.now - show.stage.entered;
            let words = format!(
                "this stop {} of {}",
                clock_words(here),
                clock_words(planned)
            );
            ui.label(RichText::new(words).color(tokens.weak).size(16.0));
        }
        let (words, color) = engine_words(state, tokens);
        chip(ui, words, color);
    });
    let count = show.stops.len();
    let title = match count {
        0 => "The window's own view: no stop is kept yet".to_owned(),
        _ => format!("{} of {count}: {}", show.at + 1, show.stage.stop.title),
    };
    ui.label(RichText::new(title).size(20.0).strong());
    if !show.typed.is_empty() {
        ui.label(format!("Go to stop {} with Enter", show.typed));
    }
    let next = show.next().map(|next| next.stop.title.as_str());
    let words = next.map_or_else(
        || "Nothing comes after it".to_owned(),
        |title| format!("Next: {title}"),
    );
    ui.label(RichText::new(words).color(tokens.weak).size(16.0));
    ui.horizontal_wrapped(|ui| {
        for (command, words) in [
            (TalkCommand::Previous, "Previous"),
            (TalkCommand::Next, "Next"),
            (
                TalkCommand::Blank,
                if show.blank {
                    "Show the stage"
                } else {
                    "Black"
                },
            ),
            (TalkCommand::RestartClock, "Time from 0"),
            (TalkCommand::Leave, "End the talk"),
        ] {
            command_button(ui, state, queue, AppCommand::Talk(command), words);
        }
    });
    ui.separator();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let notes = &show.stage.stop.notes;
        if notes.is_empty() {
            ui.label(RichText::new("No notes.").color(tokens.weak).size(18.0));
        } else {
            ui.add(Label::new(RichText::new(notes).size(20.0)).wrap());
        }
        troubles_ui(ui, show, tokens);
    });
}

fn troubles_ui(ui: &mut Ui, show: &Show, tokens: &Tokens) {
    let stage = &show.stage;
    let pace = stage
        .current
        .as_ref()
        .and_then(|answer| answer.pace.as_ref());
    if pace.is_some_and(|pace| !pace.recorded) {
        let words = "The pace of this answer was not recorded: its tokens come evenly over the time that it took.";
        ui.label(RichText::new(words).color(tokens.weak));
    }
    for (at, words) in show.troubles.iter().rev() {
        let words = format!("{}: {words}", clock_words(*at));
        ui.label(RichText::new(words).color(tokens.error));
    }
}

/// Minutes and seconds.
pub(super) fn clock_words(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

fn engine_words(state: &AppState, tokens: &Tokens) -> (String, egui::Color32) {
    match &state.engine.phase {
        EnginePhase::Stopped(_) => ("Engine stopped".to_owned(), tokens.error),
        EnginePhase::Starting => ("Engine starting".to_owned(), tokens.warn),
        EnginePhase::Ready if state.info().is_none() || state.bundle.stored => {
            ("No model".to_owned(), tokens.warn)
        }
        EnginePhase::Ready => ("Engine ready".to_owned(), tokens.good),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;
    use paretoscope_core::study::{Stop, StopState, Uid};

    use super::*;
    use crate::state::{Overlay, Stage};

    fn stop(title: &str, notes: &str) -> StopState {
        StopState {
            uid: Uid(vec![1; 16]),
            rev: 1,
            stop: Stop {
                title: title.to_owned(),
                notes: notes.to_owned(),
                seconds: Some(30.0),
                ..Stop::default()
            },
        }
    }

    #[test]
    fn the_speaker_sees_notes_what_comes_next_and_what_went_wrong() {
        let stops = vec![stop("One", "say hello"), stop("Two", "")];
        let show = Show {
            stage: Stage {
                stop: stops[0].stop.clone(),
                ..Stage::default()
            },
            stops,
            at: 0,
            blank: false,
            typed: "2".to_owned(),
            clock: false,
            begun: 0.0,
            troubles: vec![(61.0, "no token came for 3 s".to_owned())],
            overlay: Overlay::None,
            fullscreen: false,
        };
        let mut state = AppState {
            now: 75.0,
            ..AppState::default()
        };
        state.talk.show = Some(Box::new(show));
        let mut queue = CommandQueue::default();
        {
            let mut harness = Harness::new_ui(|ui| notes_ui(ui, &state, &mut queue));
            for words in [
                "1:15",
                "1 of 2: One",
                "Next: Two",
                "say hello",
                "1:01: no token came",
                "Engine starting",
                "Go to stop 2",
            ] {
                let mut found = harness.query_all_by_label_contains(words);
                assert!(found.next().is_some(), "{words}");
            }
            harness.get_by_label("Next").click();
            harness.run();
        }
        assert_eq!(queue.take(), [AppCommand::Talk(TalkCommand::Next)]);
    }

    #[test]
    fn time_reads_as_on_a_clock() {
        assert_eq!(
            [0.0, 9.9, 61.0, 600.0].map(clock_words),
            ["0:00", "0:09", "1:01", "10:00"]
        );
    }
}
