//! Commands and events against the state.

mod blind;
mod desk;
mod dots;
mod front;
mod methods;
mod prompts;
mod session;
mod sheets;
mod stage;
mod undo;

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, EngineEvent, Held, JobId, TokenNews, Trouble};
use paretoscope_core::types::{
    BundleInfo, Expert, ExpertKind, Finish, GateRecord, ModelInfo, Mutes, ObjectiveInfo, Point,
    PointResult, Preference, Prompt, PromptSample, Reference, Run, RunStatus, Scores, Split,
    TokenPiece, Weights,
};

use super::*;
use crate::command::Gesture;
use crate::state::{EnginePhase, GenerateWhen, Mode, RunPhase};

fn bundle() -> BundleInfo {
    let expert = |name: &str, at: [f64; 3]| Expert {
        kind: ExpertKind::Lora,
        name: name.into(),
        preference: Preference::new(at.to_vec()).unwrap(),
    };
    BundleInfo {
        name: "tiny".into(),
        path: PathBuf::from("/b"),
        identity: Default::default(),
        model: ModelInfo {
            layers: 1,
            hidden_size: 8,
            vocabulary: 16,
            context: 64,
            parameters: 100,
            dtype: "f32".into(),
            device: "CPU".into(),
            fallback: None,
            digest: "d".repeat(64),
            has_tokenizer: true,
            has_chat_template: false,
        },
        objectives: ["a", "b", "c"]
            .iter()
            .map(|n| ObjectiveInfo {
                name: (*n).into(),
                reward: Some("r".into()),
                reward_kind: None,
                reading: None,
                sign: 1.0,
            })
            .collect(),
        experts: vec![
            expert("a", [1.0, 0.0, 0.0]),
            expert("b", [0.0, 1.0, 0.0]),
            expert("c", [0.0, 0.0, 1.0]),
        ],
        expert_files: Vec::new(),
        values: Vec::new(),
        values_are_experts: false,
        value_adapters: Vec::new(),
        adapters: vec!["a".into(), "b".into(), "c".into()],
        sites: vec!["model.layers.0.self_attn.q_proj".into()],
        prompts: vec![PromptSample {
            title: "first".into(),
            prompt: Prompt::Text("hello".into()),
            split: Split::Train,
            group: None,
            reference: Reference::default(),
        }],
        warnings: Vec::new(),
        methods: Vec::new(),
        demonstration: None,
        memory_bytes: 1,
    }
}

/// A state with a loaded bundle, and what it sent so far thrown away.
fn loaded() -> AppState {
    let mut state = AppState::default();
    let mut effects = Vec::new();
    event(
        &mut state,
        EngineEvent::Ready {
            device: "CPU".into(),
            fallback: None,
        },
        &mut effects,
    );
    command(
        &mut state,
        AppCommand::LoadBundle("/b".into()),
        &mut effects,
    );
    let job = state.bundle.loading.as_ref().expect("loading").job;
    event(
        &mut state,
        EngineEvent::Loaded {
            job,
            bundle: Arc::new(bundle()),
        },
        &mut effects,
    );
    state
}

fn run_of(state: &AppState, text: &str, status: RunStatus) -> (JobId, Arc<Run>) {
    let entry = state.session.current().expect("a run");
    let run = Run {
        prompt: entry.prompt.clone(),
        prompt_tokens: vec![1, 2],
        given: None,
        point: entry.point.clone(),
        gates: paretoscope_core::types::RowGates::base(3, 0),
        steering: entry.steering.clone(),
        sampling: entry.sampling.clone(),
        text: text.into(),
        tokens: vec![TokenPiece {
            id: 1,
            start: 0,
            end: text.len(),
        }],
        finish: if status == RunStatus::Done {
            Finish::Eos
        } else {
            Finish::Cancelled
        },
        end: None,
        status,
        record: None,
        key: None,
        scores: None,
        first_token_seconds: 0.0,
        seconds: 0.0,
        pace: Vec::new(),
    };
    (entry.job, Arc::new(run))
}

fn go(state: &mut AppState, commands: impl IntoIterator<Item = AppCommand>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for c in commands {
        command(state, c, &mut effects);
    }
    effects
}

fn tell(state: &mut AppState, told: EngineEvent) -> Vec<Effect> {
    let mut effects = Vec::new();
    event(state, told, &mut effects);
    effects
}

fn corner(i: usize) -> Point {
    Point::Preference(Preference::one_hot(i, 3))
}

