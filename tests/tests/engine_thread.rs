//! The engine's thread through its two channels, as the window uses it: what fails leaves the rest as it was.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

use std::sync::Arc;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::generate::{Generator, Retrace, RowNews, RowTag, retrace};
use paretoscope_engine::protocol::{
    EngineCommand, EngineEvent, SweepGrid, SweepPhase, SweepPlan, TroubleKind,
};
use paretoscope_engine::types::{
    Channel, Compared, Finish, Measure, Mutes, Point, Preference, Prompt, RowRequest, Run,
    RunStatus, Sampling, TraceLevel, Weights,
};
use paretoscope_tests::{Fixture, Front};

fn at(values: [f64; 3]) -> Point {
    Point::Preference(Preference::new(values.to_vec()).expect("a preference"))
}

fn row(prompt: Prompt, point: Point, max_tokens: usize) -> RowRequest {
    let sampling = Sampling {
        max_tokens,
        ignore_eos: true,
        ..Sampling::default()
    };
    RowRequest {
        prompt,
        point,
        sampling,
        mutes: Mutes::default(),
        trace: TraceLevel::None,
        time: None,
    }
}

fn text(prompt: &str, point: [f64; 3], max_tokens: usize) -> RowRequest {
    row(Prompt::Text(prompt.to_owned()), at(point), max_tokens)
}

fn plan(fixture: &Fixture, store: &str) -> SweepPlan {
    SweepPlan {
        grid: SweepGrid::Simplex {
            step: 0.25,
            objectives: Vec::new(),
        },
        prompts: vec![
            Prompt::Text("The cat".to_owned()),
            Prompt::Text("How do I clean a kettle?".to_owned()),
        ],
        sampling: Sampling {
            max_tokens: 24,
            ignore_eos: true,
            ..Sampling::default()
        },
        splits: Vec::new(),
        groups: Vec::new(),
        include_base: false,
        store: fixture.out(store),
    }
}

#[test]
fn a_bundle_that_fails_leaves_the_old_one_in_use() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let before = front.run(text("The cat", [1.0, 1.0, 1.0], 12));
    let bad = Fixture::new();
    bad.write("base/model.safetensors", "short");
    let job = front.ask(|job| EngineCommand::LoadBundle {
        job,
        path: bad.path().to_path_buf(),
    });
    let (path, trouble) = front.wait(|event| match event {
        EngineEvent::LoadFailed {
            job: j,
            path,
            trouble,
        } if j == job => Some((path, trouble)),
        EngineEvent::Loaded { .. } => panic!("a bad bundle was loaded"),
        _ => None,
    });
    assert_eq!(path, bad.path());
    assert!(
        matches!(trouble.kind, TroubleKind::Input { .. })
            && trouble.message.contains("model.safetensors"),
        "{}",
        trouble.message
    );
    let after = front.run(text("The cat", [1.0, 1.0, 1.0], 12));
    assert_eq!(before.tokens, after.tokens);
}

#[test]
fn bad_rows_fail_alone() {
    let fixture = Fixture::new();
    let front = Front::new();
    let early = front.ask(|job| EngineCommand::Generate {
        job,
        row: text("a", [1.0, 0.0, 0.0], 2),
        score: false,
    });
    assert!(front.trouble(early).is_input(), "no bundle yet");
    let front = Front::with(&fixture);
    let two = Point::Preference(Preference::new(vec![0.5, 0.5]).expect("a preference"));
    let weights = Point::Weights(Weights::new(vec![1.0]).expect("weights"));
    let corner = || at([1.0, 0.0, 0.0]);
    for (row, words) in [
        (row(Prompt::Tokens(vec![3, 272]), corner(), 4), "272"),
        (row(Prompt::Tokens(Vec::new()), corner(), 4), "empty"),
        (row(Prompt::Text(String::new()), corner(), 4), "empty"),
        (row(Prompt::Tokens(vec![5; 200]), corner(), 4), "200"),
        (row(Prompt::Tokens(vec![5]), two, 4), "2"),
        (row(Prompt::Tokens(vec![5]), weights, 4), "1"),
    ] {
        let good = front.ask(|job| EngineCommand::Generate {
            job,
            row: text("a", [1.0, 0.0, 0.0], 8),
            score: false,
        });
        let bad = front.ask(|job| EngineCommand::Generate {
            job,
            row,
            score: false,
        });
        let mut good_run = None;
        let trouble = front.wait(|event| match event {
            EngineEvent::Failed { job, trouble } if job == bad => Some(trouble),
            EngineEvent::Finished { job, .. } if job == bad => panic!("it did not fail"),
            EngineEvent::Finished { job, run } if job == good => {
                good_run = Some(run);
                None
            }
            _ => None,
        });
        assert!(
            trouble.is_input() && trouble.message.contains(words),
            "{}",
            trouble.message
        );
        let good_run = good_run.unwrap_or_else(|| front.finished(good));
        assert_eq!(good_run.tokens.len(), 8, "its neighbour goes on");
    }
}

