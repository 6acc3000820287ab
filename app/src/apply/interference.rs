//! Comparing the bundle's adapters, pair by pair.

use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, JobId, Trouble};
use paretoscope_core::types::{Compared, Interference, Measure};

use super::Effect;
use crate::state::{AppState, InterferenceState, Owner};

/// Looks at other adapters or by another measure; asks the engine unless it is known or on its way.
pub(super) fn compare(
    state: &mut AppState,
    compared: Compared,
    measure: Measure,
    effects: &mut Vec<Effect>,
) {
    let now = &mut state.interference;
    let same = (now.compared, now.measure) == (compared, measure);
    if same && (now.job.is_some() || now.found.is_some()) {
        return;
    }
    cancel(state, effects);
    let job = state.jobs.begin(Owner::Interference);
    state.interference = InterferenceState {
        measure,
        compared,
        job: Some(job),
        ..InterferenceState::default()
    };
    effects.push(Effect::Send(EngineCommand::Compare {
        job,
        compared,
        measure,
    }));
}

/// Stops what is on its way.
pub(super) fn cancel(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(job) = state.interference.job.take() {
        state.jobs.end(job);
        effects.push(Effect::Send(EngineCommand::Cancel { job }));
    }
}

/// It goes on.
pub(super) fn comparing(state: &mut AppState, job: JobId, fraction: f32) {
    if state.interference.job == Some(job) {
        state.interference.fraction = fraction;
    }
}

/// It is there.
pub(super) fn compared(state: &mut AppState, job: JobId, found: Arc<Interference>) {
    if state.interference.job.take_if(|j| *j == job).is_some() {
        state.jobs.end(job);
        state.interference.found = Some(found);
    }
}

/// It failed.
pub(super) fn failed(state: &mut AppState, trouble: Trouble) {
    state.interference.job = None;
    state.interference.trouble = Some(trouble);
}