#[test]
fn a_loaded_bundle_brings_its_first_prompt_and_a_routed_point() {
    let state = loaded();
    assert_eq!(state.prompt.text, "hello");
    assert_eq!(state.prompt.sample, Some(0));
    assert_eq!(state.simplex.axes, [0, 1, 2]);
    let routing = state.simplex.routing.as_ref().expect("routed");
    assert_eq!(routing.experts.len(), 3);
    assert_eq!(state.prefs.recents, [PathBuf::from("/b")]);
}

#[test]
fn letting_go_generates_and_dragging_alone_does_not() {
    let mut state = loaded();
    assert_eq!(
        go(&mut state, [AppCommand::Move(corner(0), Gesture::Moving)]),
        []
    );
    let effects = go(&mut state, [AppCommand::Move(corner(0), Gesture::Settled)]);
    assert!(
        matches!(&effects[..], [Effect::Send(EngineCommand::Generate { row, score: true, .. })] if row.point == corner(0))
    );
    // By hand: nothing starts.
    let mut state = loaded();
    let effects = go(
        &mut state,
        [
            AppCommand::SetGenerate(GenerateWhen::Manual),
            AppCommand::Move(corner(1), Gesture::Settled),
        ],
    );
    assert_eq!(effects, []);
}

#[test]
fn a_running_row_is_steered_and_says_where() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let job = state.session.current().unwrap().job;
    let effects = go(
        &mut state,
        [
            AppCommand::Move(corner(2), Gesture::Moving),
            AppCommand::Move(corner(2), Gesture::Settled),
        ],
    );
    assert_eq!(
        effects,
        [Effect::Send(EngineCommand::Steer {
            job,
            point: corner(2),
            mutes: Mutes::default(),
        })],
        "sent once"
    );
    tell(
        &mut state,
        EngineEvent::Steered {
            job,
            at_token: 14,
            point: corner(2),
            mutes: Mutes::default(),
        },
    );
    let run = state.session.current().unwrap();
    assert_eq!(run.steering.steered, [(14, corner(2))]);
    assert_eq!(run.heading, None);
    assert_eq!(run.point_now(), &corner(2));
}

#[test]
fn a_row_that_ended_before_it_could_follow_is_answered_anew() {
    let mut state = loaded();
    go(
        &mut state,
        [
            AppCommand::Generate,
            AppCommand::Move(corner(1), Gesture::Settled),
        ],
    );
    let (job, run) = run_of(&state, "done", RunStatus::Done);
    let effects = tell(&mut state, EngineEvent::Finished { job, run });
    assert!(
        matches!(&effects[..], [Effect::Send(EngineCommand::Generate { row, .. })] if row.point == corner(1))
    );
}

#[test]
fn stopping_keeps_the_text() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let job = state.session.current().unwrap().job;
    let news = TokenNews {
        first: 0,
        tokens: vec![TokenPiece {
            id: 5,
            start: 0,
            end: 3,
        }],
        text: "abc".into(),
        gates: vec![],
    };
    tell(&mut state, EngineEvent::Tokens { job, news });
    assert_eq!(
        go(&mut state, [AppCommand::Stop]),
        [Effect::Send(EngineCommand::Cancel { job })]
    );
    assert!(state.session.running().is_none());
    let (job, run) = run_of(&state, "abc", RunStatus::Stopped);
    tell(&mut state, EngineEvent::Finished { job, run });
    let run = state.session.current().unwrap();
    assert_eq!(
        (run.phase.clone(), run.text.as_str()),
        (RunPhase::Stopped, "abc")
    );
    assert!(!run.scoring, "a stopped text is not scored");
}

#[test]
fn late_and_repeated_news_change_nothing() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let job = state.session.current().unwrap().job;
    let news = |first| TokenNews {
        first,
        tokens: vec![TokenPiece {
            id: 5,
            start: 0,
            end: 1,
        }],
        text: "a".into(),
        gates: vec![],
    };
    for first in [0, 0, 7] {
        tell(
            &mut state,
            EngineEvent::Tokens {
                job,
                news: news(first),
            },
        );
    }
    assert_eq!(state.session.current().unwrap().text, "a");
    let before = state.session.runs.len();
    tell(
        &mut state,
        EngineEvent::Tokens {
            job: JobId(9999),
            news: news(0),
        },
    );
    tell(
        &mut state,
        EngineEvent::Scored {
            job: JobId(9999),
            scores: Scores(vec![]),
        },
    );
    assert_eq!(state.session.runs.len(), before);
}

