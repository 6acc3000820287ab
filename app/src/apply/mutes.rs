//! Silencing experts: the running row follows at once, as it follows the point.

use paretoscope_core::types::{Channel, Mutes};

use super::{Effect, point};
use crate::command::Gesture;
use crate::state::AppState;

/// Presses one button of the desk.
pub(super) fn toggle(
    state: &mut AppState,
    channel: Channel,
    effects: &mut Vec<Effect>,
    press: impl FnOnce(&mut Mutes, Channel),
) {
    if state.info().is_some_and(|info| info.has(channel)) {
        state.prefs.hints.desk = true;
        press(&mut state.mutes, channel);
        changed(state, effects);
    }
}

/// Lets everything be heard.
pub(super) fn clear(state: &mut AppState, effects: &mut Vec<Effect>) {
    state.mutes = Mutes::default();
    changed(state, effects);
}

fn changed(state: &mut AppState, effects: &mut Vec<Effect>) {
    state.simplex.stale = true;
    state.simplex.moved = state.now;
    point::settle(state, Gesture::Settled, effects);
}
