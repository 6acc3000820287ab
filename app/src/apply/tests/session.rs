//! What outlives the window, what stops it, and what is dropped onto it.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use paretoscope_core::study::{Access, Uid};

use crate::state::{KeptView, Overlay, Panel, PromptSource};
use crate::study::{Recalled, StudyCommand, StudyNews};
use crate::tasks::Wanted;

/// An answer that ended by itself.
fn answered(state: &mut AppState, text: &str) -> crate::state::RunId {
    go(state, [AppCommand::Generate]);
    let (job, run) = run_of(state, text, RunStatus::Done);
    tell(state, EngineEvent::Finished { job, run });
    state.session.current.expect("a run")
}

/// A study that keeps what the window asks it to, in memory.
#[derive(Default)]
struct InMemory {
    answers: Vec<(Recalled, std::path::PathBuf)>,
    /// What each file keeps of the window's view.
    views: BTreeMap<PathBuf, String>,
    open: PathBuf,
}

impl InMemory {
    /// Does what was asked for, and says so.
    fn work(&mut self, state: &mut AppState, effects: &[Effect]) {
        for effect in effects {
            let news = match effect {
                Effect::Study(StudyCommand::Open(path)) => {
                    self.open.clone_from(path);
                    let view = StudyNews::View(path.clone(), self.views.get(path).cloned());
                    study_news(state, view, &mut Vec::new());
                    StudyNews::Opened {
                        path: path.clone(),
                        access: Access::Write,
                        answers: self.answers.len(),
                    }
                }
                Effect::Study(StudyCommand::SaveView(json)) => {
                    self.views.insert(self.open.clone(), json.clone());
                    continue;
                }
                Effect::Study(StudyCommand::Fetch(info, wanted)) => {
                    let named = self.answers.iter().map(|(stored, _)| stored);
                    let named = named.filter(|stored| wanted.contains(&stored.uid));
                    StudyNews::Fetched(Arc::clone(info), named.cloned().collect())
                }
                Effect::Study(StudyCommand::Save(saved)) => {
                    let uid = Uid(vec![self.answers.len() as u8; 16]);
                    let stored = Recalled {
                        uid: uid.clone(),
                        created: 0,
                        asked: 2,
                        run: Arc::clone(&saved.answer),
                        scores: Scores(vec![Some(0.5), None, None]),
                        star: false,
                        note: String::new(),
                        tags: Default::default(),
                    };
                    self.answers.push((stored, saved.bundle.path.clone()));
                    StudyNews::Saved(saved.run, uid)
                }
                Effect::Study(StudyCommand::History(info, sought)) => {
                    let ours = self
                        .answers
                        .iter()
                        .rev()
                        .filter(|(_, path)| *path == info.path);
                    let ours = ours.map(|(stored, _)| stored.clone()).take(200).collect();
                    StudyNews::History(Arc::clone(info), sought.clone(), ours)
                }
                Effect::Study(StudyCommand::Forget) => {
                    self.answers.clear();
                    StudyNews::Forgotten
                }
                _ => continue,
            };
            let mut further = Vec::new();
            study_news(state, news, &mut further);
            self.work(state, &further);
        }
    }

    fn go(&mut self, state: &mut AppState, commands: impl IntoIterator<Item = AppCommand>) {
        let effects = go(state, commands);
        self.work(state, &effects);
    }

    fn answered(&mut self, state: &mut AppState, text: &str) {
        go(state, [AppCommand::Generate]);
        let (job, run) = run_of(state, text, RunStatus::Done);
        let mut effects = Vec::new();
        event(state, EngineEvent::Finished { job, run }, &mut effects);
        self.work(state, &effects);
    }

    /// The state after a restart that kept what `state` had.
    fn restarted(&mut self, state: &AppState, info: BundleInfo) -> AppState {
        let view = serde_json::to_string(&KeptView::of(state)).unwrap();
        self.views.insert("/s.study".into(), view);
        let mut next = AppState::default();
        let load = AppCommand::LoadBundle(info.path.clone());
        self.go(&mut next, [AppCommand::OpenStudy("/s.study".into()), load]);
        let job = next.bundle.loading.as_ref().expect("loading").job;
        let bundle = Arc::new(info);
        let mut effects = Vec::new();
        event(&mut next, EngineEvent::Loaded { job, bundle }, &mut effects);
        self.work(&mut next, &effects);
        next
    }

    fn opened(&mut self) -> AppState {
        let mut state = loaded();
        self.go(&mut state, [AppCommand::OpenStudy("/s.study".into())]);
        state
    }
}

