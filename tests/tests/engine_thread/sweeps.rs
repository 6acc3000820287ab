//! A sweep under way.

use std::sync::Arc;

use paretoscope_engine::protocol::{EngineCommand, EngineEvent, SweepPhase};
use paretoscope_tests::{Fixture, Front};

use crate::asked::{plan, row, text};

#[test]
fn a_cancelled_sweep_goes_on_where_it_was() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let job = front.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan(&fixture, "whole.db"),
    });
    let (whole, phase) = front.sweep_end(job);
    assert_eq!((whole.len(), phase), (15, SweepPhase::Finished));

    let job = front.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan(&fixture, "halved.db"),
    });
    let first = front.wait(|event| match event {
        EngineEvent::SweepPoint { job: j, result } if j == job => Some(result.index),
        _ => None,
    });
    front.tell(EngineCommand::Cancel { job });
    let (some, _) = front.sweep_end(job);
    let job = front.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan(&fixture, "halved.db"),
    });
    let (all, phase) = front.sweep_end(job);
    assert_eq!((all.len(), phase), (15, SweepPhase::Finished));
    assert!(
        some.iter()
            .all(|point| all.iter().any(|again| again.index == point.index))
    );
    assert!(all.iter().any(|point| point.index == first));
    for (a, b) in all.iter().zip(&whole) {
        assert_eq!((a.index, &a.point, a.rows), (b.index, &b.point, b.rows));
        for (a, b) in a.scores.iter().flatten().zip(b.scores.iter().flatten()) {
            assert!(
                (a.mean - b.mean).abs() < 1e-4 && a.n == b.n,
                "{} and {}",
                a.mean,
                b.mean
            );
        }
    }
}

#[test]
fn a_row_of_a_sweep_equals_the_row_alone() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let plan = plan(&fixture, "run.db");
    let job = front.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan.clone(),
    });
    let (points, _) = front.sweep_end(job);
    for point in points.iter().step_by(4) {
        let index = point.index;
        let asked = Arc::new(plan.clone());
        let job = front.ask(|job| EngineCommand::Recall {
            job,
            plan: asked,
            index,
        });
        let runs = front.wait(|event| match event {
            EngineEvent::Recalled { job: j, runs, .. } if j == job => Some(runs),
            EngineEvent::Failed { job: j, trouble } if j == job => {
                panic!("failed: {}", trouble.message)
            }
            _ => None,
        });
        assert_eq!(runs.len(), plan.prompts.len());
        for run in runs {
            let alone = front.run(row(run.prompt.clone(), point.point.clone(), 24));
            assert_eq!(
                (&alone.text, &alone.tokens),
                (&run.text, &run.tokens),
                "point {index}"
            );
        }
    }
}

#[test]
fn a_row_of_a_person_goes_before_a_sweep() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let sweep = front.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan(&fixture, "run.db"),
    });
    let row = front.ask(|job| EngineCommand::Generate {
        job,
        row: text("The cat", [0.0, 1.0, 0.0], 12),
        score: true,
    });
    let mut scored = false;
    let mut finished = false;
    front.wait(|event| match event {
        EngineEvent::Finished { job, .. } if job == row => {
            finished = true;
            None
        }
        EngineEvent::Scored { job, scores } if job == row => {
            scored = true;
            assert!(scores.0[0].is_some() && scores.0[1].is_some() && scores.0[2].is_none());
            None
        }
        EngineEvent::Sweep { job, progress }
            if job == sweep && progress.phase == SweepPhase::Finished =>
        {
            Some(())
        }
        _ => None,
    });
    assert!(finished && scored, "the person waited for the whole sweep");
}

#[test]
fn shutting_down_in_a_sweep_keeps_what_is_finished() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    front.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan(&fixture, "run.db"),
    });
    front.wait(|event| matches!(event, EngineEvent::SweepPoint { .. }).then_some(()));
    front.tell(EngineCommand::Shutdown);
    let panic = front.wait(|event| match event {
        EngineEvent::Stopped { panic } => Some(panic),
        _ => None,
    });
    assert_eq!(panic, None);
    let store = rusqlite::Connection::open(fixture.out("run.db")).expect("a store");
    let rows: i64 = store
        .query_row("SELECT count(*) FROM sweep_row", [], |row| row.get(0))
        .expect("rows");
    assert!(rows >= 2, "a reported point has its rows in the store");
}
