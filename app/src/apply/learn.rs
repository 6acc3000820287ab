//! Learning from votes: the form, the run, its result.

use std::path::Path;
use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, JobId, Trouble};
use paretoscope_core::types::{LearnNews, TrainNews};

use super::{Effect, bundle, notify};
use crate::command::AppCommand;
use crate::state::{AppState, LearnForm, LearnPhase, LearnTask, NoticeKind, Owner};

/// Carries out what a person does in the sheet.
pub(super) fn command(state: &mut AppState, command: AppCommand, effects: &mut Vec<Effect>) {
    match command {
        AppCommand::SetLearn(form) => set_form(state, *form),
        AppCommand::StartLearn => start(state, effects),
        AppCommand::CancelLearn => cancel(state, effects),
        AppCommand::LoadLearnt => load(state, effects),
        _ => {}
    }
}

/// The sheet opens: the tasks of the study are looked up.
pub(super) fn open(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(path) = state.study.path.clone() else {
        state.learn.tasks = None;
        return;
    };
    if state.learn.of.as_ref() != Some(&path) {
        state.learn.tasks = None;
    }
    state.learn.of = Some(path.clone());
    effects.push(Effect::LookForVotes(path));
}

/// The tasks of a study, or why they cannot be read.
pub(super) fn tasks_found(
    state: &mut AppState,
    path: &Path,
    found: Result<Vec<LearnTask>, Trouble>,
) {
    if state.learn.of.as_deref() != Some(path) {
        return;
    }
    state.learn.tasks = Some(found);
    let form = state.learn.form.clone();
    set_form(state, form);
}

/// Changes the form: what it names and the study lacks gives way to what there is.
pub(super) fn set_form(state: &mut AppState, form: LearnForm) {
    let before = std::mem::replace(&mut state.learn.form, form);
    let tasks = state.learn.known().to_vec();
    let form = &mut state.learn.form;
    let task = tasks
        .iter()
        .find(|task| task.name == form.task)
        .or(tasks.last());
    let Some(task) = task else { return };
    form.task.clone_from(&task.name);
    let has = |name: &String| {
        task.objectives
            .iter()
            .any(|(objective, _)| objective == name)
    };
    if !has(&form.objective) {
        form.objective = task
            .objectives
            .first()
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
    }
    if form.name.is_empty() || form.name == made_up(&before.objective) {
        form.name = made_up(&form.objective);
    }
}

/// What the vector of an objective is called unless a person says otherwise.
fn made_up(objective: &str) -> String {
    format!("{objective} from votes")
}

/// Starts what the form asks for, or goes on with it.
pub(super) fn start(state: &mut AppState, effects: &mut Vec<Effect>) {
    let (Some(info), Some(study)) = (state.info(), state.study.path.clone()) else {
        return;
    };
    let Some(plan) = state.learn.form.plan(info, &study, &state.training.folder) else {
        return;
    };
    let plan = Arc::new(plan);
    let job = state.jobs.begin(Owner::Learning);
    let learn = &mut state.learn;
    learn.phase = LearnPhase::Starting;
    learn.plan = Some(Arc::clone(&plan));
    (learn.pairs, learn.effect) = (None, None);
    effects.push(Effect::Send(EngineCommand::Learn { job, plan }));
}

/// Asks it to end where it can go on.
pub(super) fn cancel(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(job) = state.jobs.of(Owner::Learning) {
        state.learn.phase = LearnPhase::Stopping;
        effects.push(Effect::Send(EngineCommand::Cancel { job }));
    }
}

/// What the engine says of it.
pub(super) fn news(state: &mut AppState, job: JobId, news: LearnNews) {
    if state.jobs.owner(job) != Some(Owner::Learning) {
        return;
    }
    let stopping = state.learn.phase == LearnPhase::Stopping;
    let phase = match news {
        LearnNews::Pairs(pairs) => {
            state.learn.pairs = Some(pairs);
            return;
        }
        LearnNews::Training(TrainNews::Preparing { what, done, total }) => {
            LearnPhase::Preparing(what, done, total)
        }
        LearnNews::Training(TrainNews::Step(step)) => LearnPhase::Training(step),
        LearnNews::Training(TrainNews::Saved { .. } | TrainNews::Ended(_)) | LearnNews::Trained => {
            return;
        }
        LearnNews::Measuring {
            what,
            done,
            of,
            eta_seconds,
        } => LearnPhase::Measuring(what, done, of, eta_seconds),
        LearnNews::Learnt(effect) => {
            let words = format!(
                "Learnt {} from votes: see what it did in the sheet",
                effect.name
            );
            state.learn.effect = Some(effect);
            return ended(state, job, LearnPhase::Done, NoticeKind::Info, words);
        }
        LearnNews::Cancelled => {
            let words = "Learning from votes stopped; start it again to go on".to_owned();
            return ended(state, job, LearnPhase::Cancelled, NoticeKind::Info, words);
        }
        LearnNews::Failed(trouble) => {
            let words = format!("Learning from votes failed: {}", trouble.message);
            return ended(
                state,
                job,
                LearnPhase::Failed(trouble),
                NoticeKind::Error,
                words,
            );
        }
    };
    if !stopping {
        state.learn.phase = phase;
    }
}

fn ended(state: &mut AppState, job: JobId, phase: LearnPhase, kind: NoticeKind, words: String) {
    state.jobs.end(job);
    state.learn.phase = phase;
    notify(state, kind, words);
}

/// It could not be started.
pub(super) fn failed(state: &mut AppState, trouble: Trouble) {
    state.learn.phase = LearnPhase::Failed(trouble);
}

/// The engine is gone, and what it learnt with it.
pub(super) fn stopped(state: &mut AppState) {
    if state.learn.phase.is_active() {
        state.jobs.forget(Owner::Learning);
        state.learn.phase = LearnPhase::Cancelled;
    }
}

/// Opens the bundle that has the vector.
pub(super) fn load(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(effect) = &state.learn.effect {
        let bundle = effect.bundle.clone();
        bundle::load(state, &bundle, effects);
    }
}
