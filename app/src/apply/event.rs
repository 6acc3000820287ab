//! What the engine says, taken into the state.

use std::sync::Arc;

use paretoscope_core::protocol::{EngineEvent, JobId, SweepPhase, TokenNews, Trouble};
use paretoscope_core::types::{BundleInfo, GateRecord, Run, RunStatus};

use super::bundle::{look_at_stored, take};
use super::{
    Effect, interference, learn, leaving, notify, point, preview, shell, study, sweep, talk,
    training, trial,
};
use crate::state::{
    AppState, EnginePhase, Jobs, LoadFailure, Notice, NoticeKind, Owner, RunEntry, RunPhase,
};
use crate::widgets::format::counted;

/// Takes in one event.
#[allow(clippy::too_many_lines, reason = "a table: one entry per event")]
pub fn event(state: &mut AppState, event: EngineEvent, effects: &mut Vec<Effect>) {
    use EngineEvent as E;
    if matches!(event, E::Loaded { .. } | E::Finished { .. }) {
        outlive_error(state);
    }
    match event {
        E::Ready { device, fallback } => {
            state.engine.phase = EnginePhase::Ready;
            state.engine.device = device;
            state.engine.fallback = fallback;
        }
        E::Loading {
            job,
            stage,
            fraction,
        } => {
            if let Some(loading) = state.bundle.loading.as_mut().filter(|l| l.job == job) {
                loading.step(stage, fraction, state.now);
            }
        }
        E::Loaded { job, bundle } => loaded(state, job, bundle, effects),
        E::LoadFailed { job, path, trouble } => {
            if state.bundle.loading.as_ref().is_some_and(|l| l.job == job) {
                state.bundle.loading = None;
                state.jobs.end(job);
                notify(
                    state,
                    NoticeKind::Error,
                    format!("Bundle not loaded: {}", trouble.message),
                );
                state.bundle.failure = Some(LoadFailure { path, trouble });
                look_at_stored(state, effects);
            }
        }
        E::Reading { job, read, tokens } => {
            let run = run_of(state, job);
            // News that come late are none.
            if let Some(run) =
                run.filter(|r| matches!(r.phase, RunPhase::Queued | RunPhase::Prefill))
            {
                run.phase = RunPhase::Prefill;
                run.prompt_tokens = Some(tokens);
                run.prompt_read = run.prompt_read.max(read);
            }
        }
        E::Started { job, prompt_tokens } => {
            if let Some(run) = run_of(state, job) {
                run.phase = RunPhase::Prefill;
                run.prompt_tokens = Some(prompt_tokens);
                run.prompt_read = prompt_tokens;
            }
        }
        E::Tokens { job, news } => tokens(state, job, news),
        E::Steered {
            job,
            at_token,
            point,
            mutes,
        } => {
            if let Some(run) = run_of(state, job) {
                let reached = |heading: &mut (_, _)| heading.0 == point && heading.1 == mutes;
                run.heading.take_if(reached);
                run.steering.go(&run.point, at_token, &point, &mutes);
            }
        }
        E::Finished { job, run } => finished(state, job, &run, effects),
        E::Scored { job, scores } => match state.jobs.end(job) {
            Some(Owner::Trial) => trial::scored(state, scores, effects),
            Some(Owner::Run(id)) => {
                study::score(state, id, &scores, effects);
                if let Some(run) = state.session.get_mut(id) {
                    run.scoring = false;
                    run.take_scores(scores);
                }
            }
            _ => {}
        },
        E::PromptsRead { path, read } => shell::prompts_read(state, &path, read),
        E::RunsFound { runs, refused } => training::runs_found(state, runs, refused),
        E::BundleMade { plan, made } => training::bundle_made(state, &plan, made, effects),
        E::SweepPoint { job, result } => {
            if state.jobs.owner(job) == Some(Owner::Sweep) {
                match state
                    .sweep
                    .points
                    .iter_mut()
                    .find(|p| p.index == result.index)
                {
                    Some(known) => {
                        *known = result;
                        state.sweep.generation += 1;
                    }
                    None => state.sweep.points.push(result),
                }
            }
        }
        E::Sweep { job, progress } => {
            if state.jobs.owner(job) == Some(Owner::Sweep) {
                state.sweep.rate = progress.rows_per_second.or(state.sweep.rate);
                let before = state.sweep.phase();
                let (phase, points) = (progress.phase, progress.points_done);
                state.sweep.progress = Some(progress);
                if matches!(phase, SweepPhase::Finished | SweepPhase::Cancelled) {
                    state.jobs.end(job);
                }
                if before != Some(phase) {
                    announce_sweep(state, phase, points);
                }
                match phase {
                    SweepPhase::Finished => sweep::go_on(state, effects),
                    SweepPhase::Cancelled => state.sweep.queue.clear(),
                    SweepPhase::Running | SweepPhase::Paused | SweepPhase::Yielding => {}
                }
            }
        }
        E::Recalled { job, index, runs } => {
            if state.jobs.end(job) == Some(Owner::Recall) {
                sweep::recalled(state, job, index, runs, effects);
            }
        }
        E::Held { job, held } => {
            if state.jobs.end(job) == Some(Owner::Held) {
                state.sweep.held = Some(held);
            }
        }
        E::Comparing { job, fraction } => interference::comparing(state, job, fraction),
        E::Compared { job, found } => interference::compared(state, job, found),
        E::Training { job, news } => training::news(state, job, news),
        E::Learning { job, news } => learn::news(state, job, news),
        E::Previewed {
            job,
            given,
            context,
        } => preview::previewed(state, job, given, context),
        E::Retraced { job, record } => {
            if state.jobs.end(job) == Some(Owner::Retrace) {
                sweep::retraced(state, record);
            }
        }
        E::Failed { job, trouble } => failed(state, job, trouble, effects),
        E::Stopped { panic } => stopped(state, panic),
    }
}