#[test]
fn a_restart_brings_point_pin_and_answers_back_for_the_same_bundle_alone() {
    let mut study = InMemory::default();
    let mut state = study.opened();
    go(&mut state, [AppCommand::Move(corner(1), Gesture::Moving)]);
    study.answered(&mut state, "one");
    go(&mut state, [AppCommand::Pin]);
    go(&mut state, [AppCommand::Move(corner(2), Gesture::Moving)]);
    study.answered(&mut state, "two");
    assert!(state.study.waiting.is_empty());
    go(&mut state, [AppCommand::Generate]);

    // What is under way is no part of it, and what was looked at before a kill has no name yet.
    let next = study.restarted(&state, bundle());
    let texts: Vec<&str> = next.session.runs.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(texts, ["one", "two"], "what was under way is not kept");
    assert_eq!(next.session.pinned().unwrap().text, "one");
    assert_eq!(next.session.pinned().unwrap().point, corner(1));
    assert_eq!(next.session.current().unwrap().text, "two");
    let scores = next.session.current().unwrap().scores.clone();
    assert_eq!(scores, Some(Scores(vec![Some(0.5), None, None])));
    assert_eq!(next.simplex.preference, [0.0, 0.0, 1.0]);
    assert!(!next.simplex.stale);

    let mut other = bundle();
    other.path = "/elsewhere/b".into();
    let next = study.restarted(&state, other.clone());
    assert_eq!(
        next.simplex.preference,
        [0.0, 0.0, 1.0],
        "another folder on another machine"
    );
    other.identity.model = "another".into();
    let next = study.restarted(&state, other);
    assert!(next.session.runs.is_empty());
    assert_eq!(next.simplex.preference, [1.0 / 3.0; 3]);
}