#[test]
fn a_failed_load_leaves_the_old_bundle_in_use() {
    let mut state = loaded();
    go(&mut state, [AppCommand::LoadBundle("/bad".into())]);
    let job = state.bundle.loading.as_ref().unwrap().job;
    let trouble = Trouble::input("no bundle.json");
    tell(
        &mut state,
        EngineEvent::LoadFailed {
            job,
            path: "/bad".into(),
            trouble,
        },
    );
    assert_eq!(state.info().map(|b| b.name.as_str()), Some("tiny"));
    assert!(state.bundle.failure.is_some() && state.bundle.loading.is_none());
    assert_eq!(
        state.prefs.recents,
        [PathBuf::from("/b")],
        "a bad one is not remembered"
    );
}

#[test]
fn an_error_stays_to_be_read_and_gives_way_to_later_success() {
    let mut state = loaded();
    let bundle = state.bundle.current.clone().unwrap();
    super::notify(&mut state, NoticeKind::Error, "the disk is full".into());
    let success = || EngineEvent::Loaded {
        job: JobId(77),
        bundle: bundle.clone(),
    };
    tell(&mut state, success());
    assert!(state.engine.notice.is_some(), "it was there for no time");
    state.now += 60.0;
    assert!(state.engine.notice.is_some(), "time alone does not take it");
    tell(&mut state, success());
    assert!(
        state
            .engine
            .notice
            .as_ref()
            .is_none_or(|n| n.kind != NoticeKind::Error)
    );
}

#[test]
fn bad_input_keeps_the_last_good_value() {
    for (text, rule) in [
        ("-0.1", "below 0"),
        ("NaN", "not finite"),
        ("1e999", "not finite"),
        ("", "empty"),
        ("abc", "not a number"),
        ("1.5", "outside 0 to 1"),
        ("1,2", "3 needed"),
        ("0,0,0", "all numbers are zero"),
        ("2:3:5", "sum to 10"),
    ] {
        let mut state = loaded();
        let before = state.simplex.preference.clone();
        let effects = go(&mut state, [AppCommand::EditField(0, text.into())]);
        assert_eq!(state.simplex.preference, before, "{text}");
        assert_eq!(effects, [], "{text}");
        let problem = state
            .simplex
            .draft
            .as_ref()
            .and_then(|d| d.problem.clone())
            .unwrap_or_default();
        assert!(problem.contains(rule), "{text}: {problem}");
    }
}

#[test]
fn a_pasted_list_is_taken_and_another_sum_only_on_enter() {
    let mut state = loaded();
    go(&mut state, [AppCommand::EditField(0, "0.2,0.3,0.5".into())]);
    assert_eq!(state.simplex.preference, [0.2, 0.3, 0.5]);
    go(&mut state, [AppCommand::EditField(0, "2:1:1".into())]);
    assert_eq!(state.simplex.preference, [0.2, 0.3, 0.5]);
    go(&mut state, [AppCommand::EndField]);
    assert_eq!(state.simplex.preference, [0.5, 0.25, 0.25]);
    assert!(state.simplex.draft.is_none());
}

#[test]
fn two_of_three_objectives_make_a_segment() {
    let mut state = loaded();
    let before = state.simplex.preference.clone();
    go(&mut state, [AppCommand::SetAxes(vec![0, 2])]);
    assert_eq!(
        state.simplex.preference, before,
        "nothing is set to 0 unasked"
    );
    // A share of the third one is asked for, and comes from the others in proportion.
    go(&mut state, [AppCommand::EditField(1, "0.6".into())]);
    let wanted = [0.2, 0.6, 0.2];
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
    assert!(state.simplex.preference.iter().zip(&wanted).all(near));
    go(&mut state, [AppCommand::Preset(2)]);
    assert_eq!(state.simplex.preference, [0.75, 0.0, 0.25]);
    // Nonsense changes nothing.
    go(
        &mut state,
        [
            AppCommand::SetAxes(vec![0, 0]),
            AppCommand::SetAxes(vec![7, 1]),
            AppCommand::SetAxes(vec![]),
        ],
    );
    assert_eq!(state.simplex.axes, [0, 2]);
}

#[test]
fn points_that_do_not_fit_the_bundle_are_refused() {
    let mut state = loaded();
    let before = state.simplex.preference.clone();
    let two = Point::Preference(Preference::uniform(2));
    let weights = Point::Weights(Weights::zero(3));
    assert_eq!(
        go(
            &mut state,
            [
                AppCommand::Move(two, Gesture::Settled),
                AppCommand::Move(weights, Gesture::Settled)
            ]
        ),
        []
    );
    assert_eq!(
        (state.simplex.preference, state.simplex.mode),
        (before, Mode::Interpolate)
    );
}

