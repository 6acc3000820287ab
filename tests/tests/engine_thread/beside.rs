//! What goes on beside rows, on threads of its own.

use std::sync::Arc;

use paretoscope_engine::protocol::{EngineCommand, EngineEvent, SweepGrid, SweepPhase, SweepPlan};
use paretoscope_engine::types::{Compared, Measure, Prompt};
use paretoscope_tests::{Fixture, Front};

use crate::asked::{plan, text, told_at_once};

#[test]
fn a_sweep_is_planned_beside_a_row() {
    let fixture = Fixture::new();
    let before = Front::with(&fixture);
    let job = before.ask(|job| EngineCommand::Sweep {
        job,
        plan: plan(&fixture, "run.db"),
    });
    before.sweep_end(job);
    // Every row is in the store already; a person's row is taken up before that is looked up.
    let (mut sweep, mut person) = (None, None);
    let front = told_at_once(&fixture, |front| {
        sweep = Some(front.ask(|job| EngineCommand::Sweep {
            job,
            plan: plan(&fixture, "run.db"),
        }));
        person = Some(front.ask(|job| EngineCommand::Generate {
            job,
            row: text("The cat", [1.0, 0.0, 0.0], 12),
            score: false,
        }));
    });
    let mut heard = Vec::new();
    front.wait(|event| {
        match &event {
            EngineEvent::Sweep { job, progress } if Some(*job) == sweep => {
                assert_eq!((progress.points, progress.rows), (15, 30));
                heard.push("sweep");
            }
            EngineEvent::Reading { job, .. } if Some(*job) == person => heard.push("row"),
            EngineEvent::SweepPoint { .. } => return Some(()),
            _ => {}
        }
        None
    });
    assert_eq!(heard[..2], ["sweep", "row"]);
}

#[test]
fn a_sweep_is_paused_and_given_up_while_it_is_planned() {
    let fixture = Fixture::new();
    let phases = |front: &Front, wanted: SweepPhase| {
        front.wait(|event| match event {
            EngineEvent::Sweep { progress, .. } if progress.phase == wanted => Some(progress),
            EngineEvent::SweepPoint { .. } => panic!("it did not wait"),
            EngineEvent::Failed { trouble, .. } => panic!("failed: {}", trouble.message),
            _ => None,
        })
    };
    let mut sweep = None;
    let front = told_at_once(&fixture, |front| {
        let given_up = front.ask(|job| EngineCommand::Sweep {
            job,
            plan: plan(&fixture, "run.db"),
        });
        front.tell(EngineCommand::Cancel { job: given_up });
        let job = front.ask(|job| EngineCommand::Sweep {
            job,
            plan: plan(&fixture, "run.db"),
        });
        front.tell(EngineCommand::Pause { job });
        sweep = Some(job);
    });
    assert_eq!(phases(&front, SweepPhase::Cancelled).rows_done, 0);
    // Once as it is told, once as it is planned.
    phases(&front, SweepPhase::Paused);
    assert_eq!(phases(&front, SweepPhase::Paused).rows_done, 0);
    let job = sweep.expect("it was asked for");
    front.tell(EngineCommand::Resume { job });
    assert_eq!(front.sweep_end(job).1, SweepPhase::Finished);
}

#[test]
fn adapters_are_compared_beside_everything_else() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let compare = |measure| {
        let job = front.ask(|job| EngineCommand::Compare {
            job,
            compared: Compared::Experts,
            measure,
        });
        front.wait(|event| match event {
            EngineEvent::Compared { job: j, found } if j == job => Some(found),
            EngineEvent::Failed { job: j, trouble } if j == job => {
                panic!("failed: {}", trouble.message)
            }
            _ => None,
        })
    };
    for measure in [Measure::Cosine, Measure::HsicNormalised, Measure::Signs] {
        let found = compare(measure);
        assert_eq!(found.names, ["helpful", "harmless", "humor"]);
        let pairs: Vec<_> = found.pairs.iter().map(|p| p.pair).collect();
        assert_eq!(pairs, [(0, 1), (0, 2), (1, 2)]);
        for pair in &found.pairs {
            assert_eq!(pair.layers.len(), 2);
            let known = pair.layers.iter().flatten().chain([&pair.total]);
            assert!(known.clone().count() > 1 && known.clone().all(|v| v.abs() <= 1.0 + 1e-6));
            assert!(known.clone().any(|v| *v != 0.0), "{measure:?}: {pair:?}");
        }
    }
    let job = front.ask(|job| EngineCommand::Compare {
        job,
        compared: Compared::Experts,
        measure: Measure::HsicReleased,
    });
    let trouble = front.wait(|event| match event {
        EngineEvent::Failed { job: j, trouble } if j == job => Some(trouble),
        EngineEvent::Compared { .. } => panic!("ranks 2, 3 and 4 cannot be compared so"),
        _ => None,
    });
    assert!(trouble.message.contains("rank"), "{}", trouble.message);
}

#[test]
fn stored_rows_are_looked_up_beside_a_row() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let small = plan(&fixture, "run.db");
    let job = front.ask(|job| EngineCommand::Sweep {
        job,
        plan: small.clone(),
    });
    front.sweep_end(job);
    // So many prompts that to encode them takes longer than a few tokens do.
    let many = SweepPlan {
        prompts: (0..20_000)
            .map(|n| {
                Prompt::Text(format!(
                    "{n}: how do I clean a kettle, and a cup, and a spoon?"
                ))
            })
            .collect(),
        // So few points that they are not refused as too many rows.
        grid: SweepGrid::Simplex {
            step: 1.0,
            objectives: Vec::new(),
        },
        ..small.clone()
    };
    let many = Arc::new(many);
    let ask = |plan: &Arc<SweepPlan>| {
        let plan = Arc::clone(plan);
        let index = 0;
        front.ask(|job| EngineCommand::Recall { job, plan, index })
    };
    let slow = ask(&many);
    let person = front.ask(|job| EngineCommand::Generate {
        job,
        row: text("The cat", [1.0, 0.0, 0.0], 4),
        score: false,
    });
    let mut order = Vec::new();
    front.wait(|event| {
        match event {
            EngineEvent::Finished { job, .. } => order.push(job),
            EngineEvent::Failed { job, trouble } => {
                // After all of it was looked up.
                let said = &trouble.message;
                assert!(said.contains("no row of point 0"), "{said}");
                order.push(job);
            }
            _ => {}
        }
        (order.len() == 2).then_some(())
    });
    assert_eq!(order, [person, slow], "a person's row waited for a lookup");
    // One that is given up says nothing; another one's rows come.
    let given_up = ask(&many);
    front.tell(EngineCommand::Cancel { job: given_up });
    let wanted = ask(&Arc::new(small.clone()));
    let runs = front.wait(|event| match event {
        EngineEvent::Failed { job, .. } if job == given_up => panic!("it was given up"),
        EngineEvent::Recalled { job, runs, .. } if job == wanted => Some(runs),
        _ => None,
    });
    assert_eq!(runs.len(), small.prompts.len());
    // A lookup on a bundle that is replaced is given up, and says so before the other one is there.
    let old = ask(&many);
    let path = fixture.path().to_path_buf();
    let load = front.ask(|job| EngineCommand::LoadBundle { job, path });
    let mut failed = false;
    front.wait(|event| match event {
        EngineEvent::Failed { job, .. } if job == old => {
            failed = true;
            None
        }
        EngineEvent::Loaded { job, .. } => (job == load).then_some(()),
        _ => None,
    });
    assert!(failed);
}
