//! What happens in the sheets: adapters compared, texts scored by hand.

use std::path::Path;

use paretoscope_core::types::{Compared, Interference, Measure};

use super::*;
use crate::command::Annotation;

#[test]
fn adapters_are_compared_once_per_question() {
    let mut state = loaded();
    let ask = |measure| AppCommand::Compare(Compared::Experts, measure);
    let effects = go(&mut state, [ask(Measure::Cosine)]);
    let [Effect::Send(EngineCommand::Compare { job: first, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        go(&mut state, [ask(Measure::Cosine)]),
        [],
        "it is on its way"
    );
    let effects = go(&mut state, [ask(Measure::Signs)]);
    let [
        Effect::Send(EngineCommand::Cancel { job: cancelled }),
        Effect::Send(EngineCommand::Compare { job: second, .. }),
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(cancelled, first);
    let found = |measure| {
        Arc::new(Interference {
            compared: Compared::Experts,
            measure,
            names: vec!["a".into(), "b".into()],
            pairs: Vec::new(),
        })
    };
    let late = |job: &JobId, measure| EngineEvent::Compared {
        job: *job,
        found: found(measure),
    };
    tell(&mut state, late(first, Measure::Cosine));
    assert_eq!(state.interference.found, None, "an answer nobody waits for");
    tell(&mut state, late(second, Measure::Signs));
    assert_eq!(state.interference.found, Some(found(Measure::Signs)));
}

#[test]
fn a_text_is_scored_as_it_is_typed_one_at_a_time() {
    let mut state = loaded();
    let typed = |text: &str| AppCommand::Try("Question".into(), text.into());
    let effects = go(&mut state, [typed("A")]);
    let [Effect::Send(EngineCommand::Score { job, response, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(response, "A");
    assert_eq!(go(&mut state, [typed("An"), typed("An answer")]), []);
    let scores = Scores(vec![Some(0.5), None, Some(-1.0)]);
    let next = tell(
        &mut state,
        EngineEvent::Scored {
            job: *job,
            scores: scores.clone(),
        },
    );
    let [Effect::Send(EngineCommand::Score { job, response, .. })] = &next[..] else {
        panic!("{next:?}")
    };
    assert_eq!(response, "An answer", "what was typed meanwhile, once");
    tell(&mut state, EngineEvent::Scored { job: *job, scores });
    assert!(state.bundle.trial.scores.is_some());
    assert_eq!(go(&mut state, [typed("  ")]), [], "nothing to score");
    assert_eq!(state.bundle.trial.scores, None);
}

#[test]
fn another_bundle_leaves_nothing_waiting_for_the_old_one() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let (job, run) = run_of(&state, "words", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    assert!(state.session.current().unwrap().scoring);
    go(&mut state, [AppCommand::Try("Question".into(), "A".into())]);
    let effects = go(&mut state, [AppCommand::StartSweep]);
    let Some(Effect::Send(EngineCommand::Sweep { job: sweep, .. })) = effects.last().cloned()
    else {
        panic!("{effects:?}")
    };
    go(&mut state, [AppCommand::LoadBundle("/c".into())]);
    let loading = state.bundle.loading.as_ref().expect("loading").job;
    let asked = tell(
        &mut state,
        EngineEvent::Loaded {
            job: loading,
            bundle: Arc::new(bundle()),
        },
    );
    assert!(!state.session.current().unwrap().scoring);
    assert!(
        matches!(&asked[..], [Effect::Send(EngineCommand::Score { response, .. })] if response == "A"),
        "{asked:?}"
    );
    let result = Arc::new(PointResult {
        name: None,
        index: 0,
        point: corner(0),
        scores: vec![None; 3],
        rows: 1,
    });
    tell(&mut state, EngineEvent::SweepPoint { job: sweep, result });
    assert!(state.sweep.points.is_empty(), "of the old bundle");
    let trouble = Trouble::system("the old bundle is gone");
    tell(
        &mut state,
        EngineEvent::Failed {
            job: sweep,
            trouble,
        },
    );
    assert_eq!(state.sweep.trouble, None);
}

#[test]
fn files_of_annotation_are_chosen_by_dialogs_and_never_run_by_them() {
    let mut state = loaded();
    use Wanted as W;
    let wants = [W::Votes, W::Pack, W::Back, W::Pairs, W::VotesOut];
    for wanted in wants {
        let choose = AppCommand::Annotate(Annotation::Choose(wanted));
        assert_eq!(go(&mut state, [choose]), [Effect::Pick(wanted)]);
        let mut effects = Vec::new();
        picked(&mut state, wanted, None, &mut effects);
        picked(
            &mut state,
            wanted,
            Some("/tmp/some file".into()),
            &mut effects,
        );
        assert_eq!(
            effects,
            [],
            "a path is named, and nothing is written or read"
        );
        no_dialog(&mut state, wanted, &mut effects);
        assert_eq!(state.overlay.open, Overlay::Annotate);
    }
    let lend = &state.annotate.lend;
    assert_eq!(lend.out, Path::new("/tmp/some file.study"));
    assert_eq!(lend.back, Path::new("/tmp/some file"));
    assert_eq!(lend.pairs, Path::new("/tmp/some file.jsonl"));
    assert_eq!(lend.votes, Path::new("/tmp/some file.jsonl"));
    let file = state.annotate.form.file.as_deref();
    assert_eq!(file, Some(Path::new("/tmp/some file")));
}