#[test]
fn a_dot_brings_back_its_rows_and_moves_nothing() {
    let mut state = loaded();
    let effects = go(&mut state, [AppCommand::StartSweep]);
    let Some(Effect::Send(EngineCommand::Sweep { job, plan })) = effects.last().cloned() else {
        panic!("{effects:?}")
    };
    assert_eq!(plan.prompts.len(), 1);
    let result = PointResult {
        name: None,
        index: 3,
        point: corner(1),
        scores: vec![None; 3],
        rows: 1,
    };
    tell(
        &mut state,
        EngineEvent::SweepPoint {
            job,
            result: Arc::new(result),
        },
    );
    let before = (state.simplex.preference.clone(), state.prompt.text.clone());
    let effects = go(&mut state, [AppCommand::SelectDot(Some(3))]);
    let [Effect::Send(EngineCommand::Recall { job, index: 3, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    go(&mut state, [AppCommand::SetGenerate(GenerateWhen::Manual)]);
    let mut probe = loaded();
    go(
        &mut probe,
        [
            AppCommand::Move(corner(1), Gesture::Moving),
            AppCommand::Generate,
        ],
    );
    let (_, run) = run_of(&probe, "stored words", RunStatus::Done);
    // Its routing was not stored: it is asked for, and taken in when it comes.
    let asked = tell(
        &mut state,
        EngineEvent::Recalled {
            job: *job,
            index: 3,
            runs: vec![run],
        },
    );
    let current = state.session.current().expect("a stored run");
    assert_eq!(
        (current.text.as_str(), current.point.clone()),
        ("stored words", corner(1))
    );
    assert!(!state.sweep.recalling);
    assert_eq!(
        (state.simplex.preference.clone(), state.prompt.text.clone()),
        before
    );
    assert_eq!(
        state.session.history().count(),
        0,
        "it is no answer of this session"
    );
    let [Effect::Send(EngineCommand::Retrace { job, run })] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(run.text, "stored words");
    let record = Arc::new(GateRecord {
        sites: Arc::new(vec!["model.layers.0.mlp.up_proj".into()]),
        adapters: Arc::new(vec!["a".into()]),
        values: vec![0.5],
    });
    tell(
        &mut state,
        EngineEvent::Retraced {
            job: *job,
            record: record.clone(),
        },
    );
    assert_eq!(state.session.current().unwrap().record, Some(record));
    // Without the dot nothing of it is left.
    go(&mut state, [AppCommand::SelectDot(None)]);
    assert!(state.session.current().is_none() && state.session.runs.is_empty());
}

#[test]
fn live_mode_generates_after_a_rest() {
    let mut state = loaded();
    go(
        &mut state,
        [
            AppCommand::SetGenerate(GenerateWhen::Live),
            AppCommand::Generate,
        ],
    );
    let (job, run) = run_of(&state, "x", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    go(&mut state, [AppCommand::Move(corner(0), Gesture::Moving)]);
    let mut effects = Vec::new();
    tick(&mut state, &mut effects);
    let preview = |effect: &Effect| matches!(effect, Effect::Send(EngineCommand::Preview { .. }));
    effects.retain(|effect| !preview(effect));
    assert_eq!(effects, []);
    state.now += point::LIVE_REST + 0.01;
    tick(&mut state, &mut effects);
    assert!(matches!(
        &effects[..],
        [Effect::Send(EngineCommand::Generate { .. })]
    ));
}

#[test]
fn a_panic_of_the_engine_becomes_words_not_a_dead_window() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    tell(
        &mut state,
        EngineEvent::Stopped {
            panic: Some("index out of bounds".into()),
        },
    );
    assert!(
        matches!(&state.session.current().unwrap().phase, RunPhase::Failed(t) if t.message.contains("bounds"))
    );
    assert_eq!(
        state.engine.phase,
        EnginePhase::Stopped(Some("index out of bounds".into()))
    );
    assert_eq!(
        go(&mut state, [AppCommand::Generate]),
        [],
        "nothing is sent to a stopped engine"
    );
}

#[test]
fn at_most_so_many_runs_are_kept_and_never_the_pinned_one_lost() {
    let mut state = loaded();
    for i in 0..crate::state::Session::KEPT + 5 {
        go(&mut state, [AppCommand::Generate]);
        let (job, run) = run_of(&state, "x", RunStatus::Done);
        tell(&mut state, EngineEvent::Finished { job, run });
        if i == 0 {
            go(&mut state, [AppCommand::Pin]);
        }
    }
    assert_eq!(state.session.runs.len(), crate::state::Session::KEPT);
    assert!(state.session.pinned().is_some());
}
