//! What outlives the window, what stops it, and what is dropped onto it.

use super::*;
use crate::state::{Kept, Overlay, Panel, PromptSource};
use crate::tasks::Wanted;

/// An answer that ended by itself.
fn answered(state: &mut AppState, text: &str) -> crate::state::RunId {
    go(state, [AppCommand::Generate]);
    let (job, run) = run_of(state, text, RunStatus::Done);
    tell(state, EngineEvent::Finished { job, run });
    state.session.current.expect("a run")
}

/// The state after a restart that kept what `state` had.
fn restarted(state: &AppState, info: BundleInfo) -> AppState {
    let written = serde_json::to_string(&Kept::all(state)).unwrap();
    let mut next = AppState {
        kept: serde_json::from_str(&written).unwrap(),
        ..AppState::default()
    };
    let load = AppCommand::LoadBundle(info.path.clone());
    go(&mut next, [load]);
    let job = next.bundle.loading.as_ref().expect("loading").job;
    let bundle = Arc::new(info);
    tell(&mut next, EngineEvent::Loaded { job, bundle });
    next
}

#[test]
fn a_restart_brings_point_pin_and_answers_back_for_the_same_bundle_alone() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Move(corner(1), Gesture::Moving)]);
    answered(&mut state, "one");
    go(&mut state, [AppCommand::Pin]);
    go(&mut state, [AppCommand::Move(corner(2), Gesture::Moving)]);
    answered(&mut state, "two");
    go(&mut state, [AppCommand::Generate]);

    let next = restarted(&state, bundle());
    let texts: Vec<&str> = next.session.runs.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"], "what was under way is not kept");
    assert_eq!(next.session.pinned().unwrap().text, "one");
    assert_eq!(next.session.pinned().unwrap().point, corner(1));
    assert_eq!(next.session.current().unwrap().text, "two");
    assert_eq!(next.simplex.preference, [0.0, 0.0, 1.0]);
    assert!(!next.simplex.stale);

    let mut other = bundle();
    other.model.digest = "e".repeat(64);
    let next = restarted(&state, other);
    assert!(next.session.runs.is_empty());
    assert_eq!(next.simplex.preference, [1.0 / 3.0; 3]);
}

#[test]
fn each_bundle_has_a_session_of_its_own() {
    let mut state = loaded();
    answered(&mut state, "of the first");
    let first = state.info().unwrap().as_ref().clone();
    let mut second = first.clone();
    second.path = "/bundles/second".into();
    let mut next = restarted(&state, second.clone());
    assert!(next.session.runs.is_empty());
    answered(&mut next, "of the second");
    for (info, text) in [(first, "of the first"), (second, "of the second")] {
        next = restarted(&next, info);
        assert_eq!(next.session.current().expect("an answer").text, text);
    }
}

#[test]
fn answers_are_forgotten_for_good_once_a_person_says_so_twice() {
    let mut state = loaded();
    let why = crate::registry::why_not(&AppCommand::ForgetAnswers, &state);
    assert_eq!(why.as_deref(), Some("there are no answers"));
    answered(&mut state, "one");
    go(&mut state, [AppCommand::Pin]);
    let first = state.info().unwrap().as_ref().clone();
    let mut second = first.clone();
    second.path = "/bundles/second".into();
    let mut state = restarted(&state, second.clone());
    answered(&mut state, "two");
    go(
        &mut state,
        [AppCommand::Generate, AppCommand::ForgetAnswers],
    );
    assert_eq!(state.overlay.open, Overlay::Forgetting);
    assert_eq!(state.session.runs.len(), 2, "it asks first");
    let (job, run) = run_of(&state, "two and a half", RunStatus::Stopped);
    let effects = go(&mut state, [AppCommand::ForgetNow]);
    assert_eq!(effects, [Effect::Send(EngineCommand::Cancel { job })]);
    assert_eq!(state.overlay.open, Overlay::None);
    assert!(state.session.runs.is_empty() && state.jobs.owner(job).is_none());
    // What its row says on its way out finds nobody.
    tell(&mut state, EngineEvent::Finished { job, run });
    for info in [first, second] {
        assert!(restarted(&state, info).session.runs.is_empty());
    }
}

