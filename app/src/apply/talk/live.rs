//! What the engine makes on stage, and what comes in its place where it does not.

use std::sync::Arc;

use paretoscope_core::protocol::EngineCommand;
use paretoscope_core::study::Uid;
use paretoscope_core::types::{BundleInfo, Point, Preference, RowRequest, Steering, TraceLevel};

use super::stage;
use crate::apply::Effect;
use crate::apply::point::LIVE_REST;
use crate::command::Gesture;
use crate::state::{AppState, EnginePhase, How, Owner, RunEntry, RunPhase, Show, StageAnswer};

/// Seconds without a token after which the recorded answer takes over.
pub(crate) const SILENCE: f64 = 3.0;

/// Why the engine cannot answer on this stage, or `None`.
pub(super) fn why_not(state: &AppState) -> Option<String> {
    let say = |words: &str| Some(words.to_owned());
    if let EnginePhase::Stopped(panic) = &state.engine.phase {
        let why = panic.as_deref().unwrap_or("its thread ended");
        return Some(format!("the engine has stopped: {why}"));
    }
    let Some(info) = state.info().filter(|_| !state.bundle.stored) else {
        return say("no bundle is loaded");
    };
    let stage = &state.talk.show.as_ref()?.stage;
    if stage.stop.prompt.is_none() {
        return say("the stop has no prompt");
    }
    let named = stage.stop.answers();
    let mut recorded = named.filter_map(|uid| state.talk.answers.get(uid));
    let other = recorded.find(|staged| !same_model(&staged.bundle, info));
    other.map(|staged| {
        let (name, wanted) = (&info.name, &staged.bundle.name);
        format!(
            "the bundle in use, {name}, is not the one that the stop was recorded with, {wanted}"
        )
    })
}

/// Whether two bundles answer alike but for the last bits: a talk that was recorded on one device is given on another.
fn same_model(a: &BundleInfo, b: &BundleInfo) -> bool {
    let parts = |info: &BundleInfo| {
        let names = info.objectives.iter().map(|o| o.name.clone());
        let names: Vec<String> = names.chain(info.adapters.iter().cloned()).collect();
        (
            info.identity.model.clone(),
            info.identity.adapters.clone(),
            names,
        )
    };
    parts(a) == parts(b)
}

/// Asks the engine for an answer where the point stands; what was recorded comes where it cannot.
pub(super) fn begin(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(reason) = why_not(state) {
        return fall_back(state, &reason, effects);
    }
    hush(state, effects);
    let Some(bundle) = state.bundle.current.clone() else {
        return;
    };
    let usual = state.prefs.sampling.clone();
    let now = state.now;
    let id = state.session.next_id();
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let stage = &mut show.stage;
    let put = stage.preference.clone().map(Preference::new);
    let put = put.and_then(Result::ok).map(Point::Preference);
    let (Some(prompt), Some(point)) = (stage.stop.prompt.clone(), put.or(stage.stop.point.clone()))
    else {
        return fall_back(state, "the stop has no prompt or no point", effects);
    };
    let job = state.jobs.begin(Owner::Talk);
    let (mutes, sampling) = (
        stage.mutes().clone(),
        stage
            .stop
            .sampling
            .clone()
            .unwrap_or_else(|| usual.sampling(point.kind())),
    );
    let row = RowRequest {
        prompt: prompt.clone(),
        point: point.clone(),
        mutes: mutes.clone(),
        sampling: sampling.clone(),
        trace: TraceLevel::Full,
        time: None,
    };
    let run = RunEntry {
        steering: Steering::new(&mutes),
        started: now,
        ..RunEntry::new(id, job, Arc::clone(&bundle), prompt, point, sampling)
    };
    stage.bundle = Some(bundle);
    stage.current = Some(StageAnswer {
        run,
        how: How::Live,
        begun: now,
        pace: None,
    });
    stage.heard = (0, now);
    (stage.moved, stage.stale, stage.fell_back) = (false, None, false);
    // The stage asks for no scores: they would come after the answer, and say nothing on it.
    effects.push(Effect::Send(EngineCommand::Generate {
        job,
        row,
        score: false,
    }));
}

/// Nothing more is waited for of a live answer.
pub(super) fn hush(state: &mut AppState, effects: &mut Vec<Effect>) {
    if let Some(job) = state.jobs.of(Owner::Talk) {
        state.jobs.end(job);
        if !matches!(state.engine.phase, EnginePhase::Stopped(_)) {
            effects.push(Effect::Send(EngineCommand::Cancel { job }));
        }
    }
}

/// What was recorded for the stop, as far as it is here.
fn fallback_of(state: &mut AppState) -> Option<StageAnswer> {
    let stop = &state.talk.show.as_ref()?.stage.stop;
    let names: Vec<Uid> = stop.fallback.iter().chain(&stop.current).cloned().collect();
    let replay = How::Replay { times: 1.0 };
    names
        .iter()
        .find_map(|uid| stage::recorded(state, uid, replay))
}