#[test]
fn a_pin_older_than_the_history_comes_back_and_so_does_what_was_looked_at() {
    let mut study = InMemory::default();
    let mut state = study.opened();
    go(&mut state, [AppCommand::SetGenerate(GenerateWhen::Manual)]);
    for n in 0..210 {
        study.answered(&mut state, &format!("answer {n}"));
        if n == 3 {
            go(&mut state, [AppCommand::Pin]);
        }
    }
    let mut next = study.restarted(&state, bundle());
    let texts = |state: &AppState| {
        let of = |run: Option<&crate::state::RunEntry>| run.map(|run| run.text.clone());
        (of(state.session.current()), of(state.session.pinned()))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(texts(&next), (some("answer 209"), some("answer 3")));
    assert!(next.session.runs.len() <= 202);
    // What a person did before the view was there stays.
    let view = study.views.remove(Path::new("/s.study"));
    go(&mut next, [AppCommand::OpenStudy("/t.study".into())]);
    assert!(next.session.runs.is_empty(), "they are of the other file");
    go(&mut next, [AppCommand::SetPrompt("typed meanwhile".into())]);
    let path = PathBuf::from("/t.study");
    study_news(&mut next, StudyNews::View(path, view), &mut Vec::new());
    assert_eq!(next.prompt.text, "typed meanwhile");
}

#[test]
fn another_study_brings_its_view_and_the_one_before_is_given_its_own() {
    let mut study = InMemory::default();
    let mut state = study.opened();
    let table = crate::state::PlotOptions {
        table: true,
        zoom: Some(vec![[0.0, 1.0]; 3]),
        ..state.prefs.pareto.clone()
    };
    let commands = [
        AppCommand::SetPrompt("of the first".into()),
        AppCommand::SetPareto(table.clone()),
        AppCommand::SetPair(1, 2),
        AppCommand::Move(corner(2), Gesture::Settled),
        AppCommand::SetZoom(1.5),
    ];
    go(&mut state, commands);
    study.go(&mut state, [AppCommand::OpenStudy("/t.study".into())]);
    assert_eq!(state.study.pair, None);
    assert_eq!(
        state.prompt.text, "of the first",
        "until it has one of its own"
    );
    go(&mut state, [AppCommand::SetPrompt("of the second".into())]);
    go(&mut state, [AppCommand::Move(corner(0), Gesture::Settled)]);
    study.go(&mut state, [AppCommand::OpenStudy("/s.study".into())]);
    assert_eq!(state.prompt.text, "of the first");
    assert_eq!(state.prefs.pareto, table);
    assert_eq!(state.study.pair, Some((1, 2)));
    assert_eq!(state.simplex.preference, [0.0, 0.0, 1.0]);
    assert_eq!(state.prefs.zoom, 1.5, "settings of the program stay");
    assert_eq!(kept::keep(&mut state), None, "nothing is new");
}

#[test]
fn each_bundle_has_a_session_of_its_own() {
    let mut study = InMemory::default();
    let mut state = study.opened();
    study.answered(&mut state, "of the first");
    let first = state.info().unwrap().as_ref().clone();
    let mut second = first.clone();
    second.path = "/bundles/second".into();
    second.identity.model = "second".into();
    let mut next = study.restarted(&state, second.clone());
    assert!(next.session.runs.is_empty());
    study.answered(&mut next, "of the second");
    for (info, text) in [(first, "of the first"), (second, "of the second")] {
        next = study.restarted(&next, info);
        assert_eq!(next.session.current().expect("an answer").text, text);
    }
}

#[test]
fn answers_are_forgotten_for_good_once_a_person_says_so_twice() {
    let mut study = InMemory::default();
    let mut state = study.opened();
    let why = crate::registry::why_not(&AppCommand::ForgetAnswers, &state);
    assert_eq!(why.as_deref(), Some("there are no answers"));
    study.answered(&mut state, "one");
    go(&mut state, [AppCommand::Pin]);
    let first = state.info().unwrap().as_ref().clone();
    let mut second = first.clone();
    second.path = "/bundles/second".into();
    second.identity.model = "second".into();
    let mut state = study.restarted(&state, second.clone());
    study.answered(&mut state, "two");
    go(
        &mut state,
        [AppCommand::Generate, AppCommand::ForgetAnswers],
    );
    assert_eq!(state.overlay.open, Overlay::Forgetting);
    assert_eq!(state.session.runs.len(), 2, "it asks first");
    let (job, run) = run_of(&state, "two and a half", RunStatus::Stopped);
    let effects = go(&mut state, [AppCommand::ForgetNow]);
    study.work(&mut state, &effects);
    let cancel = Effect::Send(EngineCommand::Cancel { job });
    assert_eq!(effects, [cancel, Effect::Study(StudyCommand::Forget)]);
    assert_eq!(state.overlay.open, Overlay::None);
    assert!(state.session.runs.is_empty() && state.jobs.owner(job).is_none());
    // What its row says on its way out finds nobody.
    tell(&mut state, EngineEvent::Finished { job, run });
    for info in [first, second] {
        assert!(study.restarted(&state, info).session.runs.is_empty());
    }
}

#[test]
fn without_a_study_that_takes_them_no_answer_waits_for_ever() {
    let mut state = loaded();
    answered(&mut state, "nowhere to go");
    assert!(state.study.waiting.is_empty());
    let path = PathBuf::from("/s.study");
    go(&mut state, [AppCommand::OpenStudy(path.clone())]);
    answered(&mut state, "while it opens");
    assert_eq!(state.study.waiting.len(), 1);
    let news = StudyNews::Opened {
        path,
        access: Access::Read("the disk is full of sand".into()),
        answers: 3,
    };
    study_news(&mut state, news, &mut Vec::new());
    assert!(state.study.waiting.is_empty(), "nobody writes it");
    answered(&mut state, "to a file that is read only");
    assert!(state.study.waiting.is_empty());
}

#[test]
fn a_sweep_goes_into_the_study_and_one_that_was_stopped_is_gone_on_with() {
    let mut study = InMemory::default();
    let mut state = study.opened();
    let effects = go(&mut state, [AppCommand::StartSweep]);
    let plan = effects.iter().find_map(|effect| match effect {
        Effect::Send(EngineCommand::Sweep { plan, .. }) => Some(plan.clone()),
        _ => None,
    });
    let plan = plan.expect("a sweep");
    assert_eq!(plan.store, PathBuf::from("/s.study"));

    let mut state = study.opened();
    let sweep = paretoscope_core::study::SweepState {
        id: 7,
        uid: paretoscope_core::study::Uid(vec![7; 32]),
        created: 0,
        name: "killed".into(),
        method: "hoe".into(),
        bundle: 1,
        info: bundle(),
        plan: plan.clone(),
        rows: 121,
        done: 42,
        status: "running".into(),
        makers: paretoscope_core::study::Makers::Nobody,
    };
    study_news(
        &mut state,
        StudyNews::Sweeps(vec![Arc::new(sweep)]),
        &mut Vec::new(),
    );
    let info = state.info().unwrap().clone();
    assert_eq!(state.study.unfinished(&info).map(|s| s.id), Some(7));
    let effects = go(&mut state, [AppCommand::ResumeSweep(7)]);
    let again = effects.iter().any(
        |effect| matches!(effect, Effect::Send(EngineCommand::Sweep { plan: p, .. }) if *p == plan),
    );
    assert!(again, "{effects:?}");
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
    assert_eq!(state.study.path, Some(here("run.db")));
    for (bad, word) in [
        ("cat.png", "no file that"),
        ("", "without a bundle.json or config.json"),
    ] {
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

#[test]
fn differences_without_a_pinned_answer_are_refused_in_words() {
    let mut state = loaded();
    let before = state.prefs.reading.differences;
    go(&mut state, [AppCommand::ToggleDifferences]);
    assert_eq!(state.prefs.reading.differences, before);
    let notice = state.engine.notice.take().expect("words");
    assert!(
        notice.text.contains("pin an answer first"),
        "{}",
        notice.text
    );
}

#[test]
fn a_load_that_is_given_up_leaves_the_old_bundle_in_use() {
    let mut state = loaded();
    go(&mut state, [AppCommand::LoadBundle("org/name".into())]);
    let job = state.bundle.loading.as_ref().unwrap().job;
    let effects = go(&mut state, [AppCommand::CancelLoad]);
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::Send(EngineCommand::Cancel { job: j }) if *j == job))
    );
    assert!(state.bundle.loading.is_none());
    // The engine's word of it comes late, and is no failure.
    let trouble = Trouble::input("cancelled");
    let path = "org/name".into();
    tell(&mut state, EngineEvent::LoadFailed { job, path, trouble });
    assert!(state.bundle.failure.is_none());
    assert_eq!(state.info().map(|b| b.name.as_str()), Some("tiny"));
}
