//! The bundle in use: asked for, taken up, and left for another.

use std::path::Path;
use std::sync::Arc;

use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::routing::Complex;
use paretoscope_core::types::{BundleInfo, Mutes};

use super::{Effect, asks, kept, notify, point, rows, sweep, trial, turns};
use crate::locate;
use crate::state::{
    AppState, InterferenceState, Loading, Mode, NoticeKind, Owner, SimplexState, SweepState,
};

/// Asks the engine for a bundle; the one in use stays until the new one is there.
pub(super) fn load(state: &mut AppState, path: &Path, effects: &mut Vec<Effect>) {
    let path = locate::bundle_folder(path);
    if let Some(loading) = state.bundle.loading.take() {
        effects.push(Effect::Send(EngineCommand::Cancel { job: loading.job }));
    }
    let job = state.jobs.begin(Owner::Bundle);
    state.bundle.failure = None;
    state.bundle.typed = path.display().to_string();
    state.bundle.loading = Some(Loading {
        job,
        path: path.clone(),
        stage: None,
        fraction: 0.0,
        came: None,
    });
    effects.push(Effect::Send(EngineCommand::LoadBundle { job, path }));
}

/// Gives up the load that is under way; the bundle in use stays, and what came over a network is kept.
pub(super) fn cancel_load(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(loading) = state.bundle.loading.take() else {
        return;
    };
    effects.push(Effect::Send(EngineCommand::Cancel { job: loading.job }));
    state.jobs.end(loading.job);
    let words = format!("{} is not loaded", loading.path.display());
    notify(state, NoticeKind::Info, words);
    look_at_stored(state, effects);
}

/// Without models, what the study's last answers were made with is enough to look at all that is stored.
pub(super) fn look_at_stored(state: &mut AppState, effects: &mut Vec<Effect>) {
    if (state.info().is_some() && !state.bundle.stored) || state.bundle.loading.is_some() {
        return;
    }
    if let Some(bundle) = state
        .study
        .bundle
        .clone()
        .filter(|_| state.study.is_readable())
    {
        state.bundle.stored = true;
        take(state, bundle, effects);
    }
}

/// A bundle is in use from now on.
pub(super) fn take(state: &mut AppState, bundle: Arc<BundleInfo>, effects: &mut Vec<Effect>) {
    leave_bundle(state);
    state.mutes = Mutes::default();
    state.undo.forget_views();
    state.interference = InterferenceState::default();
    let n = bundle.objectives.len();
    let same_shape = state.simplex.preference.len() == n && n > 0;
    let old = std::mem::take(&mut state.simplex);
    let complex = Complex::new(&bundle.experts, n);
    let weights = vec![0.0; bundle.values.len()];
    state.simplex = SimplexState {
        mode: if Mode::Extrapolate.fits(&bundle) && !Mode::Interpolate.fits(&bundle) {
            Mode::Extrapolate
        } else {
            Mode::Interpolate
        },
        preference: if same_shape {
            old.preference
        } else {
            vec![1.0 / n.max(1) as f64; n]
        },
        axes: if same_shape {
            old.axes
        } else {
            (0..n.min(3)).collect()
        },
        weights_placed: old.weights_placed && old.weights.len() == weights.len(),
        weights: if old.weights.len() == weights.len() {
            old.weights
        } else {
            weights
        },
        moved: state.now,
        complex_problem: complex
            .as_ref()
            .err()
            .filter(|_| !bundle.is_bare())
            .map(ToString::to_string),
        complex: complex.ok(),
        ..SimplexState::default()
    };
    // A sweep and its dots belong to the bundle that they were made with.
    state.sweep = SweepState {
        folder: std::mem::take(&mut state.sweep.folder),
        file: state.sweep.file.take(),
        generation: state.sweep.generation + 1,
        ..SweepState::default()
    };
    state.objectives = bundle.objectives.iter().map(|o| o.name.clone()).collect();
    let first = bundle.prompts.first().map(|s| s.prompt.clone());
    state.bundle.current = Some(bundle);
    if state.prompt.conversation {
        turns::show(state, state.prompt.turns.clone());
    } else if state.prompt.text.trim().is_empty() {
        if let Some(prompt) = first {
            rows::show_prompt(state, &prompt);
        }
    } else {
        rows::set_prompt(state, state.prompt.text.clone());
    }
    state.prefs.heatmap.adapter = 0;
    state.prefs.heatmap.token = None;
    point::reroute(state);
    kept::restore(state);
    asks::bring_back(state, effects);
    sweep::recount(state);
    trial::again(state, effects);
}

/// What was asked of the old bundle is not answered any more.
fn leave_bundle(state: &mut AppState) {
    for owner in [
        Owner::Bundle,
        Owner::Sweep,
        Owner::Held,
        Owner::Recall,
        Owner::Retrace,
        Owner::Interference,
    ] {
        state.jobs.forget(owner);
    }
    for run in state.session.runs.iter_mut().filter(|run| run.scoring) {
        run.scoring = false;
        state.jobs.end(run.job);
    }
}
