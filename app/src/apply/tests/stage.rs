//! A live stop whose engine does not answer, and its recorded answers that come when they come.

use paretoscope_core::study::{Deck, DeckState, Stop, StopMode, StopState, Uid};

use super::*;
use crate::command::TalkCommand;
use crate::state::How;
use crate::study::{Material, Recalled, Staged, StudyNews};

const REPLAY: Option<How> = Some(How::Replay { times: 1.0 });

fn uid(name: u8) -> Uid {
    Uid(vec![name; 16])
}

/// An answer of this name, with its name as its text, made by a bundle of its own.
fn staged(name: u8) -> Staged {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let (_job, run) = run_of(&state, &name.to_string(), RunStatus::Done);
    Staged {
        answer: Recalled {
            uid: uid(name),
            created: 0,
            asked: 2,
            run,
            scores: Scores(Vec::new()),
            star: false,
            note: String::new(),
            tags: Default::default(),
        },
        bundle: Arc::new(BundleInfo {
            name: format!("of {name}"),
            ..bundle()
        }),
    }
}

fn told(state: &mut AppState, news: StudyNews) {
    study_news(state, news, &mut Vec::new());
}

fn arrive(state: &mut AppState, answers: &[u8]) {
    let material = Material {
        answers: answers.iter().map(|name| staged(*name)).collect(),
        sweeps: Vec::new(),
    };
    told(state, StudyNews::Staged(material));
}

/// A talk of one stop in this mode that shows 1 and falls back on 2, begun without a bundle, with these answers there.
fn begun(mode: StopMode, there: &[u8]) -> AppState {
    let mut state = AppState::default();
    let stop = Stop {
        mode,
        prompt: Some(Prompt::Text("hello".into())),
        point: Some(corner(0)),
        current: Some(uid(1)),
        fallback: Some(uid(2)),
        ..Stop::default()
    };
    let stop = StopState {
        uid: uid(9),
        rev: 1,
        stop,
    };
    let deck = DeckState {
        uid: uid(8),
        rev: 1,
        deck: Deck::default(),
        stops: vec![stop],
    };
    told(&mut state, StudyNews::Decks(vec![deck]));
    arrive(&mut state, there);
    go(&mut state, [AppCommand::Talk(TalkCommand::Start)]);
    state
}

/// What stands on the stage: its text, how it came, what made it.
fn on_stage(state: &AppState) -> Option<(&str, How, &str)> {
    let stage = &state.talk.show.as_ref().expect("it is on").stage;
    let answer = stage.current.as_ref()?;
    let bundle = stage.bundle.as_ref().expect("a bundle");
    assert_eq!(answer.run.bundle.name, bundle.name);
    Some((&answer.run.text, answer.how, &bundle.name))
}

fn troubles(state: &AppState) -> usize {
    state.talk.show.as_ref().expect("it is on").troubles.len()
}

#[test]
fn a_fallback_that_comes_late_comes_onto_the_stage() {
    let mut state = begun(StopMode::Live, &[]);
    assert_eq!(on_stage(&state), None);
    assert_eq!(troubles(&state), 2, "no bundle, and nothing recorded");
    arrive(&mut state, &[7]);
    assert_eq!(on_stage(&state), None, "another stop's");
    state.now = 5.0;
    arrive(&mut state, &[2]);
    let (text, how, by) = on_stage(&state).expect("it came");
    assert_eq!((text, Some(how), by), ("2", REPLAY, "of 2"));
    let show = state.talk.show.as_ref().expect("it is on");
    assert_eq!(
        show.stage.current.as_ref().map(|answer| answer.begun),
        Some(5.0),
        "it is replayed from when it came"
    );
    assert_eq!(troubles(&state), 2);
    // What stands there stays.
    arrive(&mut state, &[1]);
    assert_eq!(on_stage(&state).map(|(text, ..)| text), Some("2"));
}

#[test]
fn the_recorded_answer_of_a_stop_stands_in_for_a_fallback_that_is_not_there() {
    for late in [false, true] {
        let mut state = begun(StopMode::Live, if late { &[] } else { &[1] });
        if late {
            arrive(&mut state, &[1]);
        }
        assert_eq!(
            on_stage(&state).map(|(text, how, _)| (text, Some(how))),
            Some(("1", REPLAY))
        );
    }
    let state = begun(StopMode::Live, &[1, 2]);
    assert_eq!(
        on_stage(&state).map(|(text, ..)| text),
        Some("2"),
        "the fallback goes first"
    );
}

#[test]
fn a_stop_that_was_never_live_shows_its_own_answer_late_as_well() {
    let mut state = begun(StopMode::Still, &[]);
    arrive(&mut state, &[2]);
    assert_eq!(on_stage(&state), None, "it has nothing to fall back from");
    arrive(&mut state, &[1]);
    assert_eq!(
        on_stage(&state).map(|(text, how, _)| (text, how)),
        Some(("1", How::Recorded))
    );
}
