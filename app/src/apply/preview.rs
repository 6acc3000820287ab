//! What the model would be given: follows the editor without holding anything up.

use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, JobId, Trouble};
use paretoscope_core::types::Given;

use super::Effect;
use crate::state::{AppState, EnginePhase, Owner, PreviewState, Shown};

/// Looks whether the prompt is another one, and asks for it once typing rests.
pub(super) fn follow(state: &mut AppState, effects: &mut Vec<Effect>) {
    let ready = matches!(state.engine.phase, EnginePhase::Ready) && !state.bundle.stored;
    let (Some(info), true) = (state.info().cloned(), ready) else {
        state.preview = PreviewState::default();
        return;
    };
    let Some(prompt) = state.prompt_now() else {
        return;
    };
    let preview = &mut state.preview;
    let same = |(seen, bundle): &(_, _)| *seen == prompt && Arc::ptr_eq(bundle, &info);
    if !preview.seen.as_ref().is_some_and(same) {
        // The answer to an older prompt is not wanted any more.
        preview.job = None;
        // What another bundle would be given says nothing here.
        if preview
            .seen
            .as_ref()
            .is_some_and(|(_, b)| !Arc::ptr_eq(b, &info))
        {
            preview.shown = None;
        }
        let first = preview.seen.is_none();
        preview.due = Some(state.now + if first { 0.0 } else { PreviewState::REST });
        preview.seen = Some((prompt, info));
    }
    if preview.due.is_none_or(|due| state.now < due) {
        return;
    }
    preview.due = None;
    if state.prompt.problem().is_some() && state.prompt.sample.is_none() {
        // Nothing to show; the editor says what is missing.
        preview.shown = None;
        return;
    }
    if let Some((prompt, _)) = &preview.seen {
        let job = state.jobs.begin(Owner::Preview);
        preview.job = Some(job);
        effects.push(Effect::Send(EngineCommand::Preview {
            job,
            prompt: prompt.clone(),
        }));
    }
}

/// An answer is here; only the newest prompt's counts.
pub(super) fn previewed(state: &mut AppState, job: JobId, given: Arc<Given>, context: usize) {
    // What was typed meanwhile makes it an older prompt's.
    if state.preview.job.take_if(|wanted| *wanted == job).is_some() {
        state.jobs.end(job);
        state.preview.shown = Some(Ok(Shown { given, context }));
    }
}

/// The prompt cannot be given, for the reason that template or tokenizer state.
pub(super) fn failed(state: &mut AppState, trouble: Trouble) {
    if state.preview.job.take().is_some() {
        state.preview.shown = Some(Err(trouble));
    }
}
