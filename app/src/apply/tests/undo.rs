//! Steps back and forward: the view's own, and edits of the study in order of time.

use super::*;
use paretoscope_core::study::{Access, Target, Uid};

use crate::state::Division;
use crate::study::{STAR, StudyCommand, StudyNews, Turned};

fn undo(state: &mut AppState) -> Vec<Effect> {
    go(state, [AppCommand::Undo])
}

fn redo(state: &mut AppState) -> Vec<Effect> {
    go(state, [AppCommand::Redo])
}

fn next(state: &AppState) -> String {
    registry::words(&AppCommand::Undo, state)
}

fn moved(to: usize, gesture: Gesture) -> AppCommand {
    AppCommand::Move(corner(to), gesture)
}

fn at(state: &AppState) -> usize {
    let shares = &state.simplex.preference;
    shares
        .iter()
        .position(|share| *share == 1.0)
        .expect("a corner")
}

/// A loaded state that answers by hand alone, at the first corner.
fn still() -> AppState {
    let mut state = loaded();
    let manual = AppCommand::SetGenerate(GenerateWhen::Manual);
    go(&mut state, [manual, moved(0, Gesture::Settled)]);
    state
}

#[test]
fn a_drag_is_one_step_and_undo_begins_no_answer() {
    let mut state = still();
    go(&mut state, [AppCommand::SetGenerate(GenerateWhen::Release)]);
    let drag = [
        moved(1, Gesture::Moving),
        moved(2, Gesture::Moving),
        moved(1, Gesture::Settled),
    ];
    assert_eq!(generated(&go(&mut state, drag)), 1);
    let (first, run) = run_of(&state, "at the second corner", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job: first, run });
    go(&mut state, [moved(2, Gesture::Settled)]);
    let second = state.session.current;
    assert_eq!(next(&state), "Undo: move the point");
    assert_eq!(undo(&mut state), [], "nothing is sent");
    assert_eq!(at(&state), 1);
    assert_eq!(
        state.session.current().unwrap().text,
        "at the second corner",
        "what was looked at then"
    );
    assert_eq!(state.session.runs.len(), 2, "no answer is lost");
    undo(&mut state);
    assert_eq!(at(&state), 0);
    assert!(state.session.current.is_some(), "an answer stays in sight");
    redo(&mut state);
    redo(&mut state);
    assert_eq!((at(&state), state.session.current), (2, second));
    let why = registry::why_not(&AppCommand::Redo, &state);
    assert_eq!(
        why.as_deref(),
        Some("nothing was undone that could be done again")
    );
    // A live drag answers where it rests; a step back is none.
    let (job, run) = run_of(&state, "at the third", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    state.prefs.generate = GenerateWhen::Live;
    undo(&mut state);
    state.now += 10.0;
    let mut effects = Vec::new();
    tick(&mut state, &mut effects);
    assert_eq!(generated(&effects), 0, "{effects:?}");
}

fn generated(effects: &[Effect]) -> usize {
    let begins = |e: &&Effect| matches!(e, Effect::Send(EngineCommand::Generate { .. }));
    effects.iter().filter(begins).count()
}

#[test]
fn an_answer_that_streams_follows_a_step_back_as_it_follows_a_drag() {
    let mut state = still();
    go(
        &mut state,
        [AppCommand::Generate, moved(1, Gesture::Settled)],
    );
    let effects = undo(&mut state);
    let back = |e: &Effect| matches!(e, Effect::Send(EngineCommand::Steer { point, .. }) if *point == corner(0));
    assert!(effects.iter().any(back), "{effects:?}");
    assert!(state.session.running().is_some());
}

