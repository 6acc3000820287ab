//! Moves of the point: routing at once, the running row after it, a new row on release.

use paretoscope_core::method::{Method, MethodKind};
use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::types::{AdapterInfo, Point, Preference, Weights};

use super::{Effect, rows};
use crate::command::Gesture;
use crate::registry;
use crate::state::{AppState, GenerateWhen, Mode, RunEntry, presets};

/// Rest after which a live drag generates, in seconds.
pub(crate) const LIVE_REST: f64 = 0.15;

/// Takes the point to `to`.
pub(super) fn go(state: &mut AppState, to: Point, gesture: Gesture, effects: &mut Vec<Effect>) {
    if !place(state, &to) {
        return;
    }
    if !state.simplex.dragging {
        state.simplex.drag_run = None;
    }
    state.simplex.dragging = gesture == Gesture::Moving;
    state.simplex.draft = None;
    settle(state, gesture, effects);
}

/// Stores a point if it fits the bundle.
pub(super) fn place(state: &mut AppState, to: &Point) -> bool {
    let simplex = &mut state.simplex;
    match to {
        Point::Preference(p) if p.as_slice().len() == simplex.preference.len() => {
            if simplex.mode != Mode::Interpolate || simplex.preference != p.as_slice() {
                simplex.stale = true;
            }
            simplex.mode = Mode::Interpolate;
            simplex.preference = p.as_slice().to_vec();
        }
        Point::Weights(w) if w.as_slice().len() == simplex.weights.len() => {
            if simplex.mode != Mode::Extrapolate || simplex.weights != w.as_slice() {
                simplex.stale = true;
            }
            simplex.mode = Mode::Extrapolate;
            simplex.weights_placed = true;
            simplex.weights = w.as_slice().to_vec();
        }
        _ => return false,
    }
    simplex.moved = state.now;
    reroute(state);
    true
}

/// What a move sets off: a running row is steered, where its method goes on at another point; else a settled point starts
/// a new one.
pub(super) fn settle(state: &mut AppState, gesture: Gesture, effects: &mut Vec<Effect>) {
    let Some(to) = state.simplex.point() else {
        return;
    };
    let chosen = state.prefs.sampling.sampling(to.kind()).method;
    if let Some(run) = state.session.running_mut() {
        if !goes_on(run, &to, chosen.as_ref()) {
            // The engine would refuse it, make experts for every place on the way, or go on by another method.
            if gesture == Gesture::Settled && state.simplex.stale {
                start_if_wanted(state, effects);
            }
            return;
        }
        let wanted = (to, state.mutes.clone());
        let id = run.id;
        let now = || (run.point_now().clone(), run.mutes_now());
        if run.heading.clone().unwrap_or_else(now) != wanted {
            run.heading = Some(wanted.clone());
            let (point, mutes) = wanted;
            effects.push(Effect::Send(EngineCommand::Steer {
                job: run.job,
                point,
                mutes,
            }));
        }
        // What is steered is what is looked at, also where a dot was.
        state.session.current = Some(id);
        return;
    }
    if gesture == Gesture::Settled && state.simplex.stale {
        start_if_wanted(state, effects);
    }
}

/// Whether a row that runs goes on at a point, where this method is chosen: the usual one without a name.
fn goes_on(run: &RunEntry, to: &Point, chosen: Option<&Method>) -> bool {
    let here = run.point_now();
    let named = run.sampling.method.as_ref();
    here == to
        || named == chosen
            && named.is_none_or(|method| here.kind() == to.kind() && method.settled().is_none())
}

/// Whether answers follow a point that is dragged, at rest or on its way: not those that are asked anew at each.
pub(super) fn is_followed(state: &AppState) -> bool {
    state.prefs.generate == GenerateWhen::Live && state.method().settled().is_none()
}

/// Generates unless the person wants to do so by hand, or something is missing.
pub(super) fn start_if_wanted(state: &mut AppState, effects: &mut Vec<Effect>) {
    let wanted = state.prefs.generate != GenerateWhen::Manual;
    if wanted && registry::why_not(&crate::command::AppCommand::Generate, state).is_none() {
        let before = state.simplex.drag_run.take();
        rows::generate(state, effects);
        // A live drag answers wherever it rests; the last of these answers is the one to keep.
        if state.prefs.generate == GenerateWhen::Live {
            if let Some(before) = before {
                rows::replaced(state, before, effects);
            }
            state.simplex.drag_run = state.session.current;
        }
    }
}