/// A recorded answer that was not here when the live one failed comes onto the stage now.
pub(super) fn fill_in(state: &mut AppState) {
    let waits = |show: &Show| show.stage.fell_back && show.stage.current.is_none();
    if !state.talk.show.as_deref().is_some_and(waits) {
        return;
    }
    let answer = fallback_of(state);
    if let (Some(answer), Some(show)) = (answer, &mut state.talk.show) {
        show.stage.bundle = Some(Arc::clone(&answer.run.bundle));
        show.stage.current = Some(answer);
    }
}

/// The recorded answer takes the place of the live one. Why is for the speaker's notes alone.
pub(super) fn fall_back(state: &mut AppState, reason: &str, effects: &mut Vec<Effect>) {
    hush(state, effects);
    let now = state.now;
    let Some(show) = &mut state.talk.show else {
        return;
    };
    show.troubles.push((show.seconds(now), reason.to_owned()));
    let answer = fallback_of(state);
    let Some(show) = &mut state.talk.show else {
        return;
    };
    if answer.is_none() {
        let words = "nothing was recorded that could take its place".to_owned();
        show.troubles.push((show.seconds(now), words));
    }
    let stage = &mut show.stage;
    if let Some(answer) = &answer {
        stage.bundle = Some(Arc::clone(&answer.run.bundle));
    }
    stage.current = answer;
    stage.fell_back = true;
    (stage.moved, stage.dragging, stage.stale) = (false, false, None);
}

/// Looks whether the live answer still comes.
pub(super) fn watch(state: &mut AppState, effects: &mut Vec<Effect>) {
    let now = state.now;
    let gone = match &state.engine.phase {
        EnginePhase::Stopped(panic) => Some(panic.clone().unwrap_or_default()),
        EnginePhase::Starting | EnginePhase::Ready => None,
    };
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let stage = &mut show.stage;
    let live = stage.current.as_ref().filter(|a| a.how == How::Live);
    let Some(run) = live.map(|answer| &answer.run) else {
        return;
    };
    let tokens = run.tokens.len();
    let reason = match &run.phase {
        RunPhase::Failed(trouble) => Some(trouble.message.clone()),
        phase if !phase.is_running() => None,
        _ if gone.is_some() => {
            let why = gone.unwrap_or_default();
            Some(format!("the engine stopped while it answered: {why}"))
        }
        _ if tokens > stage.heard.0 => {
            stage.heard = (tokens, now);
            None
        }
        _ if now - stage.heard.1 > SILENCE => Some(format!(
            "no token came for {SILENCE} s, after {tokens} tokens"
        )),
        _ => None,
    };
    if let Some(reason) = reason {
        fall_back(state, &reason, effects);
    }
}

/// Moves the point of the stage: a live answer follows it, else one begins where it rests.
pub(super) fn point(
    state: &mut AppState,
    shares: Vec<f64>,
    gesture: Gesture,
    effects: &mut Vec<Effect>,
) {
    let Ok(preference) = Preference::new(shares) else {
        return;
    };
    // Without an engine the stage shows what was recorded, where it was recorded.
    if why_not(state).is_some() {
        return;
    }
    let now = state.now;
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let stage = &mut show.stage;
    let still = stage.shares(now).as_deref() == Some(preference.as_slice());
    stage.dragging = !is_settled(gesture);
    if !still {
        stage.preference = Some(preference.as_slice().to_vec());
        stage.moved = true;
        stage.stale = Some(now);
        let mutes = stage.mutes().clone();
        let point = Point::Preference(preference);
        let live = stage.current.as_ref().filter(|a| a.how == How::Live);
        if let Some(run) = live.map(|a| &a.run).filter(|run| run.phase.is_running()) {
            let job = run.job;
            effects.push(Effect::Send(EngineCommand::Steer { job, point, mutes }));
        }
    }
    if gesture == Gesture::Settled {
        rest_now(state, effects);
    }
}

/// The point rested for a moment: an answer begins there.
pub(super) fn rest(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(show) = &state.talk.show else { return };
    let rested = show
        .stage
        .stale
        .is_some_and(|at| state.now - at >= LIVE_REST);
    if rested {
        rest_now(state, effects);
    }
}

fn rest_now(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let stage = &mut show.stage;
    if stage.stale.is_none() {
        return;
    }
    let live = stage.current.as_ref().filter(|a| a.how == How::Live);
    if let Some(run) = live.map(|answer| &answer.run) {
        if run.phase.is_running() {
            // It follows; what it missed is answered when it ends.
            return;
        }
        if Some(run.point_now().as_slice()) == stage.preference.as_deref() {
            stage.stale = None;
            return;
        }
    }
    begin(state, effects);
}

/// Whether a gesture ends a move.
fn is_settled(gesture: Gesture) -> bool {
    gesture != Gesture::Moving
}