#[test]
fn a_cancelled_row_keeps_its_text_and_the_next_one_runs() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let whole = front.run(text("The cat", [0.2, 0.3, 0.5], 80));
    assert_eq!(
        (whole.status, whole.finish, whole.tokens.len()),
        (RunStatus::Done, Finish::Length, 80)
    );
    let job = front.ask(|job| EngineCommand::Generate {
        job,
        row: text("The cat", [0.2, 0.3, 0.5], 80),
        score: false,
    });
    front.wait(|event| {
        matches!(event, EngineEvent::Started { job: j, .. } if j == job).then_some(())
    });
    front.tell(EngineCommand::Cancel { job });
    let stopped = front.finished(job);
    // It may have been over before the word came.
    if stopped.tokens.len() < 80 {
        assert_eq!(
            (stopped.status, stopped.finish),
            (RunStatus::Stopped, Finish::Cancelled)
        );
    }
    assert!(
        whole
            .tokens
            .iter()
            .map(|t| t.id)
            .zip(stopped.tokens.iter().map(|t| t.id))
            .all(|(a, b)| a == b)
    );
    assert_eq!(
        front.run(text("The cat", [0.2, 0.3, 0.5], 80)).tokens,
        whole.tokens
    );
    // Nobody is harmed by cancelling what is over.
    front.tell(EngineCommand::Cancel { job });
    assert_eq!(
        front.run(text("The cat", [0.2, 0.3, 0.5], 80)).tokens,
        whole.tokens
    );
}

#[test]
fn a_row_says_how_long_its_prompt_is_before_it_is_read() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let job = front.ask(|job| EngineCommand::Generate {
        job,
        row: row(Prompt::Tokens(vec![5; 40]), at([1.0, 0.0, 0.0]), 4),
        score: false,
    });
    let mut said = None;
    let started = front.wait(|event| match event {
        EngineEvent::Reading {
            job: j,
            read,
            tokens,
        } if j == job => {
            said.get_or_insert((read, tokens));
            None
        }
        EngineEvent::Started {
            job: j,
            prompt_tokens,
        } if j == job => Some(prompt_tokens),
        _ => None,
    });
    assert_eq!((said, started), (Some((0, 40)), 40));
}

#[test]
fn a_prompt_read_in_pieces_is_the_same_prompt() {
    let fixture = Fixture::new();
    let bundle = Bundle::load(fixture.path(), &LoadOptions::default(), &mut |_, _| Ok(()))
        .expect("the fixture's bundle");
    let answer = |chunk: usize| {
        let mut generator = Generator::new(1).reading_by(chunk);
        let request = row(Prompt::Tokens((1..41).collect()), at([0.2, 0.3, 0.5]), 12);
        let tag = RowTag(1);
        let now = std::time::Instant::now();
        generator
            .add(&bundle, tag, request, now)
            .expect("a good request");
        let mut read = Vec::new();
        loop {
            for (_, news) in generator.step(&bundle).expect("a step") {
                match news {
                    RowNews::Reading(tokens) => read.push(tokens),
                    RowNews::Finished(run) => {
                        return (read, run.tokens.iter().map(|t| t.id).collect::<Vec<_>>());
                    }
                    RowNews::Started(_) | RowNews::Tokens(_) => {}
                }
            }
        }
    };
    let (read, whole) = answer(512);
    assert!(read.is_empty(), "{read:?}");
    let (read, pieces) = answer(16);
    assert_eq!((read, pieces), (vec![16, 32], whole));
}

