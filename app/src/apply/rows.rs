//! Rows: generate, stop, look at.

use std::sync::Arc;

use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::types::{Point, Prompt, RowRequest, Sampling, Steering, TraceLevel};

use super::{Effect, notify, point, sweep, turns};
use crate::command::Gesture;
use crate::state::{AppState, NoticeKind, Overlay, Owner, PromptState, RunEntry, RunId, RunPhase};
use crate::study::StudyCommand;

/// Generates at the point with the prompt of the editor.
pub(super) fn generate(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(prompt) = state.prompt_now() else {
        return;
    };
    if let Some(point) = state.simplex.point() {
        let sampling = state.prefs.sampling.sampling(point.kind());
        send(state, prompt, point, sampling, effects);
    }
}

/// Generates the current run again, whole, at the point where it stands now.
pub(super) fn regenerate(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(run) = state.session.current() else {
        return;
    };
    let (prompt, point, sampling) = (
        run.prompt.clone(),
        run.point_now().clone(),
        run.sampling.clone(),
    );
    state.mutes = run.mutes_now();
    point::place(state, &point);
    send(state, prompt, point, sampling, effects);
}

fn send(
    state: &mut AppState,
    prompt: Prompt,
    point: Point,
    sampling: Sampling,
    effects: &mut Vec<Effect>,
) {
    let Some(bundle) = state.bundle.current.clone() else {
        return;
    };
    stop(state, effects);
    let id = state.session.next_id();
    let job = state.jobs.begin(Owner::Run(id));
    let score = bundle.objectives.iter().any(|o| o.reward.is_some());
    let row = RowRequest {
        prompt: prompt.clone(),
        point: point.clone(),
        mutes: state.mutes.clone(),
        sampling: sampling.clone(),
        trace: TraceLevel::Full,
        time: None,
    };
    let run = RunEntry {
        phase: RunPhase::Queued,
        scoring: score,
        steering: Steering::new(&state.mutes),
        started: state.now,
        ..RunEntry::new(id, job, bundle, prompt, point, sampling)
    };
    state.session.current = Some(id);
    state.session.push(run);
    state.simplex.stale = false;
    state.prefs.heatmap.token = None;
    effects.push(Effect::Send(EngineCommand::Generate { job, row, score }));
}

/// Stops the row that streams; its text stays.
pub(super) fn stop(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(run) = state.session.running_mut() {
        run.stopping = true;
        effects.push(Effect::Send(EngineCommand::Cancel { job: run.job }));
    }
}

/// Another answer of one live drag took its place: it is out of the history, and stays in the file. One that a person
/// pinned, starred, tagged or noted something on stays.
pub(super) fn replaced(state: &mut AppState, id: RunId, effects: &mut Vec<Effect>) {
    let is_kept = |run: &RunEntry| run.star || !run.note.is_empty() || !run.tags.is_empty();
    if state.session.pinned == Some(id) || state.session.get(id).is_none_or(is_kept) {
        return;
    }
    state.session.forget(id);
    if state.study.is_open() {
        effects.push(Effect::Study(StudyCommand::Hide(id)));
    }
}

/// Looks at a run: its point, its prompt, its text.
pub(super) fn select(state: &mut AppState, id: RunId) {
    let Some(run) = state.session.get(id) else {
        return;
    };
    let (point, prompt) = (run.point_now().clone(), run.prompt.clone());
    let mutes = run.mutes_now();
    let fits = state
        .info()
        .is_some_and(|info| Arc::ptr_eq(info, &run.bundle));
    state.session.current = Some(id);
    state.prefs.heatmap.token = None;
    if fits {
        state.mutes = mutes;
        point::place(state, &point);
        show_prompt(state, &prompt);
    }
    state.simplex.stale = false;
}

/// Puts a prompt into the editor.
pub(super) fn show_prompt(state: &mut AppState, prompt: &Prompt) {
    let sample = state
        .info()
        .and_then(|b| b.prompts.iter().position(|s| s.prompt == *prompt));
    match prompt {
        Prompt::Messages(turns) => turns::show(state, turns.clone()),
        Prompt::Tokens(_) if sample.is_none() => {}
        Prompt::Text(_) | Prompt::Chat(_) | Prompt::Tokens(_) => {
            state.prompt.conversation = false;
            state.prompt.text = PromptState::words(prompt);
            state.prompt.sample = sample;
            state.prefs.conversation = false;
            state.prefs.prompt.clone_from(&state.prompt.text);
        }
    }
}

/// Types into the editor; text that equals a sample stands for it. A conversation is more than its last words.
pub(super) fn set_prompt(state: &mut AppState, text: String) {
    state.prompt.sample = state.info().and_then(|b| {
        b.prompts.iter().position(|s| {
            !matches!(s.prompt, Prompt::Messages(_)) && PromptState::words(&s.prompt) == text
        })
    });
    state.prefs.prompt.clone_from(&text);
    state.prompt.text = text;
    super::sweep::recount(state);
}

/// Takes a sample and answers it.
pub(super) fn pick_sample(state: &mut AppState, index: usize, effects: &mut Vec<Effect>) {
    let Some(sample) = state.info().and_then(|b| b.prompts.get(index)) else {
        return;
    };
    let prompt = sample.prompt.clone();
    show_prompt(state, &prompt);
    state.prompt.sample = Some(index);
    super::sweep::recount(state);
    stop(state, effects);
    state.simplex.drag_run = None;
    state.simplex.stale = true;
    point::settle(state, Gesture::Settled, effects);
}

/// Forgets all answers of this session and hides those of earlier ones; one under way is stopped. Sweeps stay in the
/// study, and the prompt stays in its field.
pub(super) fn forget(state: &mut AppState, effects: &mut Vec<Effect>) {
    stop(state, effects);
    let runs: Vec<_> = state.session.runs.iter().map(|run| run.job).collect();
    for job in runs {
        state.jobs.end(job);
    }
    sweep::leave_dot(state);
    state.session.clear();
    state.kept.clear();
    state.study.found = None;
    if state.study.is_open() {
        state.undo.edit("Forget the answers");
        effects.push(Effect::Study(StudyCommand::Forget));
    }
    state.overlay.open = Overlay::None;
    notify(
        state,
        NoticeKind::Info,
        "All answers are forgotten".to_owned(),
    );
}