/// Live mode: the point rested for a moment while it is dragged.
pub(super) fn live(state: &mut AppState, effects: &mut Vec<Effect>) {
    let rested = state.now - state.simplex.moved >= LIVE_REST;
    let simplex = &state.simplex;
    if is_followed(state)
        && simplex.stale
        && rested
        && state.session.running().is_none()
        && state.session.current.is_some()
    {
        start_if_wanted(state, effects);
    }
}

/// Goes to preset `number`, from 1.
pub(super) fn preset(state: &mut AppState, number: usize, effects: &mut Vec<Effect>) {
    let all = presets(&state.simplex.axes, state.simplex.preference.len());
    if let Some(shares) = number.checked_sub(1).and_then(|i| all.into_iter().nth(i))
        && let Ok(preference) = Preference::new(shares)
    {
        go(
            state,
            Point::Preference(preference),
            Gesture::Settled,
            effects,
        );
    }
}

/// Simplex or box; each keeps its own point.
pub(super) fn set_mode(state: &mut AppState, mode: Mode, effects: &mut Vec<Effect>) {
    if state.simplex.mode != mode {
        if mode == Mode::Extrapolate && !state.simplex.weights_placed {
            start_weights(state);
        }
        state.simplex.mode = mode;
        state.simplex.draft = None;
        state.simplex.stale = true;
        state.simplex.moved = state.now;
        reroute(state);
        if let Some(form_mode) = match mode {
            Mode::Interpolate => None,
            Mode::Extrapolate => Some(state.prefs.c),
        } {
            state.prefs.sweep.c = form_mode;
        }
        settle(state, Gesture::Moving, effects);
    }
}

/// Weights that nobody placed start where the preference is: each value vector gets the share of the
/// objective that it is named after, or that stands in its place.
fn start_weights(state: &mut AppState) {
    let Some(info) = state.info().cloned() else {
        return;
    };
    let objective_of =
        |value: &AdapterInfo| info.objectives.iter().position(|o| o.name == value.name);
    // Places count where no name does.
    let in_place = info.values.len() == info.objectives.len()
        && info
            .values
            .iter()
            .all(|value| objective_of(value).is_none());
    let share = |(index, value): (usize, &AdapterInfo)| {
        let objective = objective_of(value).or_else(|| in_place.then_some(index));
        let share = objective.and_then(|objective| state.simplex.preference.get(objective));
        share.copied().unwrap_or(0.0).min(state.prefs.c)
    };
    let weights: Vec<f64> = info.values.iter().enumerate().map(share).collect();
    state.simplex.weights = weights;
    state.simplex.weights_placed = true;
}

/// By which method the point becomes an answer; what was set of it stays where it is chosen already.
pub(super) fn set_method(state: &mut AppState, kind: MethodKind) {
    if state.method().kind() == kind {
        return;
    }
    let (method, usual) = (Method::usual(kind), Method::of(state.simplex.mode.points()));
    state.prefs.sampling.method = (method != usual).then_some(method);
    state.simplex.stale = true;
    state.simplex.moved = state.now;
}

/// Which objectives the triangle varies; the point stays where it is.
pub(super) fn set_axes(state: &mut AppState, axes: Vec<usize>) {
    let n = state.simplex.preference.len();
    let distinct = axes
        .iter()
        .enumerate()
        .all(|(i, a)| *a < n && !axes[..i].contains(a));
    if distinct && (2..=3).contains(&axes.len()) {
        state.simplex.axes = axes;
        state.simplex.axis = 0;
        super::sweep::recount(state);
    }
}

/// Largest extrapolation weight; weights beyond it follow.
pub(super) fn set_c(state: &mut AppState, c: f64) {
    if c.is_finite() && (0.1..=3.0).contains(&c) {
        state.prefs.c = c;
        if state.simplex.weights.iter().any(|&w| w > c) {
            let cut = state.simplex.weights.iter().map(|w| w.min(c)).collect();
            if let Ok(weights) = Weights::new(cut) {
                state.simplex.weights = weights.as_slice().to_vec();
                state.simplex.stale = true;
            }
        }
    }
}

/// Works out which experts enclose the preference.
pub(super) fn reroute(state: &mut AppState) {
    let simplex = &mut state.simplex;
    simplex.routing = match (&simplex.complex, simplex.mode) {
        (Some(complex), Mode::Interpolate) => Preference::new(simplex.preference.clone())
            .ok()
            .map(|p| complex.route(&p)),
        _ => None,
    };
}