#[test]
fn steering_changes_what_comes_after_it() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let job = front.ask(|job| EngineCommand::Generate {
        job,
        row: text("The cat", [1.0, 0.0, 0.0], 80),
        score: false,
    });
    front.wait(|event| {
        matches!(event, EngineEvent::Started { job: j, .. } if j == job).then_some(())
    });
    front.tell(EngineCommand::Steer {
        job,
        point: at([0.0, 0.0, 1.0]),
        mutes: Mutes::default(),
    });
    let mut steered = None;
    let run = front.wait(|event| match event {
        EngineEvent::Steered {
            job: j, at_token, ..
        } if j == job => {
            steered = Some(at_token);
            None
        }
        EngineEvent::Finished { job: j, run } if j == job => Some(run),
        _ => None,
    });
    let plain = front.run(text("The cat", [1.0, 0.0, 0.0], 80));
    // It may have been over before the word came; then nothing was steered and nothing changed.
    let changed_from = steered.unwrap_or(80);
    assert_eq!(run.steering.steered.len(), usize::from(steered.is_some()));
    let ids = |run: &Run| run.tokens.iter().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!(ids(&run)[..changed_from], ids(&plain)[..changed_from]);
}

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
fn the_routing_of_a_row_is_found_again_bit_for_bit() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    // A router speaks at the centre; the second row takes long enough to be moved on its way.
    let mut muted = Mutes::default();
    muted.toggle_mute(Channel::Adapter(2));
    for (preference, tokens, moved) in [
        ([0.3, 0.3, 0.4], 12, None),
        ([0.0, 1.0, 0.0], 70, Some([0.5, 0.2, 0.3])),
    ] {
        let mut request = text("The cat sat on", preference, tokens);
        request.trace = TraceLevel::Full;
        let job = front.ask(|job| EngineCommand::Generate {
            job,
            row: request,
            score: false,
        });
        if let Some(preference) = moved {
            let point = at(preference);
            front.tell(EngineCommand::Steer {
                job,
                point,
                mutes: muted.clone(),
            });
        }
        let run = front.wait(|event| match event {
            EngineEvent::Finished { job: j, run } if j == job => Some(run),
            _ => None,
        });
        let recorded = run.record.clone().expect("a trace was asked for");
        assert_eq!(recorded.tokens(), tokens);
        let bare = Arc::new(Run {
            record: None,
            ..(*run).clone()
        });
        let job = front.ask(|job| EngineCommand::Retrace { job, run: bare });
        let found = front.wait(|event| match event {
            EngineEvent::Retraced { job: j, record } if j == job => Some(record),
            EngineEvent::Failed { job: j, trouble } if j == job => {
                panic!("failed: {}", trouble.message)
            }
            _ => None,
        });
        assert!(
            found == recorded,
            "gates differ, steered at {:?}",
            run.steering.steered
        );
    }
}

/// An answer of 16 tokens to a prompt that takes two steps to read, without its routing.
fn bare(front: &Front) -> Arc<Run> {
    let prompt = Prompt::Tokens((1..81).collect());
    let run = front.run(row(prompt, at([0.3, 0.3, 0.4]), 16));
    assert!(run.record.is_none());
    run
}

/// A front whose engine is told `commands` while its bundle is still loading: it takes them up in one go.
fn told_at_once(fixture: &Fixture, commands: impl FnOnce(&Front)) -> Front {
    let front = Front::new();
    front.ask(|job| EngineCommand::LoadBundle {
        job,
        path: fixture.path().to_path_buf(),
    });
    commands(&front);
    front
}