#[test]
fn typing_is_a_step_until_a_pause_and_dragging_a_divider_until_the_button_is_let_go() {
    let mut state = still();
    state.now = 10.0;
    for (seconds, text) in [
        (0.0, "o"),
        (0.2, "on"),
        (0.4, "one"),
        (3.0, "one "),
        (3.2, "one t"),
    ] {
        state.now = 10.0 + seconds;
        go(&mut state, [AppCommand::SetPrompt(text.into())]);
    }
    undo(&mut state);
    assert_eq!(state.prompt.text, "one");
    undo(&mut state);
    assert_eq!(state.prompt.text, "hello", "what stood there at first");
    redo(&mut state);
    assert_eq!(state.prompt.text, "one");
    // However fast, a long sentence is several steps.
    let words = "a b c d e f g h i j k l m n o p q r s t u v w x y z";
    let mut steps = 0;
    for end in 1..=words.len() {
        state.now += 0.2;
        go(&mut state, [AppCommand::SetPrompt(words[..end].into())]);
    }
    while state.prompt.text != "one" {
        undo(&mut state);
        steps += 1;
    }
    assert_eq!(steps, 3);

    let left = |left: f32| {
        AppCommand::SetDivision(Division {
            left,
            ..Division::default()
        })
    };
    for (press, width) in [
        (Some(1), 0.3),
        (Some(1), 0.31),
        (Some(2), 0.4),
        (Some(2), 0.41),
    ] {
        state.undo.press = press;
        state.now += 5.0;
        go(&mut state, [left(width)]);
    }
    state.undo.press = None;
    undo(&mut state);
    assert_eq!(state.prefs.division.left, 0.31);
    undo(&mut state);
    assert_eq!(state.prefs.division, Division::default());
}

#[test]
fn a_step_takes_back_its_own_part_alone() {
    let mut state = still();
    let channel = bundle().channel(0).unwrap();
    go(&mut state, [AppCommand::ToggleMute(channel)]);
    let view = crate::state::PlotOptions {
        zoom: Some(vec![[0.0, 1.0], [0.5, 0.75], [1.0, 2.0]]),
        ..state.prefs.pareto.clone()
    };
    go(
        &mut state,
        [AppCommand::SetPareto(view.clone()), AppCommand::Fit],
    );
    go(&mut state, [AppCommand::SetZoom(2.0)]);
    let fits = state.prefs.pareto.fits;
    undo(&mut state);
    assert_eq!(state.prefs.pareto.zoom, None);
    assert_eq!(state.prefs.pareto.fits, fits, "to fit is not asked again");
    assert_eq!(state.prefs.zoom, 2.0, "no step of this study");
    assert!(!state.mutes.is_empty());
    undo(&mut state);
    assert!(state.mutes.is_empty());
    redo(&mut state);
    redo(&mut state);
    assert!(!state.mutes.is_empty());
    assert_eq!(state.prefs.pareto.zoom, view.zoom);
    undo(&mut state);
    go(&mut state, [AppCommand::ShowCells(false)]);
    redo(&mut state);
    assert_eq!(
        state.prefs.pareto.zoom, None,
        "a new step ends what could be done again"
    );
}

#[test]
fn two_hundred_steps_of_the_view_stay_and_another_bundle_ends_them() {
    let mut state = still();
    for n in 0..250 {
        go(&mut state, [moved(n % 3, Gesture::Settled)]);
    }
    let mut steps = 0;
    while registry::why_not(&AppCommand::Undo, &state).is_none() {
        undo(&mut state);
        steps += 1;
    }
    assert_eq!(steps, crate::state::UndoState::VIEWS);
    redo(&mut state);
    go(&mut state, [AppCommand::LoadBundle("/c".into())]);
    let job = state.bundle.loading.as_ref().expect("loading").job;
    let bundle = Arc::new(bundle());
    tell(&mut state, EngineEvent::Loaded { job, bundle });
    let why = registry::why_not(&AppCommand::Undo, &state);
    assert_eq!(
        why.as_deref(),
        Some("nothing was done yet that could be undone")
    );
}