/// An error gives way to what went well after it, once there was time to read it.
fn outlive_error(state: &mut AppState) {
    let now = state.now;
    state
        .engine
        .notice
        .take_if(|n| n.kind == NoticeKind::Error && now - n.at > Notice::SECONDS);
}

fn loaded(state: &mut AppState, job: JobId, bundle: Arc<BundleInfo>, effects: &mut Vec<Effect>) {
    if state.bundle.loading.as_ref().is_some_and(|l| l.job != job) {
        return;
    }
    state.bundle.loading = None;
    state.bundle.failure = None;
    if std::mem::take(&mut state.bundle.stored) {
        // They come back as answers of the bundle that is there now.
        leaving::leave(state);
    }
    state.prefs.remember(&bundle.path);
    notify(
        state,
        NoticeKind::Info,
        format!("{} is loaded", bundle.name),
    );
    take(state, bundle, effects);
}

/// The run that a job is for.
fn run_of(state: &mut AppState, job: JobId) -> Option<&mut RunEntry> {
    match state.jobs.owner(job)? {
        Owner::Run(id) => state.session.get_mut(id),
        Owner::Talk => {
            let show = state.talk.show.as_mut()?;
            Some(&mut show.stage.current.as_mut()?.run)
        }
        _ => None,
    }
}

fn tokens(state: &mut AppState, job: JobId, news: TokenNews) {
    let now = state.now;
    let Some(run) = run_of(state, job) else {
        return;
    };
    // News that do not continue the text can only be late ones of a row that ended.
    if !run.phase.is_running() || news.first != run.tokens.len() {
        return;
    }
    run.phase = RunPhase::Streaming;
    if run.first_token.is_none() && !news.tokens.is_empty() {
        run.first_token = Some(now);
    }
    run.text.push_str(&news.text);
    run.tokens.extend(news.tokens);
    if !news.gates.is_empty() {
        let bundle = &run.bundle;
        let record = run.record.get_or_insert_with(|| {
            Arc::new(GateRecord {
                sites: Arc::new(bundle.sites.clone()),
                adapters: Arc::new(bundle.adapters.clone()),
                values: Vec::new(),
            })
        });
        Arc::make_mut(record).values.extend_from_slice(&news.gates);
    }
}

