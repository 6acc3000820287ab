//! Shows a view: what was kept in a study, or what a step of undo brings back.

use paretoscope_core::types::{Channel, Message, Point, Preference, Weights};

use super::{Effect, asks, point, rows, sweep, turns};
use crate::state::{AppState, HeatmapOptions, Place, PlotOptions, View};

/// Looks at what `view` says. Nothing is generated.
pub(super) fn show(state: &mut AppState, view: View, effects: &mut Vec<Effect>) {
    let now = View::of(state);
    let View {
        prompt,
        conversation,
        turns,
        ..
    } = view;
    if (&prompt, conversation, &turns) != (&now.prompt, now.conversation, &now.turns) {
        show_prompt(state, prompt, conversation, turns);
    }
    if view.c != now.c {
        point::set_c(state, view.c);
    }
    if view.sweep != now.sweep {
        sweep::set_form(state, view.sweep, effects);
    }
    let prefs = &mut state.prefs;
    prefs.sampling = view.sampling;
    prefs.show_experts = view.show_experts;
    prefs.show_cells = view.show_cells;
    prefs.show_swept = view.show_swept;
    prefs.show_given = view.show_given;
    prefs.show_ids = view.show_ids;
    prefs.pareto = PlotOptions {
        fits: prefs.pareto.fits,
        ..view.pareto
    };
    prefs.heatmap = HeatmapOptions {
        token: prefs.heatmap.token,
        ..view.heatmap
    };
    prefs.tiers = view.tiers;
    prefs.division = view.division.mended();
    let shown = &mut state.study;
    shown.hidden = view.hidden;
    shown.split = view.split;
    shown.reference = view.reference;
    shown.pair = view.pair;
    shown.zoom = view.sheet_zoom;
    shown.starred = view.starred;
    if view.tag != now.tag {
        asks::seek_tag(state, view.tag, effects);
    }
    asks::follow(state, effects);
}

/// The single text and the conversation, of which one is the prompt.
fn show_prompt(state: &mut AppState, text: String, conversation: bool, turns: Vec<Message>) {
    state.prompt.text.clone_from(&text);
    state.prefs.prompt.clone_from(&text);
    if conversation {
        turns::show(state, turns);
    } else {
        state.prompt.conversation = false;
        state.prefs.conversation = false;
        state.prefs.turns.clone_from(&turns);
        state.prompt.turns = turns;
        rows::set_prompt(state, text);
    }
}

/// Puts the point where it stood, as far as the bundle in use has such a place.
pub(super) fn stand(state: &mut AppState, place: &Place) {
    let Some(info) = state.info().cloned() else {
        return;
    };
    let axes_fit = place.axes.iter().all(|axis| *axis < info.objectives.len());
    if axes_fit && (2..=3).contains(&place.axes.len()) && place.axes != state.simplex.axes {
        point::set_axes(state, place.axes.clone());
    }
    let has = |channel: &&Channel| info.has(**channel);
    state.mutes.muted = place.mutes.muted.iter().filter(has).copied().collect();
    state.mutes.solo = place.mutes.solo.iter().filter(has).copied().collect();
    if let Ok(preference) = Preference::new(place.preference.clone()) {
        point::place(state, &Point::Preference(preference));
    }
    if let Some(Ok(weights)) = place.weights.clone().map(Weights::new) {
        point::place(state, &Point::Weights(weights));
    }
    if place.mode != state.simplex.mode && place.mode.fits(&info) {
        state.simplex.mode = place.mode;
        point::reroute(state);
    }
    state.simplex.draft = None;
    state.simplex.stale = false;
}
