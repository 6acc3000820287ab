//! Talks: the stage, what is live on it, and the stops of the study.

mod live;
mod stage;
mod stops;

use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::DeckState;

use super::Effect;
use crate::command::TalkCommand;
use crate::state::{AppState, StageSweep};
use crate::study::Material;

/// Carries a speaker's command out.
pub(super) fn command(state: &mut AppState, command: TalkCommand, effects: &mut Vec<Effect>) {
    use TalkCommand as T;
    match command {
        T::Start => stage::start(state, effects),
        T::Leave => stage::leave(state, effects),
        T::Next => stage::step(state, 1, effects),
        T::Previous => stage::step(state, -1, effects),
        T::First => stage::go(state, 0, effects),
        T::Last => stage::go(state, usize::MAX, effects),
        T::Enter => stage::enter_typed(state, effects),
        T::Point(shares, gesture) => live::point(state, shares, gesture, effects),
        T::Pin => stage::pin(state),
        T::Large => state.talk.large = !state.talk.large,
        T::Screen(screen) => state.talk.screen = screen,
        T::Notes => state.talk.notes = !state.talk.notes,
        T::Digit(_) | T::Blank | T::Clock | T::RestartClock => stage::switch(state, &command),
        other => stops::command(state, other, effects),
    }
}

/// The study says how its talks stand.
pub(super) fn decks(state: &mut AppState, decks: Vec<DeckState>, effects: &mut Vec<Effect>) {
    state.talk.decks = decks;
    let stops = state.talk.stops().to_vec();
    // The stage that offered to keep the first stop shows it.
    if let Some(show) = &mut state.talk.show
        && show.stops.is_empty()
        && !stops.is_empty()
    {
        show.stops = stops;
        stage::go(state, 0, effects);
    }
}

/// What stops show is here.
pub(super) fn staged(state: &mut AppState, material: Material) {
    state.talk.take(material);
    live::fill_in(state);
    stage::fill(state);
}

/// The live answer failed.
pub(super) fn failed(state: &mut AppState, trouble: &Trouble, effects: &mut Vec<Effect>) {
    live::fall_back(state, &trouble.message, effects);
}

/// What a frame brings: points of a sweep that are due, an answer where the point rests, the recorded one where none
/// comes.
pub(super) fn tick(state: &mut AppState, effects: &mut Vec<Effect>) {
    let now = state.now;
    let Some(show) = &mut state.talk.show else {
        return;
    };
    let seconds = now - show.stage.entered;
    if let Some(sweep) = show.stage.sweep.as_mut().filter(|sweep| sweep.comes()) {
        sweep.play(seconds);
    }
    live::watch(state, effects);
    live::rest(state, effects);
}

/// Seconds until the stage changes by itself; `None` where it does not.
pub(super) fn wake(state: &AppState) -> Option<f32> {
    let show = state.talk.show.as_ref()?;
    let stage = &show.stage;
    let sweep = stage.sweep.as_ref().is_some_and(StageSweep::comes);
    match () {
        () if sweep || stage.comes(state.now) => Some(0.033),
        () if show.clock || state.talk.notes || state.talk.screen.is_some() => Some(0.25),
        () => None,
    }
}

/// Whether the point of the stage can be moved: the engine answers there.
pub fn can_play(state: &AppState) -> bool {
    live::why_not(state).is_none()
}
