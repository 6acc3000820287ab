//! Nothing but items is seen from the moment that a study says who voted until that person is asked.

use paretoscope_core::annotate::Question;
use paretoscope_core::study::Access;

use super::*;
use crate::state::{KeptView, Overlay, Sight};
use crate::study::{AnnotateNews, StudyNews, TaskLine, TaskList};

const PATH: &str = "/s.study";

fn told(state: &mut AppState, news: StudyNews) {
    study_news(state, news, &mut Vec::new());
}

/// A window whose study says that A1 voted on T when it went away, and is not open yet.
fn left_while_voting() -> AppState {
    let mut state = loaded();
    go(&mut state, [AppCommand::OpenStudy(PATH.into())]);
    assert!(!state.annotate.is_blind());
    let view = KeptView {
        annotating: Some(("T".to_owned(), "A1".to_owned())),
        ..KeptView::of(&state)
    };
    let json = serde_json::to_string(&view).unwrap();
    told(&mut state, StudyNews::View(PATH.into(), Some(json)));
    state
}

fn open(state: &mut AppState) {
    let opened = StudyNews::Opened {
        path: PATH.into(),
        access: Access::Write,
        answers: 0,
    };
    told(state, opened);
}

fn tasks(state: &mut AppState, names: &[&str]) {
    let line = |name: &&str| TaskLine {
        name: (*name).to_owned(),
        question: Question::Pair,
        pack: false,
        active: false,
        objectives: vec!["a".to_owned()],
        counts: Default::default(),
    };
    let list = TaskList {
        tasks: names.iter().map(line).collect(),
        people: vec!["A1".to_owned()],
        next: "A2".to_owned(),
    };
    told(state, StudyNews::Annotate(AnnotateNews::Tasks(list)));
}

/// Nothing of the rest of the window can be reached.
fn assert_blind(state: &mut AppState) {
    assert!(state.annotate.is_blind());
    let before = Sight::of(state);
    let point = AppCommand::Move(corner(1), Gesture::Settled);
    let shown = [Overlay::Study, Overlay::Palette, Overlay::Annotate].map(AppCommand::Show);
    let effects = go(
        state,
        shown.into_iter().chain([point, AppCommand::Generate]),
    );
    assert_eq!(state.overlay.open, Overlay::None);
    assert_eq!(Sight::of(state), before);
    assert!(effects.is_empty(), "{effects:?}");
}

#[test]
fn the_window_is_blind_before_the_voter_is_back_and_asks_for_them_then() {
    let mut state = left_while_voting();
    assert_blind(&mut state);
    open(&mut state);
    assert_blind(&mut state);
    // A kill at this moment is no way out.
    assert_eq!(
        KeptView::of(&state).annotating,
        Some(("T".to_owned(), "A1".to_owned()))
    );
    tasks(&mut state, &["S", "T"]);
    let desk = state.annotate.desk.as_ref().expect("a desk");
    assert_eq!((desk.task.as_str(), desk.typed.as_str()), ("T", "A1"));
    assert_eq!(state.annotate.resume, None);
    assert_blind(&mut state);
}

#[test]
fn the_window_is_given_back_where_there_is_nothing_to_vote_on() {
    let mut state = left_while_voting();
    open(&mut state);
    tasks(&mut state, &["S"]);
    assert!(!state.annotate.is_blind(), "the task is gone");

    let mut state = left_while_voting();
    let trouble = Trouble::system("no such file".to_owned());
    let path = PATH.into();
    told(&mut state, StudyNews::NotOpened { path, trouble });
    assert!(!state.annotate.is_blind(), "the study is");
}
