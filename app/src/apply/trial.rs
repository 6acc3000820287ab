//! A text scored by hand: at once, one at a time.

use paretoscope_core::protocol::{EngineCommand, Trouble};
use paretoscope_core::types::{Prompt, Scores};

use super::Effect;
use crate::state::{AppState, Owner};

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

/// Scores the text by the reward models of a bundle that was just loaded; what the old one's would have said is not
/// waited for.
pub(super) fn again(state: &mut AppState, effects: &mut Vec<Effect>) {
    state.jobs.forget(Owner::Trial);
    let trial = &mut state.bundle.trial;
    trial.job = None;
    trial.scores = None;
    trial.stale = true;
    send(state, effects);
}

/// Scores came. What was typed meanwhile goes out next.
pub(super) fn scored(state: &mut AppState, scores: Scores, effects: &mut Vec<Effect>) {
    let trial = &mut state.bundle.trial;
    trial.job = None;
    trial.trouble = None;
    trial.scores = (!trial.response.trim().is_empty()).then_some(scores);
    send(state, effects);
}

/// Scoring failed.
pub(super) fn failed(state: &mut AppState, trouble: Trouble, effects: &mut Vec<Effect>) {
    let trial = &mut state.bundle.trial;
    trial.job = None;
    trial.scores = None;
    trial.trouble = Some(trouble);
    send(state, effects);
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
    let job = state.jobs.begin(Owner::Trial);
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
