//! The stage: beginning, ending, going from stop to stop.

use paretoscope_core::study::{Stop, StopLayout, StopMode, Uid};
use paretoscope_core::types::Point;

use super::live;
use crate::apply::Effect;
use crate::command::TalkCommand;
use crate::state::{
    AppState, How, Overlay, Owner, Pace, RunEntry, Show, Stage, StageAnswer, StageSweep,
};

/// Begins the talk with its first stop. Without one the stage shows what the window does.
pub(super) fn start(state: &mut AppState, effects: &mut Vec<Effect>) {
    if state.talk.is_on() {
        return;
    }
    let overlay = std::mem::replace(&mut state.overlay.open, Overlay::None);
    let show = Show {
        stops: state.talk.stops().to_vec(),
        at: 0,
        stage: Stage::default(),
        blank: false,
        typed: String::new(),
        clock: false,
        begun: state.now,
        troubles: Vec::new(),
        overlay,
        fullscreen: state.fullscreen,
    };
    state.talk.show = Some(Box::new(show));
    // A stage on another screen fills that one.
    if state.talk.screen.is_none() && !state.fullscreen {
        state.fullscreen = true;
        effects.push(Effect::Fullscreen(true));
    }
    go(state, 0, effects);
}

/// Ends the talk: all is as it was before.
pub(super) fn leave(state: &mut AppState, effects: &mut Vec<Effect>) {
    live::hush(state, effects);
    let Some(show) = state.talk.show.take() else {
        return;
    };
    state.overlay.open = show.overlay;
    if state.fullscreen != show.fullscreen {
        state.fullscreen = show.fullscreen;
        effects.push(Effect::Fullscreen(show.fullscreen));
    }
}

/// Goes so many stops on; beyond the ends it stays.
pub(super) fn step(state: &mut AppState, by: isize, effects: &mut Vec<Effect>) {
    let Some(show) = &state.talk.show else { return };
    let last = show.stops.len().saturating_sub(1);
    let to = show.at.saturating_add_signed(by).min(last);
    if to != show.at {
        go(state, to, effects);
    }
}

/// Goes to a stop by its place; beyond the last, to the last.
pub(super) fn go(state: &mut AppState, at: usize, effects: &mut Vec<Effect>) {
    live::hush(state, effects);
    let Some(show) = &mut state.talk.show else {
        return;
    };
    show.at = at.min(show.stops.len().saturating_sub(1));
    show.blank = false;
    show.typed.clear();
    let Some(stop) = show.stops.get(show.at).map(|known| known.stop.clone()) else {
        return;
    };
    let preference = match &stop.point {
        Some(Point::Preference(preference)) => Some(preference.as_slice().to_vec()),
        Some(Point::Weights(_)) | None => None,
    };
    let mode = stop.mode;
    show.stage = Stage {
        bundle: state.bundle.current.clone(),
        preference,
        entered: state.now,
        stop,
        ..Stage::default()
    };
    fill(state);
    if mode == StopMode::Live {
        live::begin(state, effects);
    }
}

/// Puts onto the stage what was recorded for it and is here by now.
pub(super) fn fill(state: &mut AppState) {
    let now = state.now;
    let Some(show) = &state.talk.show else { return };
    let (stop, stage) = (show.stage.stop.clone(), &show.stage);
    let (no_current, no_pinned) = (stage.current.is_none(), stage.pinned.is_none());
    let no_sweep = stage.sweep.is_none();
    let times = match stop.mode {
        StopMode::Replay { times } if times.is_finite() && times > 0.0 => Some(times),
        StopMode::Replay { .. } => Some(1.0),
        StopMode::Live | StopMode::Still => None,
    };
    let how = times.map_or(How::Recorded, |times| How::Replay { times });
    let lacks = no_current && stop.mode != StopMode::Live && stop.layout != StopLayout::Front;
    let wanted = stop.current.as_ref().filter(|_| lacks);
    let current = wanted.and_then(|uid| recorded(state, uid, how));
    let wanted = stop.pinned.as_ref().filter(|_| no_pinned);
    let pinned = wanted.and_then(|uid| recorded(state, uid, How::Recorded));
    let wanted = stop.sweep.as_ref().filter(|_| no_sweep);
    let sweep = wanted.and_then(|uid| state.talk.sweeps.get(uid)).cloned();
    let sweep = sweep.map(|staged| {
        let mut sweep = StageSweep::new(staged, times);
        sweep.play(0.0);
        sweep
    });
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let stage = &mut show.stage;
    if let Some(sweep) = sweep {
        // What comes late begins when it is here.
        stage.entered = now;
        stage.sweep = Some(sweep);
    }
    let made_by = current.as_ref().or(pinned.as_ref());
    let made_by = made_by.map(|answer| answer.run.bundle.clone());
    stage.bundle = made_by.or(stage.bundle.take());
    stage.current = current.or(stage.current.take());
    stage.pinned = pinned.or(stage.pinned.take());
}

/// A recorded answer as it comes onto the stage now; `None` where it is not here.
pub(super) fn recorded(state: &mut AppState, uid: &Uid, how: How) -> Option<StageAnswer> {
    let staged = state.talk.answers.get(uid)?.clone();
    let id = state.session.next_id();
    let job = state.jobs.begin(Owner::Run(id));
    state.jobs.end(job);
    let pace = match how {
        How::Replay { times } => Some(Pace::of(&staged.answer.run, times)),
        How::Live | How::Recorded => None,
    };
    Some(StageAnswer {
        run: RunEntry::recalled(id, job, staged.bundle, &staged.answer),
        how,
        begun: state.now,
        pace,
    })
}

/// Goes to the stop whose number was typed; without one, what stands there comes again.
pub(super) fn enter_typed(state: &mut AppState, effects: &mut Vec<Effect>) {
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let typed = std::mem::take(&mut show.typed);
    let (at, moved) = (show.at, show.stage.moved);
    match typed.parse::<usize>() {
        Ok(number) => go(state, number.saturating_sub(1), effects),
        Err(_) if moved => live::begin(state, effects),
        Err(_) => go(state, at, effects),
    }
}

/// Compares with the answer that stands there, or no longer.
pub(super) fn pin(state: &mut AppState) {
    let now = state.now;
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let meant: Option<&Stop> = show.stops.get(show.at).map(|known| &known.stop);
    let meant = meant.map_or(StopLayout::Answer, |stop| stop.layout);
    let stage = &mut show.stage;
    if stage.stop.layout == StopLayout::Pair && meant != StopLayout::Pair {
        stage.stop.layout = meant;
        stage.pinned = None;
        return;
    }
    let Some(answer) = stage.current.as_ref().filter(|a| !a.comes(now)) else {
        return;
    };
    stage.pinned = Some(StageAnswer {
        pace: None,
        ..answer.clone()
    });
    stage.stop.layout = StopLayout::Pair;
}

/// Black, the clock, a digit.
pub(super) fn switch(state: &mut AppState, command: &TalkCommand) {
    /// No talk has more stops than such a number.
    const DIGITS: usize = 4;
    let now = state.now;
    let Some(show) = &mut state.talk.show else {
        return;
    };
    match command {
        TalkCommand::Blank => show.blank = !show.blank,
        TalkCommand::Clock => show.clock = !show.clock,
        TalkCommand::RestartClock => show.begun = now,
        TalkCommand::Digit(digit) if show.typed.len() < DIGITS => {
            show.typed.push_str(&digit.to_string());
        }
        _ => {}
    }
}
