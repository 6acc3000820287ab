//! A text scored by hand: at once, one at a time.

use paretoscope_core::protocol::{EngineCommand, JobId, Trouble};
use paretoscope_core::types::{Prompt, Scores};

use super::Effect;
use crate::state::AppState;

/// The text changed.
pub(super) fn edit(
    state: &mut AppState,
    prompt: String,
    response: String,
    effects: &mut Vec<Effect>,
) {
    let trial = &mut state.bundle.trial;
    (trial.prompt, trial.response) = (prompt, response);
    trial.stale = true;
    send(state, effects);
}

/// Starts from the answer that is looked at.
pub(super) fn from_current(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(run) = state.session.current() {
        let prompt = crate::state::PromptState::words(&run.prompt);
        let response = run.text.clone();
        edit(state, prompt, response, effects);
    }
}

/// Scores came; true if they were for the trial. What was typed meanwhile goes out next.
pub(super) fn scored(
    state: &mut AppState,
    job: JobId,
    scores: &Scores,
    effects: &mut Vec<Effect>,
) -> bool {
    let trial = &mut state.bundle.trial;
    if trial.job.take_if(|wanted| *wanted == job).is_none() {
        return false;
    }
    trial.trouble = None;
    trial.scores = (!trial.response.trim().is_empty()).then(|| scores.clone());
    send(state, effects);
    true
}

/// Scoring failed; true if it was the trial's.
pub(super) fn failed(
    state: &mut AppState,
    job: JobId,
    trouble: &Trouble,
    effects: &mut Vec<Effect>,
) -> bool {
    let trial = &mut state.bundle.trial;
    if trial.job.take_if(|wanted| *wanted == job).is_none() {
        return false;
    }
    trial.scores = None;
    trial.trouble = Some(trouble.clone());
    send(state, effects);
    true
}

fn send(state: &mut AppState, effects: &mut Vec<Effect>) {
    let chat = state.info().is_some_and(|b| b.model.has_chat_template);
    let trial = &mut state.bundle.trial;
    if !trial.stale || trial.job.is_some() {
        return;
    }
    trial.stale = false;
    if trial.response.trim().is_empty() {
        trial.scores = None;
        trial.trouble = None;
        return;
    }
    let job = state.jobs.next();
    trial.job = Some(job);
    let prompt = trial.prompt.clone();
    effects.push(Effect::Send(EngineCommand::Score {
        job,
        prompt: if chat {
            Prompt::Chat(prompt)
        } else {
            Prompt::Text(prompt)
        },
        response: trial.response.clone(),
    }));
}
