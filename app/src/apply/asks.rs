//! What is asked of the study by itself: what is to be shown now, and the answers of the bundle in use.

use super::{Effect, annotate, chosen, differ};
use crate::state::{AppState, Overlay};
use crate::study::{ShownSweeps, Sought, StudyCommand};

/// Asks for what is to be shown now.
pub(super) fn follow(state: &mut AppState, effects: &mut Vec<Effect>) {
    redraw(state, effects);
    chosen::count(state, effects);
    differ::follow(state, effects);
    annotate::follow(state, effects);
}

/// Asks for what is to be drawn, where that is something else now.
fn redraw(state: &mut AppState, effects: &mut Vec<Effect>) {
    let seen = state.overlay.open == Overlay::Study || state.plots_study();
    let study = &mut state.study;
    // While nobody looks, nothing is drawn anew.
    let shown = if seen {
        study.shown()
    } else {
        ShownSweeps::default()
    };
    if !study.is_readable() || shown == study.asked {
        return;
    }
    if seen && shown.sweeps.is_empty() {
        study.drawn = None;
    }
    study.asked = shown.clone();
    effects.push(Effect::Study(StudyCommand::Draw(shown)));
}

/// A bundle is in use: its answers are brought back.
pub(super) fn bring_back(state: &mut AppState, effects: &mut Vec<Effect>) {
    state.study.found = None;
    if let Some(info) = state.info().cloned()
        && state.study.is_readable()
    {
        let all = Sought::default();
        effects.push(Effect::Study(StudyCommand::History(info, all)));
        ask_found(state, effects);
    }
}

/// Shows answers with a tag alone, or all.
pub(super) fn seek_tag(state: &mut AppState, tag: Option<String>, effects: &mut Vec<Effect>) {
    state.study.sought.tag = tag;
    ask_found(state, effects);
}

/// Asks for what is sought beyond the answers at hand.
pub(super) fn ask_found(state: &mut AppState, effects: &mut Vec<Effect>) {
    state.study.found = None;
    if let Some(info) = state.info().cloned()
        && !state.study.sought.is_all()
        && state.study.is_readable()
    {
        let sought = state.study.sought.clone();
        effects.push(Effect::Study(StudyCommand::History(info, sought)));
    }
}