#[test]
fn long_prompts_count_into_what_is_kept() {
    let mut state = loaded();
    for index in 0..4 {
        let prompt = format!("{index}{}", "x".repeat(100_000));
        go(&mut state, [AppCommand::SetPrompt(prompt)]);
        answered(&mut state, "short");
    }
    assert_eq!(Kept::of(&state).expect("a session").runs.len(), 2);
}

#[test]
fn no_more_is_kept_than_its_share_and_the_pinned_answer_first() {
    let mut state = loaded();
    answered(&mut state, "the pinned one");
    go(&mut state, [AppCommand::Pin]);
    for index in 0..40 {
        answered(&mut state, &format!("{index}{}", "x".repeat(20_000)));
    }
    let kept = Kept::of(&state).expect("a session");
    assert!(kept.runs.len() < 24, "{}", kept.runs.len());
    assert_eq!(kept.runs[kept.pinned.expect("kept")].text, "the pinned one");
    assert!(kept.runs.last().unwrap().text.starts_with("39"));
}

#[test]
fn a_live_drag_leaves_one_answer() {
    let mut state = loaded();
    let kept = answered(&mut state, "before the drag");
    go(&mut state, [AppCommand::SetGenerate(GenerateWhen::Live)]);
    for (second, to) in [(1.0, 0), (2.0, 1), (3.0, 2)] {
        go(&mut state, [AppCommand::Move(corner(to), Gesture::Moving)]);
        state.now = second;
        tick(&mut state, &mut Vec::new());
        let (job, run) = run_of(&state, "on the way", RunStatus::Done);
        tell(&mut state, EngineEvent::Finished { job, run });
    }
    go(&mut state, [AppCommand::Move(corner(2), Gesture::Settled)]);
    assert_eq!(state.session.runs.len(), 2);
    assert_eq!(state.session.runs[0].id, kept);
    assert_eq!(state.session.current().unwrap().point, corner(2));
}

#[test]
fn closing_asks_while_a_sweep_runs_and_not_otherwise() {
    let mut state = loaded();
    assert_eq!(go(&mut state, [AppCommand::Quit]), [Effect::Close]);
    let mut state = loaded();
    go(&mut state, [AppCommand::StartSweep]);
    assert_eq!(go(&mut state, [AppCommand::Quit]), [Effect::KeepOpen]);
    assert_eq!(state.overlay.open, Overlay::Closing);
    assert!(!state.leaving);
    assert_eq!(go(&mut state, [AppCommand::Leave]), [Effect::Close]);
    assert!(state.leaving);
}

#[test]
fn a_store_is_asked_once_the_form_rests_and_its_answer_names_the_button() {
    let mut state = loaded();
    let asked = |state: &mut AppState| {
        let mut effects = Vec::new();
        tick(state, &mut effects);
        effects.into_iter().find_map(|effect| match effect {
            Effect::Send(EngineCommand::CountHeld { job, plan }) => Some((job, plan)),
            _ => None,
        })
    };
    assert_eq!(asked(&mut state), None, "not before it rests");
    state.now = 1.0;
    let (job, plan) = asked(&mut state).expect("a question");
    assert_eq!(asked(&mut state), None, "once");
    let held = Held {
        points_done: 3,
        points: 29,
        rows_done: 5,
        rows: 29,
    };
    tell(&mut state, EngineEvent::Held { job, held });
    assert_eq!(state.sweep.held_and_hidden(), Some(held));
    // What cannot be counted is no failure of anything.
    let mut form = state.prefs.sweep.clone();
    form.k = 2;
    go(&mut state, [AppCommand::SetSweep(form)]);
    assert_eq!(state.sweep.held_and_hidden(), None);
    state.now = 2.0;
    let (job, other) = asked(&mut state).expect("another question");
    assert_ne!(plan, other);
    let trouble = Trouble::system("locked");
    state.engine.notice = None;
    tell(&mut state, EngineEvent::Failed { job, trouble });
    assert_eq!(state.engine.notice, None);
    assert_eq!(state.sweep.trouble, None);
}

