//! Dots of a sweep, and the sweep before.

use super::*;

#[test]
fn leaving_a_dot_leads_back_to_the_answer_and_a_pinned_row_stays() {
    let mut state = loaded();
    go(&mut state, [AppCommand::Generate]);
    let (job, run) = run_of(&state, "mine", RunStatus::Done);
    tell(&mut state, EngineEvent::Finished { job, run });
    let mine = state.session.current;
    let effects = go(&mut state, [AppCommand::StartSweep]);
    let Some(Effect::Send(EngineCommand::Sweep { job, .. })) = effects.last().cloned() else {
        panic!("{effects:?}")
    };
    for index in 0..2 {
        let result = Arc::new(PointResult {
            name: None,
            index,
            point: corner(index),
            scores: vec![None; 3],
            rows: 1,
        });
        tell(&mut state, EngineEvent::SweepPoint { job, result });
    }
    let look = |state: &mut AppState, index: usize| {
        let (_, run) = run_of(state, "stored", RunStatus::Done);
        let effects = go(state, [AppCommand::SelectDot(Some(index))]);
        let Some(Effect::Send(EngineCommand::Recall { job, .. })) = effects.last().cloned() else {
            panic!("{effects:?}")
        };
        let runs = vec![run];
        tell(state, EngineEvent::Recalled { job, index, runs });
    };
    look(&mut state, 0);
    assert_ne!(state.session.current, mine);
    go(&mut state, [AppCommand::Pin]);
    look(&mut state, 1);
    assert_eq!(
        state.session.runs.len(),
        3,
        "mine, the pinned row, the row of the dot"
    );
    go(&mut state, [AppCommand::SelectDot(None)]);
    assert_eq!(state.session.current, mine);
    assert_eq!(state.session.history().count(), 2);
}

#[test]
fn another_sweep_keeps_the_points_of_the_one_before() {
    let mut state = loaded();
    let sweep = |state: &mut AppState, k: usize| {
        let form = crate::state::SweepForm {
            k,
            ..state.prefs.sweep.clone()
        };
        let effects = go(state, [AppCommand::SetSweep(form), AppCommand::StartSweep]);
        let Some(Effect::Send(EngineCommand::Sweep { job, .. })) = effects.last().cloned() else {
            panic!("{effects:?}")
        };
        for index in 0..k {
            let result = Arc::new(PointResult {
                name: None,
                index,
                point: corner(0),
                scores: vec![None; 3],
                rows: 1,
            });
            tell(state, EngineEvent::SweepPoint { job, result });
        }
        go(state, [AppCommand::CancelSweep]);
        let phase = paretoscope_core::protocol::SweepPhase::Cancelled;
        let progress = paretoscope_core::protocol::SweepProgress {
            points_done: k,
            points: k,
            rows_done: k,
            rows: k,
            rows_found: 0,
            rows_made: 0,
            rows_from_others: 0,
            rows_at_others: 0,
            rows_per_second: None,
            eta_seconds: None,
            phase,
        };
        tell(state, EngineEvent::Sweep { job, progress });
        assert_eq!(state.jobs.owner(job), None, "it is over");
    };
    sweep(&mut state, 2);
    sweep(&mut state, 3);
    let counts = |state: &AppState| {
        let shelved = state.sweep.shelved.as_ref().map(|s| s.points.len());
        (state.sweep.points.len(), shelved)
    };
    assert_eq!(counts(&state), (3, Some(2)));
    let generation = state.sweep.generation;
    go(&mut state, [AppCommand::SwapSweep]);
    assert_eq!(counts(&state), (2, Some(3)));
    assert!(state.sweep.generation > generation);
    // The same sweep again goes on, and keeps what was kept.
    sweep(&mut state, 3);
    assert_eq!(counts(&state), (3, Some(2)));
    sweep(&mut state, 3);
    assert_eq!(counts(&state), (3, Some(2)));
}
