//! The last view comes back, where it fits the bundle that is in use now; its answers are brought back by the study.

use paretoscope_core::types::{Point, Preference, Weights};

use super::point;
use crate::state::{AppState, Mode, ReturnTo};

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
    state.study.return_to = Some(ReturnTo {
        looked_at: kept.looked_at,
        compared: kept.compared,
    });
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
