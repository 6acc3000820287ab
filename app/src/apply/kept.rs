//! The last session comes back, where it fits the bundle that is in use now.

use std::sync::Arc;

use paretoscope_core::types::{Point, Preference, Weights};

use super::point;
use crate::state::{AppState, Mode, Owner};

/// Brings back what was kept of the bundle in use, where nothing was asked in this session yet.
pub(super) fn restore(state: &mut AppState) {
    let Some(info) = state.info().cloned() else {
        return;
    };
    let Some(kept) = state.kept.iter().find(|kept| kept.is_of(&info)).cloned() else {
        return;
    };
    if !state.session.runs.is_empty() {
        return;
    }
    let axes_fit = kept.axes.iter().all(|axis| *axis < info.objectives.len());
    if axes_fit && (2..=3).contains(&kept.axes.len()) {
        state.simplex.axes.clone_from(&kept.axes);
    }
    state.overlay.panel = kept.panel;
    let mut ids = Vec::with_capacity(kept.runs.len());
    for run in kept.runs {
        let id = state.session.next_id();
        let job = state.jobs.begin(Owner::Run(id));
        state.jobs.end(job);
        state.session.push(run.entry(id, job, Arc::clone(&info)));
        ids.push(id);
    }
    let at = |place: Option<usize>| place.and_then(|place| ids.get(place).copied());
    state.session.pinned = at(kept.pinned);
    state.session.current = at(kept.current).or(ids.last().copied());
    if let Ok(preference) = Preference::new(kept.preference) {
        point::place(state, &Point::Preference(preference));
    }
    if let Some(Ok(weights)) = kept.weights.map(Weights::new) {
        point::place(state, &Point::Weights(weights));
    }
    if kept.mode != state.simplex.mode
        && (kept.mode == Mode::Extrapolate || info.objectives.len() > 1)
    {
        state.simplex.mode = kept.mode;
        point::reroute(state);
    }
    state.simplex.stale = false;
}
