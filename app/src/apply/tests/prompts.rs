//! The preview of what the model is given, conversations, and rows that fail.

use paretoscope_core::types::{Given, GivenToken, Message};

use super::*;
use crate::state::{PreviewState, PromptSource, SweepForm};

/// A loaded bundle with a chat template.
fn with_template() -> AppState {
    let mut state = loaded();
    let mut info = bundle();
    info.model.has_chat_template = true;
    info.prompts.push(PromptSample {
        title: "talk".into(),
        prompt: Prompt::Messages(vec![Message::system("be brief"), Message::user("why?")]),
        split: Split::Train,
        group: None,
        reference: Reference::default(),
    });
    state.bundle.current = Some(Arc::new(info));
    state
}

fn given(id: u32) -> Arc<Given> {
    let token = GivenToken {
        id,
        text: "x".into(),
        special: false,
    };
    Arc::new(Given {
        text: "x".into(),
        tokens: vec![token],
    })
}

/// The previews that a frame asks for.
fn asked(state: &mut AppState) -> Vec<(JobId, Prompt)> {
    let mut effects = Vec::new();
    tick(state, &mut effects);
    let of = |effect| match effect {
        Effect::Send(EngineCommand::Preview { job, prompt }) => Some((job, prompt)),
        _ => None,
    };
    effects.into_iter().filter_map(of).collect()
}

#[test]
fn the_preview_follows_once_typing_rests_and_drops_older_answers() {
    let mut state = loaded();
    let first = asked(&mut state);
    assert_eq!(first[0].1, Prompt::Text("hello".into()));
    assert!(asked(&mut state).is_empty(), "asked once");
    go(&mut state, [AppCommand::SetPrompt("hell".into())]);
    assert!(asked(&mut state).is_empty(), "not while typing");
    assert!(wake_after(&state).is_some());
    state.now += PreviewState::REST + 0.01;
    let second = asked(&mut state);
    assert_eq!(second[0].1, Prompt::Text("hell".into()));
    let answer = |job, id| EngineEvent::Previewed {
        job,
        given: given(id),
        context: 64,
    };
    tell(&mut state, answer(first[0].0, 1));
    assert!(state.preview.shown.is_none(), "an older prompt's");
    tell(&mut state, answer(second[0].0, 2));
    assert!(
        matches!(&state.preview.shown, Some(Ok(shown)) if shown.given.tokens[0].id == 2 && shown.context == 64)
    );
}

#[test]
fn a_file_of_prompts_keeps_its_parts_and_groups() {
    let mut state = loaded();
    let path = PathBuf::from("/data/p.jsonl");
    let form = SweepForm {
        source: PromptSource::File(path.clone()),
        k: 1,
        ..SweepForm::default()
    };
    go(&mut state, [AppCommand::SetSweep(form.clone())]);
    let sample = |text: &str, split, group: Option<&str>| PromptSample {
        title: text.into(),
        prompt: Prompt::Text(text.into()),
        split,
        group: group.map(Into::into),
        reference: Reference::default(),
    };
    let read = Ok(vec![
        sample("bread", Split::Test, Some("kitchen")),
        sample("bleach", Split::Validation, None),
    ]);
    tell(&mut state, EngineEvent::PromptsRead { path, read });
    let plan_of = |state: &mut AppState| {
        let effects = go(state, [AppCommand::StartSweep]);
        effects.into_iter().find_map(|effect| match effect {
            Effect::Send(EngineCommand::Sweep { plan, .. }) => Some(plan),
            _ => None,
        })
    };
    let plan = plan_of(&mut state).expect("a sweep");
    assert_eq!(plan.splits, [Split::Test, Split::Validation]);
    assert_eq!(plan.groups, [Some("kitchen".to_owned()), None]);
    // A part of it, as of the bundle's.
    go(&mut state, [AppCommand::CancelSweep]);
    state.sweep.job = None;
    let part = |split| SweepForm {
        split: Some(split),
        ..form.clone()
    };
    go(&mut state, [AppCommand::SetSweep(part(Split::Validation))]);
    let plan = plan_of(&mut state).expect("a sweep");
    assert_eq!(plan.prompts, [Prompt::Text("bleach".into())]);
    assert!(plan.groups.is_empty(), "nothing is said of it");
    state.sweep.job = None;
    go(&mut state, [AppCommand::SetSweep(part(Split::Train))]);
    assert!(
        matches!(&state.sweep.cost, Some(Err(trouble)) if trouble.message.contains("no prompt of this file"))
    );
}