#[test]
fn a_dropped_path_is_taken_for_what_it_is_or_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name);
    std::fs::create_dir(here("bundle")).unwrap();
    std::fs::write(here("bundle/bundle.json"), "{}").unwrap();
    let mut state = loaded();
    let effects = go(
        &mut state,
        [AppCommand::Dropped(here("bundle/bundle.json"))],
    );
    assert!(
        matches!(&effects[..], [Effect::Send(EngineCommand::LoadBundle { path, .. })] if *path == here("bundle"))
    );
    let effects = go(&mut state, [AppCommand::Dropped(here("set.JSONL"))]);
    let path = here("set.JSONL");
    assert_eq!(effects, [Effect::Send(EngineCommand::ReadPrompts { path })]);
    assert_eq!(
        state.prefs.sweep.source,
        PromptSource::File(here("set.JSONL"))
    );
    go(&mut state, [AppCommand::Dropped(here("run.db"))]);
    assert_eq!(state.prefs.sweep.store, Some(here("run.db")));
    for (bad, word) in [("cat.png", "no file that"), ("", "without a bundle.json")] {
        assert_eq!(go(&mut state, [AppCommand::Dropped(here(bad))]), []);
        let notice = state.engine.notice.take().expect("words");
        assert!(notice.text.contains(word), "{}", notice.text);
    }
    // With the training sheet open, lines of JSON are its examples.
    go(&mut state, [AppCommand::Show(Overlay::Training)]);
    let path = here("pairs.jsonl");
    let effects = go(&mut state, [AppCommand::Dropped(path.clone())]);
    assert_eq!(state.training.form.data, path);
    // Whether they are there is looked up beside the window, and what is known of another file by then is let go.
    assert_eq!(effects, [Effect::LookFor(path.clone())]);
    looked_for(&mut state, &here("other.jsonl"), false);
    assert!(!state.training.form.data_missing);
    looked_for(&mut state, &path, false);
    assert!(state.training.form.data_missing);
    looked_for(&mut state, &path, true);
    assert!(!state.training.form.data_missing);
}

#[test]
fn where_no_dialog_opens_the_path_is_typed() {
    let mut state = loaded();
    let mut effects = Vec::new();
    no_dialog(&mut state, Wanted::Prompts, &mut effects);
    assert_eq!(state.prefs.sweep.source, PromptSource::File(PathBuf::new()));
    assert_eq!(state.overlay.panel, Panel::Sweep);
    let why = crate::registry::why_not(&AppCommand::StartSweep, &state).expect("no file yet");
    assert!(why.contains("type or paste its path"), "{why}");
    no_dialog(&mut state, Wanted::Bundle, &mut effects);
    assert_eq!(state.overlay.open, Overlay::Bundle);
    assert_eq!(effects, [], "an empty path is not read");
}

#[test]
fn the_first_steps_end_with_a_drag_after_the_third_corner() {
    let mut state = loaded();
    let drag = || {
        let inside = Preference::new(vec![0.2, 0.3, 0.5]).unwrap();
        AppCommand::Move(Point::Preference(inside), Gesture::Settled)
    };
    for preset in [1, 3, 7] {
        go(&mut state, [AppCommand::Preset(preset), drag()]);
        assert!(!state.prefs.hints.first_steps, "{preset}");
    }
    go(&mut state, [AppCommand::Preset(2)]);
    assert!(!state.prefs.hints.first_steps, "a drag is left to do");
    go(&mut state, [drag()]);
    assert!(state.prefs.hints.first_steps);
}