#[test]
fn a_row_gets_its_tokens_between_the_steps_of_finding_a_routing_again() {
    let fixture = Fixture::new();
    let bundle = Bundle::load(fixture.path(), &LoadOptions::default(), &mut |_, _| Ok(()))
        .expect("the fixture's bundle");
    let run = bare(&Front::with(&fixture));
    let mut generator = Generator::new(1);
    let (tag, now) = (RowTag(1), std::time::Instant::now());
    let request = text("The cat", [1.0, 0.0, 0.0], 8);
    generator
        .add(&bundle, tag, request, now)
        .expect("a good request");
    let mut tracing = Retrace::new(&bundle, &run).expect("a run of this bundle");
    let mut tokens = 0;
    let record = loop {
        if let Some(record) = tracing.step(&bundle).expect("a step") {
            break record;
        }
        let news = generator.step(&bundle).expect("a step");
        tokens += news
            .iter()
            .filter(|(_, news)| matches!(news, RowNews::Tokens(_)))
            .count();
    };
    assert_eq!(tokens, 2, "one between every two of three steps");
    assert_eq!(record, retrace(&bundle, &run).expect("its routing"));
    assert_eq!(record.tokens(), 16);
}

#[test]
fn finding_a_routing_again_waits_for_a_person_and_can_be_cancelled() {
    let fixture = Fixture::new();
    let run = bare(&Front::with(&fixture));
    let (mut first, mut second, mut person) = (None, None, None);
    let front = told_at_once(&fixture, |front| {
        for asked in [&mut first, &mut second] {
            let run = Arc::clone(&run);
            *asked = Some(front.ask(|job| EngineCommand::Retrace { job, run }));
        }
        person = Some(front.ask(|job| EngineCommand::Generate {
            job,
            row: text("The cat", [1.0, 0.0, 0.0], 12),
            score: false,
        }));
        if let Some(job) = first {
            front.tell(EngineCommand::Cancel { job });
        }
    });
    let mut answered = false;
    let found = front.wait(|event| match event {
        EngineEvent::Finished { job, .. } => {
            answered = Some(job) == person;
            None
        }
        EngineEvent::Retraced { job, .. } => Some(job),
        EngineEvent::Failed { trouble, .. } => panic!("failed: {}", trouble.message),
        _ => None,
    });
    assert!(answered, "the person waited for it");
    assert_eq!(Some(found), second, "the first was cancelled");
}

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

#[test]
fn what_the_model_is_given_is_shown_while_rows_run_and_kept_with_every_answer() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let mut long = plan(&fixture, "long.db");
    long.grid = SweepGrid::Simplex {
        step: 0.05,
        objectives: Vec::new(),
    };
    let sweep = front.ask(|job| EngineCommand::Sweep { job, plan: long });
    let job = front.ask(|job| EngineCommand::Preview {
        job,
        prompt: Prompt::Text("The cat".to_owned()),
    });
    let (given, context) = front.wait(|event| match event {
        EngineEvent::Previewed {
            job: j,
            given,
            context,
        } if j == job => Some((given, context)),
        EngineEvent::Sweep { progress, .. } => {
            assert!(
                progress.phase != SweepPhase::Finished,
                "the sweep went first"
            );
            None
        }
        _ => None,
    });
    front.tell(EngineCommand::Cancel { job: sweep });
    assert_eq!(context, 96);
    assert!(given.text.contains("The cat"), "{}", given.text);
    let run = front.run(text("The cat", [1.0, 1.0, 1.0], 4));
    assert_eq!(run.prompt_tokens, given.ids());
    assert_eq!(run.given.as_deref(), Some(&*given));
    // A prompt that cannot be given fails in words, and the thread goes on.
    let job = front.ask(|job| EngineCommand::Preview {
        job,
        prompt: Prompt::Tokens(vec![u32::MAX]),
    });
    let trouble = front.trouble(job);
    assert!(
        trouble.message.contains("4294967295"),
        "{}",
        trouble.message
    );
}
