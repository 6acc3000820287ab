//! From one study to another: what was looked at of the one before is let go.

use std::path::PathBuf;

use super::{Effect, annotate, judge, kept, sweep};
use crate::state::{AppState, RunEntry, Sight, StudyPhase, StudyState};

/// Lets go of the study before: the one of this path is being opened.
pub(super) fn make_room(state: &mut AppState, path: PathBuf, effects: &mut Vec<Effect>) {
    effects.extend(kept::keep(state).map(Effect::Study));
    if state.study.path.is_some() {
        leave(state);
    }
    if std::mem::take(&mut state.bundle.stored) {
        state.bundle.current = None;
    }
    state.talk.leave_study();
    state.study = StudyState {
        path: Some(path),
        phase: StudyPhase::Opening,
        waiting: std::mem::take(&mut state.study.waiting),
        return_to: state.study.return_to.take(),
        ..StudyState::default()
    };
    annotate::opened(state);
    judge::opened(state);
    state.study.seen = Some(Sight::of(state));
}

/// Lets go of the answers that are in the file: they come back with it, or are no part of the next one.
pub(super) fn leave(state: &mut AppState) {
    sweep::leave_dot(state);
    let session = &mut state.session;
    let gone = |run: &RunEntry| run.stored.is_some();
    session.current = session.current().filter(|run| !gone(run)).map(|run| run.id);
    session.pinned = session.pinned().filter(|run| !gone(run)).map(|run| run.id);
    session.runs.retain(|run| !gone(run));
    state.study.return_to = None;
}
