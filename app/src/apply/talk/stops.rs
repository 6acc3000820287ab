//! The stops of a talk: what is looked at becomes one, and they are changed.

use paretoscope_core::study::{Deck, DeckEdit, Stop, StopLayout, StopMode, Uid};

use super::stage;
use crate::apply::{Effect, bundle, leaving};
use crate::command::TalkCommand;
use crate::state::{AppState, PromptState, pane, rank_words};
use crate::study::StudyCommand;

/// Letters of a prompt that become a title.
const TITLE: usize = 48;

pub(super) fn command(state: &mut AppState, command: TalkCommand, effects: &mut Vec<Effect>) {
    use TalkCommand as T;
    let title = command.title();
    let edit = match command {
        T::SaveStop => {
            let stop = stop_of(state);
            match state.talk.deck().map(|deck| deck.uid.clone()) {
                Some(deck) => DeckEdit::AddStop(deck, Box::new(stop)),
                None => DeckEdit::New(titled("Talk"), vec![stop]),
            }
        }
        T::NewDeck => DeckEdit::New(titled("New talk"), Vec::new()),
        T::ChooseDeck(deck) => {
            state.talk.deck = Some(deck);
            state.talk.stop = None;
            return;
        }
        T::RenameDeck(name) => match state.talk.deck().map(|deck| deck.uid.clone()) {
            Some(deck) => DeckEdit::Rename(deck, name),
            None => return,
        },
        T::RemoveDeck => match state.talk.deck().map(|deck| deck.uid.clone()) {
            Some(deck) => DeckEdit::Remove(deck),
            None => return,
        },
        T::ChooseStop(stop) => {
            state.talk.stop = Some(stop);
            return;
        }
        T::Change { stop, from, to } => DeckEdit::Change { stop, from, to },
        T::Retake(uid) => {
            let view = stop_of(state);
            match changed(state, &uid, |stop| retaken(stop, view)) {
                Some(edit) => edit,
                None => return,
            }
        }
        T::Record(uid) => {
            let Some(current) = stored(state) else { return };
            let record = |stop: &Stop| Stop {
                current: Some(current.clone()),
                fallback: Some(current),
                ..stop.clone()
            };
            match changed(state, &uid, record) {
                Some(edit) => edit,
                None => return,
            }
        }
        T::MoveStop(stop, by) => DeckEdit::Move(stop, by),
        T::RemoveStop(stop) => DeckEdit::RemoveStop(stop),
        T::OpenShipped => return open_shipped(state, effects),
        // The stage takes all others.
        _ => return,
    };
    state.undo.edit(title);
    effects.push(Effect::Study(StudyCommand::EditDeck(title, edit)));
}

fn titled(title: &str) -> Deck {
    Deck {
        title: title.to_owned(),
        ..Deck::default()
    }
}

fn changed(state: &AppState, uid: &Uid, to: impl FnOnce(&Stop) -> Stop) -> Option<DeckEdit> {
    let known = state.talk.stops().iter().find(|stop| stop.uid == *uid)?;
    Some(DeckEdit::Change {
        stop: uid.clone(),
        to: Box::new(to(&known.stop)),
        from: Box::new(known.stop.clone()),
    })
}

/// The name of the current answer in the study, where it is there.
fn stored(state: &AppState) -> Option<Uid> {
    state.session.current().and_then(|run| run.stored.clone())
}

/// What is looked at, as a stop.
fn stop_of(state: &AppState) -> Stop {
    let run = state.session.current();
    let prompt = run
        .map(|run| run.prompt.clone())
        .or_else(|| state.prompt_now());
    let pinned = state.session.pinned().and_then(|run| run.stored.clone());
    let current = stored(state);
    let own = state.own_sweep();
    let sweeps = state.study.sweeps.iter();
    let drawn = |id: i64| state.study.shown().sweeps.contains(&id);
    // The panel's own sweep, else the newest of those that it draws.
    let sweep = sweeps.rev().find(|s| match own {
        Some(own) => s.id == own,
        None => drawn(s.id),
    });
    let layout = match (&pinned, sweep) {
        (Some(_), _) => StopLayout::Pair,
        (None, Some(_)) => StopLayout::Whole,
        (None, None) => StopLayout::Answer,
    };
    let heatmap = &state.prefs.heatmap;
    let site = serde_json::json!({ "layer": heatmap.layer, "module": heatmap.module });
    let (pair, zoom) = pane(&state.prefs.pareto, &state.simplex.axes);
    let words = prompt.as_ref().map(PromptState::words).unwrap_or_default();
    Stop {
        title: shortened(&words),
        layout,
        prompt,
        point: run.map_or_else(
            || state.simplex.point(),
            |run| Some(run.point_now().clone()),
        ),
        mutes: run.map_or_else(|| state.mutes.clone(), |run| run.mutes_now()),
        sampling: run.map(|run| run.sampling.clone()),
        mode: match &current {
            Some(_) if !state.bundle.stored => StopMode::Live,
            _ => StopMode::Still,
        },
        fallback: current.clone(),
        current,
        pinned,
        sweep: sweep.map(|sweep| sweep.uid.clone()),
        pair,
        zoom,
        site,
        chosen: chosen(state),
        ..Stop::default()
    }
}

/// A stop with what is looked at now.
fn retaken(stop: &Stop, view: Stop) -> Stop {
    Stop {
        place: stop.place,
        title: stop.title.clone(),
        notes: stop.notes.clone(),
        seconds: stop.seconds,
        mode: stop.mode,
        rest: stop.rest.clone(),
        ..view
    }
}

/// How the example that is looked at was chosen, where it is one of two dots that are compared.
fn chosen(state: &AppState) -> String {
    let Some(run) = state.session.current() else {
        return String::new();
    };
    let differ = &state.study.differ;
    let rows = differ.differences().map(|found| found.rows.iter());
    let row = rows.and_then(|mut rows| rows.find(|row| row.prompt == run.prompt));
    let by = differ.asked.as_ref().map(|pair| pair.by);
    row.zip(by)
        .map(|(row, by)| rank_words(row.example.rank, row.example.of, by))
        .unwrap_or_default()
}

fn shortened(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    if line.chars().count() <= TITLE {
        return line.to_owned();
    }
    let begin: String = line.chars().take(TITLE).collect();
    format!("{}\u{2026}", begin.trim_end())
}

/// Opens a copy of the talk that ships, and the bundle that it is of.
fn open_shipped(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(from) = state.talk.shipped.clone() else {
        return;
    };
    let to = state.talk.copy.clone();
    stage::leave(state, effects);
    leaving::make_room(state, to.clone(), effects);
    effects.push(Effect::Study(StudyCommand::OpenCopy { from, to }));
    let demo = state.bundle.demo.clone();
    let in_use = state
        .info()
        .filter(|_| !state.bundle.stored)
        .map(|b| b.path.clone());
    if let Some(demo) = demo.filter(|demo| in_use.as_ref() != Some(demo)) {
        bundle::load(state, &demo, effects);
    }
}
