//! A sweep under way.

use std::cell::Cell;
use std::sync::Arc;

use paretoscope_engine::protocol::{EngineCommand, EngineEvent, JobId, SweepGrid, SweepPhase};
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
fn a_row_of_a_person_ends_and_is_scored_in_the_middle_of_a_sweep() {
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

/// Rows that a sweep has in; `also` hears what else is said until it answers.
fn rows_in(front: &Front, sweep: JobId, also: impl Fn(&EngineEvent)) -> usize {
    // Where it pauses it says so at once, and it may pause twice.
    front.tell(EngineCommand::Pause { job: sweep });
    front.wait(|event| {
        also(&event);
        match event {
            EngineEvent::Sweep { job, progress }
                if job == sweep && progress.phase == SweepPhase::Paused =>
            {
                Some(progress.rows_done)
            }
            _ => None,
        }
    })
}

#[test]
fn a_sweep_stands_still_while_a_person_s_row_streams() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let mut long = plan(&fixture, "long.db");
    long.grid = SweepGrid::Simplex {
        step: 0.02,
        objectives: Vec::new(),
    };
    let each = long.sampling.max_tokens;
    let sweep = front.ask(|job| EngineCommand::Sweep { job, plan: long });
    let mut seen = 0;
    // The answer may end before the sweep is asked twice, on a machine that is busy.
    for _ in 0..50 {
        // It has rows under way.
        front.wait(|event| match event {
            EngineEvent::Sweep { job, progress } if job == sweep => {
                (progress.rows_done > seen).then_some(())
            }
            _ => None,
        });
        let row = front.ask(|job| EngineCommand::Generate {
            job,
            row: text("The cat", [0.0, 1.0, 0.0], 80),
            score: false,
        });
        let (made, ended) = (Cell::new(0), Cell::new(false));
        let look = |event: &EngineEvent| match event {
            EngineEvent::Tokens { job, news } if *job == row => {
                made.set(news.first + news.tokens.len());
            }
            EngineEvent::Finished { job, .. } if *job == row => ended.set(true),
            _ => {}
        };
        front.wait(|event| {
            look(&event);
            matches!(event, EngineEvent::Started { job, .. } if job == row).then_some(())
        });
        let before = rows_in(&front, sweep, look);
        let begun = made.get();
        // Beside the answer each of the rows under way would end in as many tokens as it has.
        while !ended.get() && made.get() <= begun + each {
            seen = rows_in(&front, sweep, look);
        }
        if !ended.get() {
            assert_eq!(seen, before, "the sweep went on beside a person's row");
            return;
        }
        front.tell(EngineCommand::Resume { job: sweep });
    }
    panic!("every answer ended before the sweep was asked twice");
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
