//! By which method points become answers: what is sent, what a drag does, several sweeps one after the other.

use paretoscope_core::method::{Method, MethodKind};
use paretoscope_core::protocol::{SweepPhase, SweepPlan, SweepProgress};
use paretoscope_core::types::PointKind;

use super::*;
use crate::registry::why_not;
use crate::state::SweepForm;

fn method(text: &str) -> Method {
    text.parse().unwrap()
}

/// The rows that effects ask for.
fn asked(effects: &[Effect]) -> Vec<Option<Method>> {
    let of = |effect: &Effect| match effect {
        Effect::Send(EngineCommand::Generate { row, .. }) => Some(row.sampling.method.clone()),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn steered(effects: &[Effect]) -> usize {
    let is = |effect: &&Effect| matches!(effect, Effect::Send(EngineCommand::Steer { .. }));
    effects.iter().filter(is).count()
}

fn at(shares: [f64; 3], gesture: Gesture) -> AppCommand {
    let point = Point::Preference(Preference::new(shares.to_vec()).unwrap());
    AppCommand::Move(point, gesture)
}

#[test]
fn a_row_names_its_method_and_what_is_usual_has_no_name() {
    let mut state = loaded();
    assert_eq!(asked(&go(&mut state, [AppCommand::Generate])), [None]);
    let effects = go(
        &mut state,
        [AppCommand::SetMethod(MethodKind::Mod), AppCommand::Generate],
    );
    assert_eq!(asked(&effects), [Some(method("mod"))]);
    let form = crate::state::SamplingForm {
        method: Some(method("mod:c=2")),
        ..state.prefs.sampling.clone()
    };
    go(&mut state, [AppCommand::SetSampling(form)]);
    // What was set stays where the method is chosen already.
    let effects = go(
        &mut state,
        [AppCommand::SetMethod(MethodKind::Mod), AppCommand::Generate],
    );
    assert_eq!(asked(&effects), [Some(method("mod:c=2"))]);
    let effects = go(
        &mut state,
        [AppCommand::SetMethod(MethodKind::Hoe), AppCommand::Generate],
    );
    assert_eq!(asked(&effects), [None]);
    go(&mut state, [AppCommand::Undo]);
    assert_eq!(state.method(), method("mod:c=2"));
}

#[test]
fn what_cannot_be_had_here_is_refused_in_words() {
    let mut state = loaded();
    let why = |state: &AppState, kind| why_not(&AppCommand::SetMethod(kind), state);
    for (kind, words) in [
        (MethodKind::Mva, "it answers at weights, not at preferences"),
        (MethodKind::Genarm, "holds no parts"),
    ] {
        let reason = why(&state, kind).expect("a reason");
        assert!(reason.contains(words), "{kind:?}: {reason}");
        go(&mut state, [AppCommand::SetMethod(kind)]);
        assert_eq!(state.method(), method("hoe"));
    }
    for kind in [
        MethodKind::Mod,
        MethodKind::Pcb,
        MethodKind::Args,
        MethodKind::BestOfN,
    ] {
        assert_eq!(why(&state, kind), None, "{kind:?}");
    }
    let mut info = bundle();
    info.methods = vec!["genarm".into()];
    info.experts.remove(1);
    info.objectives[2].reward = None;
    state.bundle.current = Some(Arc::new(info));
    assert_eq!(why(&state, MethodKind::Genarm), None);
    let words = why(&state, MethodKind::Mod).expect("a reason");
    assert!(words.contains("none stands at b alone"), "{words}");
    for kind in [MethodKind::Args, MethodKind::BestOfN] {
        let words = why(&state, kind).expect("a reason");
        assert!(words.contains("c has none"), "{words}");
    }
    // One that was chosen with another bundle says why it gives no answer, and the usual one does.
    state.prefs.sampling.method = Some(method("parm"));
    let words = why_not(&AppCommand::Generate, &state).expect("a reason");
    assert!(
        words.starts_with("PARM: this bundle holds no parts"),
        "{words}"
    );
}

#[test]
fn a_drag_steers_what_goes_on_and_asks_anew_on_release_what_does_not() {
    for (name, follows) in [
        ("mod", true),
        ("rs", true),
        ("prompting", false),
        ("pcb", false),
    ] {
        let mut state = loaded();
        state.engine.notice = None;
        state.prefs.sampling.method = Some(method(name));
        go(&mut state, [at([0.2, 0.3, 0.5], Gesture::Settled)]);
        assert!(state.session.running().is_some(), "{name}");
        let drag = go(
            &mut state,
            [
                at([0.3, 0.3, 0.4], Gesture::Moving),
                at([0.4, 0.3, 0.3], Gesture::Moving),
            ],
        );
        assert_eq!(steered(&drag), if follows { 2 } else { 0 }, "{name}");
        assert!(asked(&drag).is_empty(), "{name}");
        let release = go(&mut state, [at([0.5, 0.3, 0.2], Gesture::Settled)]);
        let anew = if follows {
            vec![]
        } else {
            vec![Some(method(name))]
        };
        assert_eq!(asked(&release), anew, "{name}");
        assert_eq!(steered(&release), usize::from(follows), "{name}");
        assert_eq!(state.engine.notice, None, "{name}: nothing was refused");
    }
}

#[test]
fn while_it_is_dragged_live_a_method_that_merges_anew_waits_for_the_release() {
    for (name, follows) in [("hoe", true), ("pcb", false)] {
        let mut state = loaded();
        state.prefs.sampling.method = Some(method(name));
        go(
            &mut state,
            [
                AppCommand::SetGenerate(GenerateWhen::Live),
                AppCommand::Generate,
            ],
        );
        let (job, run) = run_of(&state, "x", RunStatus::Done);
        tell(&mut state, EngineEvent::Finished { job, run });
        go(&mut state, [at([0.3, 0.3, 0.4], Gesture::Moving)]);
        state.now += point::LIVE_REST + 0.01;
        let mut effects = Vec::new();
        tick(&mut state, &mut effects);
        assert_eq!(asked(&effects).len(), usize::from(follows), "{name}");
        if !follows {
            let release = go(&mut state, [at([0.3, 0.3, 0.4], Gesture::Settled)]);
            assert_eq!(asked(&release), [Some(method(name))]);
        }
    }
}

#[test]
fn another_method_is_asked_at_the_next_release_while_the_old_answer_runs() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    go(&mut state, [AppCommand::SetMethod(MethodKind::Mod)]);
    let drag = go(&mut state, [at([0.2, 0.3, 0.5], Gesture::Moving)]);
    assert_eq!(steered(&drag), 0);
    let release = go(&mut state, [at([0.2, 0.3, 0.5], Gesture::Settled)]);
    assert_eq!(asked(&release), [Some(method("mod"))]);
}

/// The plans that effects send.
fn plans(effects: &[Effect]) -> Vec<(JobId, SweepPlan)> {
    let of = |effect: &Effect| match effect {
        Effect::Send(EngineCommand::Sweep { job, plan }) => Some((*job, plan.clone())),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn ended(job: JobId, phase: SweepPhase) -> EngineEvent {
    EngineEvent::Sweep {
        job,
        progress: SweepProgress {
            points_done: 4,
            points: 4,
            rows_done: 4,
            rows: 4,
            rows_found: 0,
            rows_made: 0,
            rows_from_others: 0,
            rows_at_others: 0,
            rows_per_second: None,
            eta_seconds: None,
            phase,
        },
    }
}

fn form(methods: &[&str]) -> AppCommand {
    AppCommand::SetSweep(SweepForm {
        k: 1,
        methods: methods.iter().map(|name| method(name)).collect(),
        ..SweepForm::default()
    })
}

#[test]
fn several_methods_are_swept_one_after_the_other_with_the_same_prompts_and_seeds() {
    let mut state = loaded();
    // The point has a method of its own.
    go(&mut state, [AppCommand::SetMethod(MethodKind::Rs)]);
    let first = go(
        &mut state,
        [
            form(&["pcb:density=0.2", "hoe", "mod"]),
            AppCommand::StartSweep,
        ],
    );
    let cost = state
        .sweep
        .cost
        .clone()
        .expect("counted")
        .expect("it can run");
    assert_eq!((cost.points, cost.methods, cost.rows()), (4, 3, 12));
    let mut sent = plans(&first);
    assert_eq!(state.sweep.queue.len(), 2);
    while let Some((job, _)) = sent.last().cloned() {
        assert!(state.sweep.is_active());
        let next = plans(&tell(&mut state, ended(job, SweepPhase::Finished)));
        if next.is_empty() {
            break;
        }
        sent.extend(next);
    }
    assert!(!state.sweep.is_active());
    let methods: Vec<Option<Method>> = sent
        .iter()
        .map(|(_, plan)| plan.sampling.method.clone())
        .collect();
    let wanted = [None, Some(method("pcb:density=0.2")), Some(method("mod"))];
    assert_eq!(methods, wanted);
    let alike = |plan: &SweepPlan| {
        let mut plan = plan.clone();
        plan.sampling.method = None;
        plan
    };
    assert!(
        sent.iter()
            .all(|(_, plan)| alike(plan) == alike(&sent[0].1))
    );
}

#[test]
fn what_is_cancelled_or_fails_takes_those_that_wait_with_it() {
    for fails in [false, true] {
        let mut state = loaded();
        let sent = plans(&go(
            &mut state,
            [form(&["mod", "rs"]), AppCommand::StartSweep],
        ));
        let job = sent[0].0;
        let effects = if fails {
            let trouble = Trouble::system("the disk is full");
            tell(&mut state, EngineEvent::Failed { job, trouble })
        } else {
            go(&mut state, [AppCommand::CancelSweep]);
            tell(&mut state, ended(job, SweepPhase::Cancelled))
        };
        assert!(plans(&effects).is_empty() && state.sweep.queue.is_empty());
        assert!(!state.sweep.is_active());
    }
}

#[test]
fn a_form_with_a_method_that_does_not_answer_there_says_which() {
    let mut state = loaded();
    go(&mut state, [form(&["mod", "genarm"])]);
    let trouble = state.sweep.cost.clone().expect("counted").unwrap_err();
    assert!(
        trouble.message.starts_with("GenARM: "),
        "{}",
        trouble.message
    );
    assert!(why_not(&AppCommand::StartSweep, &state).is_some());
    // The papers' own stand for each other; others wait for points that they answer at.
    let form = SweepForm {
        methods: vec![method("hoe"), method("rs")],
        ..SweepForm::default()
    };
    assert_eq!(form.methods_at(PointKind::Preference).len(), 2);
    assert_eq!(form.methods_at(PointKind::Weights), [method("mva")]);
    let ticked = form.with_method(MethodKind::Mod, PointKind::Weights, true);
    assert_eq!(ticked.methods, [method("mva"), method("mod")]);
}

#[test]
fn no_routing_is_looked_for_where_a_method_has_none() {
    for (name, looked_for) in [("hoe", true), ("rs", true), ("mod", false), ("base", false)] {
        let mut state = loaded();
        let effects = go(&mut state, [form(&[name]), AppCommand::StartSweep]);
        let (job, plan) = plans(&effects)[0].clone();
        let result = Arc::new(PointResult {
            name: None,
            index: 3,
            point: corner(1),
            scores: vec![None; 3],
            rows: 1,
        });
        tell(&mut state, EngineEvent::SweepPoint { job, result });
        let effects = go(&mut state, [AppCommand::SelectDot(Some(3))]);
        let [Effect::Send(EngineCommand::Recall { job, .. })] = &effects[..] else {
            panic!("{effects:?}")
        };
        let mut probe = loaded();
        go(&mut probe, [AppCommand::Generate]);
        let (_, run) = run_of(&probe, "stored words", RunStatus::Done);
        let run = Arc::new(Run {
            sampling: plan.sampling.clone(),
            ..run.as_ref().clone()
        });
        let recalled = EngineEvent::Recalled {
            job: *job,
            index: 3,
            runs: vec![run],
        };
        let asked = tell(&mut state, recalled);
        let is_retrace = |e: &Effect| matches!(e, Effect::Send(EngineCommand::Retrace { .. }));
        assert_eq!(asked.iter().any(is_retrace), looked_for, "{name}");
    }
}