fn finished(state: &mut AppState, job: JobId, done: &Arc<Run>, effects: &mut Vec<Effect>) {
    let now = state.now;
    let Some(run) = run_of(state, job) else {
        return;
    };
    run.ended = Some(now);
    run.phase = match done.status {
        RunStatus::Done => RunPhase::Done(done.finish),
        RunStatus::Stopped => RunPhase::Stopped,
    };
    run.finish(done);
    run.scoring &= done.scores.is_none() && done.status == RunStatus::Done;
    let over = !run.scoring;
    let missed = run.heading.take().is_some() && done.status == RunStatus::Done;
    let (id, n) = (run.id, run.tokens.len());
    if over {
        state.jobs.end(job);
    }
    study::save(state, id, done, effects);
    if state.session.current == Some(id) && done.status == RunStatus::Done {
        notify(
            state,
            NoticeKind::Info,
            format!("Answer finished: {n} tokens"),
        );
        // The row ended before it could follow the last move: answer at the point that is shown.
        if missed && !state.simplex.dragging {
            point::start_if_wanted(state, effects);
        } else if missed {
            state.simplex.stale = true;
        }
    }
}

fn announce_sweep(state: &mut AppState, phase: SweepPhase, points: usize) {
    let text = match phase {
        SweepPhase::Finished => format!("Sweep finished: {}", counted(points, "point")),
        SweepPhase::Cancelled => format!("Sweep stopped: {} kept", counted(points, "point")),
        SweepPhase::Paused => format!("Sweep paused at {}", counted(points, "point")),
        SweepPhase::Running | SweepPhase::Yielding => return,
    };
    notify(state, NoticeKind::Info, text);
}

/// What a job was for says what its failure means. Of one whose place another took nothing is said.
fn failed(state: &mut AppState, job: JobId, trouble: Trouble, effects: &mut Vec<Effect>) {
    let Some(owner) = state.jobs.end(job) else {
        return;
    };
    let said = trouble.message.clone();
    match owner {
        // These say it where it belongs.
        Owner::Trial => return trial::failed(state, trouble, effects),
        Owner::Preview => return preview::failed(state, trouble),
        Owner::Interference => return interference::failed(state, trouble),
        Owner::Training => return training::failed(state, job, trouble),
        Owner::Talk => return talk::failed(state, &trouble, effects),
        Owner::Learning => learn::failed(state, trouble),
        Owner::Sweep => {
            state.sweep.queue.clear();
            state.sweep.trouble = Some(trouble);
        }
        Owner::Recall => state.sweep.recalling = false,
        Owner::Retrace => state.sweep.retrace = None,
        // Starting the sweep says why its store cannot be read.
        Owner::Held => return,
        // A bundle's failure has an event of its own.
        Owner::Bundle => {}
        Owner::Run(id) => {
            let now = state.now;
            if let Some(run) = state.session.get_mut(id) {
                run.ended = Some(now);
                run.scoring = false;
                // Of what failed, be it at its last step or its scores, nothing is shown as an answer.
                run.phase = RunPhase::Failed(trouble);
            }
        }
    }
    notify(state, NoticeKind::Error, said);
}

fn stopped(state: &mut AppState, panic: Option<String>) {
    let now = state.now;
    let message = panic
        .clone()
        .unwrap_or_else(|| "the engine ended".to_owned());
    for run in state
        .session
        .runs
        .iter_mut()
        .filter(|r| r.phase.is_running() || r.scoring)
    {
        run.ended = Some(now);
        run.scoring = false;
        if run.phase.is_running() {
            run.phase = RunPhase::Failed(Trouble::system(message.clone()));
        }
    }
    training::stopped(state);
    learn::stopped(state);
    state.jobs = Jobs::default();
    // Nothing of what was asked for comes any more.
    state.training.loading.clear();
    state.sweep.recalling = false;
    state.sweep.retrace = None;
    if state.interference.job.take().is_some() {
        state.interference.trouble = Some(Trouble::system(message.clone()));
    }
    if state.bundle.trial.job.take().is_some() {
        state.bundle.trial.trouble = Some(Trouble::system(message.clone()));
    }
    if state.sweep.is_active() {
        state.sweep.trouble = Some(Trouble::system(message.clone()));
    }
    if let Some(loading) = state.bundle.loading.take() {
        let trouble = Trouble::system(message.clone());
        state.bundle.failure = Some(LoadFailure {
            path: loading.path,
            trouble,
        });
    }
    state.engine.phase = EnginePhase::Stopped(panic);
    notify(
        state,
        NoticeKind::Error,
        format!("The engine stopped: {message}"),
    );
}
