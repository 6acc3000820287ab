//! Undo and redo: what a person did to the view becomes steps here, and edits of the study are turned by its file.
//!
//! To turn a step begins no answer and loses none: the point goes back, and so does what was looked at, while an answer
//! that was begun meanwhile goes on and stays in the history. One that is looked at while it streams follows the point, as
//! it does in a drag.

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::Target;

use super::{Effect, asks, notify, point, view};
use crate::command::{AppCommand, Gesture};
use crate::registry;
use crate::state::{AppState, Joins, NoticeKind, RunId, Sight, What};
use crate::study::{STAR, StudyCommand, Turned};

/// What a command finds.
pub(super) struct Before {
    title: &'static str,
    joins: Joins,
    new_word: bool,
    sight: Sight,
}

/// Looks at the view before a command that may become a step; `None` for those that become none.
pub(super) fn before(state: &AppState, command: &AppCommand) -> Option<Before> {
    let joins = joins(command)?;
    let new_word = match command {
        AppCommand::SetPrompt(text) => begins_word(&state.prompt.text, text),
        AppCommand::SetTurn(index, turn) => {
            let turns = &state.prompt.turns;
            turns
                .get(*index)
                .is_some_and(|old| begins_word(&old.content, &turn.content))
        }
        _ => false,
    };
    Some(Before {
        title: registry::title(command),
        joins,
        new_word,
        sight: Sight::of(state),
    })
}

/// What the command changed becomes a step.
pub(super) fn after(state: &mut AppState, before: Before) {
    let now = Sight::of(state);
    let Before {
        title,
        joins,
        new_word,
        sight,
    } = before;
    state
        .undo
        .view(title, joins, state.now, new_word, (&sight, &now));
}

/// Whether the first letter of a word was typed at the end.
fn begins_word(old: &str, new: &str) -> bool {
    let typed = new.strip_prefix(old).and_then(|typed| typed.chars().next());
    typed.is_some_and(|first| !first.is_whitespace()) && old.ends_with(char::is_whitespace)
}

/// Which commands are steps, and which of them are one together.
fn joins(command: &AppCommand) -> Option<Joins> {
    use AppCommand as C;
    Some(match command {
        C::Move(_, Gesture::Moving) => Joins::Drag,
        C::Move(_, Gesture::Step) => Joins::Like("keys", 0),
        C::EditField(index, _) => Joins::Like("field", *index),
        C::SetC(_) => Joins::Like("largest weight", 0),
        C::SetPrompt(_) => Joins::Like("prompt", 0),
        C::SetTurn(index, _) => Joins::Like("turn", *index),
        C::SetSampling(_) => Joins::Like("sampling", 0),
        C::SetSweep(_) => Joins::Like("sweep", 0),
        C::SetPareto(_) => Joins::Like("plot", 0),
        C::SetReference(axis, _) => Joins::Like("reference", *axis),
        C::ZoomFronts(_) => Joins::Like("fronts", 0),
        C::SetDivision(_) => Joins::Like("division", 0),
        C::Move(_, Gesture::Settled)
        | C::EndField
        | C::Preset(_)
        | C::SetMode(_)
        | C::SetAxes(_)
        | C::ShowExperts(_)
        | C::ShowCells(_)
        | C::ShowSwept(_)
        | C::ToggleMute(_)
        | C::ToggleSolo(_)
        | C::ClearMutes
        | C::ToggleConversation
        | C::AddTurn
        | C::AddSystemTurn
        | C::RemoveTurn
        | C::MoveTurn(_)
        | C::Continue
        | C::ToggleGiven
        | C::ToggleIds
        | C::PickSample(_)
        | C::SetMethod(_)
        | C::Pin
        | C::Unpin
        | C::SelectRun(_)
        | C::ShowStored(_)
        | C::ToggleTable
        | C::SetHeatmap(_)
        | C::SetTiers(_)
        | C::StepTierLayer(_)
        | C::StepTierModule(_)
        | C::TickSweep(..)
        | C::SetSplit(_)
        | C::FreeReference
        | C::SetPair(..)
        | C::FilterTag(_)
        | C::ToggleStarred => Joins::Never,
        _ => return None,
    })
}

/// Takes the last step back, or does it again.
pub(super) fn turn(state: &mut AppState, again: bool, effects: &mut Vec<Effect>) {
    let Some(step) = state.undo.turn(again) else {
        return;
    };
    match &step.what {
        What::Study => effects.push(Effect::Study(StudyCommand::Turn {
            step: step.id(),
            title: step.title.clone(),
            again,
        })),
        What::View(before, after) => {
            let parts = if again { after } else { before };
            if let Some(sight) = Sight::of(state).with(parts) {
                look(state, sight, effects);
                say(state, again, &step.title);
            } else {
                state.undo.refused(step.id());
            }
        }
    }
}

fn say(state: &mut AppState, again: bool, title: &str) {
    let what = registry::in_a_sentence(title);
    let words = if again {
        format!("Done again: {what}")
    } else {
        format!("Undone: {what}")
    };
    notify(state, NoticeKind::Info, words);
}

fn look(state: &mut AppState, sight: Sight, effects: &mut Vec<Effect>) {
    let known = |id: u64| Some(RunId(id)).filter(|id| state.session.get(*id).is_some());
    // What was looked at first of all was nothing; an answer is not taken from sight for that.
    let current = sight.current.and_then(known).or(state.session.current);
    let pinned = sight.pinned.and_then(known);
    state.session.pinned = pinned;
    state.session.current = current;
    view::show(state, sight.view, effects);
    view::stand(state, &sight.place);
    let running = state.session.running().map(|run| run.id);
    if running.is_some() && running == state.session.current {
        point::settle(state, Gesture::Moving, effects);
    }
}

/// The study turned an edit, or says why not.
pub(super) fn turned(
    state: &mut AppState,
    step: u64,
    again: bool,
    done: Result<Turned, Trouble>,
    effects: &mut Vec<Effect>,
) {
    let turned = match done {
        Ok(turned) => turned,
        Err(trouble) => {
            state.undo.refused(step);
            let what = if again {
                "Not done again"
            } else {
                "Not undone"
            };
            notify(
                state,
                NoticeKind::Error,
                format!("{what}: {}", trouble.message),
            );
            return;
        }
    };
    let mut hid = false;
    for (target, value) in turned.now {
        let (Target::Note(uid) | Target::Mark(uid, _) | Target::Tag(uid, _)) = &target else {
            continue;
        };
        let mut runs = state.session.runs.iter_mut();
        let run = runs.find(|run| run.stored.as_ref() == Some(uid));
        match (target, run) {
            (Target::Note(_), Some(run)) => run.note = value.unwrap_or_default(),
            (Target::Tag(_, tag), Some(run)) if value.is_some() => {
                run.tags.insert(tag);
            }
            (Target::Tag(_, tag), Some(run)) => {
                run.tags.remove(&tag);
            }
            (Target::Mark(_, kind), Some(run)) if kind == STAR => run.star = value.is_some(),
            (Target::Mark(_, kind), run) if kind != STAR => {
                hid = true;
                if let (Some(id), true) = (run.map(|run| run.id), value.is_some()) {
                    state.session.current.take_if(|current| *current == id);
                    state.session.pinned.take_if(|pinned| *pinned == id);
                    state.session.forget(id);
                }
            }
            _ => {}
        }
    }
    if hid {
        state.study.answers = turned.answers;
        asks::bring_back(state, effects);
    }
    say(state, again, &turned.title);
}
