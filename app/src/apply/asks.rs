//! What is asked of the study by itself: what is to be shown now, and the answers of the bundle in use.

use super::{Effect, annotate, chosen, differ};
use crate::state::{AppState, Overlay};
use crate::study::{ShownSweeps, StudyCommand};

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
        let words = String::new();
        effects.push(Effect::Study(StudyCommand::History(info, words)));
    }
}