/// An open study with one stored answer that is looked at.
fn kept() -> (AppState, Uid) {
    let mut state = still();
    let path = PathBuf::from("/s.study");
    go(
        &mut state,
        [AppCommand::OpenStudy(path.clone()), AppCommand::Generate],
    );
    let (job, run) = run_of(&state, "an answer", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    let id = state.session.current.expect("an answer");
    let uid = Uid(vec![7; 16]);
    let news = [
        StudyNews::Opened {
            path,
            access: Access::Write,
            answers: 0,
        },
        StudyNews::Saved(id, uid.clone()),
    ];
    for news in news {
        study_news(&mut state, news, &mut Vec::new());
    }
    (state, uid)
}

fn told(state: &mut AppState, news: StudyNews) {
    study_news(state, news, &mut Vec::new());
}

#[test]
fn edits_of_the_study_and_steps_of_the_view_are_turned_in_order_of_time() {
    let (mut state, uid) = kept();
    go(
        &mut state,
        [
            moved(1, Gesture::Settled),
            AppCommand::ToggleStar,
            moved(2, Gesture::Settled),
        ],
    );
    told(&mut state, StudyNews::Edited(true));
    assert_eq!(undo(&mut state), []);
    assert_eq!(next(&state), "Undo: star an answer");
    let effects = undo(&mut state);
    let [
        Effect::Study(StudyCommand::Turn {
            step,
            title,
            again: false,
        }),
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(title, "Star an answer");
    assert_eq!(next(&state), "Undo: move the point");
    assert_eq!(
        registry::words(&AppCommand::Redo, &state),
        "Redo: star an answer"
    );
    let turned = Turned {
        title: title.clone(),
        now: vec![(Target::Mark(uid, STAR.to_owned()), None)],
        answers: 1,
    };
    assert!(state.session.current().unwrap().star);
    told(&mut state, StudyNews::Turned(*step, false, Ok(turned)));
    assert!(!state.session.current().unwrap().star);
    undo(&mut state);
    assert_eq!(at(&state), 0);
}

#[test]
fn what_was_no_edit_or_is_refused_is_no_step() {
    let (mut state, _uid) = kept();
    let id = state.session.current.unwrap();
    go(
        &mut state,
        [
            moved(1, Gesture::Settled),
            AppCommand::SetNote(id, String::new()),
        ],
    );
    told(&mut state, StudyNews::Edited(false));
    assert_eq!(next(&state), "Undo: move the point");
    go(&mut state, [AppCommand::SetNote(id, "mine".into())]);
    told(&mut state, StudyNews::Edited(true));
    let effects = undo(&mut state);
    let [Effect::Study(StudyCommand::Turn { step, .. })] = &effects[..] else {
        panic!("{effects:?}");
    };
    let refused = Trouble::system("the note was edited by somebody meanwhile");
    told(&mut state, StudyNews::Turned(*step, false, Err(refused)));
    let notice = state.engine.notice.clone().expect("words");
    assert_eq!(
        notice.text,
        "Not undone: the note was edited by somebody meanwhile"
    );
    assert!(registry::why_not(&AppCommand::Redo, &state).is_some());
    assert_eq!(next(&state), "Undo: move the point", "it is not in the way");
}

#[test]
fn edits_of_earlier_sessions_are_undone_after_those_of_this_one() {
    let (mut state, _uid) = kept();
    let titles = ["Note on an answer", "Star an answer"].map(|title| Some(title.to_owned()));
    told(&mut state, StudyNews::Steps(titles));
    assert_eq!(
        registry::words(&AppCommand::Redo, &state),
        "Redo: star an answer"
    );
    assert_eq!(next(&state), "Undo: note on an answer");
    go(&mut state, [moved(1, Gesture::Settled)]);
    assert_eq!(registry::words(&AppCommand::Redo, &state), "Redo");
    undo(&mut state);
    let effects = undo(&mut state);
    let asked = matches!(&effects[..], [Effect::Study(StudyCommand::Turn { title, .. })] if title == "Note on an answer");
    assert!(asked, "{effects:?}");
}