#[test]
fn a_template_that_fails_is_said_in_place_and_fails_nothing_else() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let (job, _) = asked(&mut state).remove(0);
    let trouble = Trouble::input("chat template, line 3");
    tell(&mut state, EngineEvent::Failed { job, trouble });
    assert!(matches!(&state.preview.shown, Some(Err(t)) if t.message.contains("line 3")));
    assert!(state.session.current().unwrap().phase.is_running());
    assert!(
        state
            .engine
            .notice
            .as_ref()
            .is_none_or(|n| n.kind != NoticeKind::Error)
    );
}

#[test]
fn a_conversation_is_sent_turn_by_turn_and_goes_on_from_an_answer() {
    let mut state = with_template();
    go(&mut state, [AppCommand::ToggleConversation]);
    let turns = vec![Message::system(""), Message::user("hello")];
    assert_eq!(state.prompt.turns, turns);
    go(
        &mut state,
        [AppCommand::SetTurn(0, Message::system("be kind"))],
    );
    let effects = go(&mut state, [AppCommand::Generate]);
    let [Effect::Send(EngineCommand::Generate { row, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    let sent = vec![Message::system("be kind"), Message::user("hello")];
    assert_eq!(row.prompt, Prompt::Messages(sent.clone()));
    let (job, run) = run_of(&state, "good day", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    go(&mut state, [AppCommand::Continue]);
    let mut longer = sent;
    longer.extend([Message::assistant("good day"), Message::user("")]);
    assert_eq!(state.prompt.turns, longer);
    assert_eq!(state.prefs.turns, longer, "remembered");
    // An empty turn of the user is not sent.
    assert!(go(&mut state, [AppCommand::Generate]).is_empty());
    go(
        &mut state,
        [
            AppCommand::SetTurn(3, Message::user("and now?")),
            AppCommand::MoveTurn(-1),
        ],
    );
    assert_eq!(state.prompt.turns[2].content, "and now?");
    assert!(
        go(&mut state, [AppCommand::Generate]).is_empty(),
        "the model's own turn is last"
    );
    go(
        &mut state,
        [AppCommand::FocusTurn(3), AppCommand::RemoveTurn],
    );
    assert_eq!(state.prompt.turns.len(), 3);
    // Back to one text, and forth: nothing is lost.
    go(&mut state, [AppCommand::ToggleConversation]);
    assert_eq!(state.prompt.text, "and now?");
    go(&mut state, [AppCommand::ToggleConversation]);
    assert_eq!(state.prompt.turns.len(), 3);
}

#[test]
fn the_last_words_of_a_conversation_do_not_stand_for_all_of_it() {
    let mut state = with_template();
    go(&mut state, [AppCommand::SetPrompt("why?".into())]);
    assert_eq!(state.prompt_now(), Some(Prompt::Chat("why?".into())));
    go(&mut state, [AppCommand::PickSample(1)]);
    assert!(state.prompt.conversation);
    assert_eq!(state.prompt.turns[0], Message::system("be brief"));
    go(&mut state, [AppCommand::PickSample(0)]);
    assert!(!state.prompt.conversation);
    assert_eq!(state.prompt_now(), Some(Prompt::Text("hello".into())));
}

#[test]
fn a_bundle_without_a_template_takes_no_conversation_and_says_so() {
    let mut state = loaded();
    go(&mut state, [AppCommand::ToggleConversation]);
    assert!(!state.prompt.conversation);
    let said = &state.engine.notice.as_ref().unwrap().text;
    assert!(said.contains("no chat template"), "{said}");
}

#[test]
fn a_score_that_is_no_number_fails_its_row() {
    for finished in [true, false] {
        let mut state = loaded();
        go(&mut state, [AppCommand::Generate]);
        let (job, run) = run_of(&state, "fine words", RunStatus::Done);
        let scores = Scores(vec![Some(1.0), Some(f64::NAN), None]);
        let run = Run {
            scores: finished.then(|| scores.clone()),
            ..(*run).clone()
        };
        let run = Arc::new(run);
        tell(&mut state, EngineEvent::Finished { job, run });
        tell(&mut state, EngineEvent::Scored { job, scores });
        let current = state.session.current().unwrap();
        assert!(
            matches!(&current.phase, RunPhase::Failed(t) if t.message.contains("for b is NaN"))
        );
        assert_eq!(current.scores, None);
    }
}

#[test]
fn a_row_that_could_not_be_scored_is_no_answer() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let (job, run) = run_of(&state, "fine words", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    let trouble = Trouble::system("reward `b`: the score is NaN");
    tell(&mut state, EngineEvent::Failed { job, trouble });
    let current = state.session.current().unwrap();
    assert!(matches!(&current.phase, RunPhase::Failed(t) if t.message.contains("NaN")));
}
