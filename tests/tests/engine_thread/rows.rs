//! Rows of a person: bad ones fail alone, and each can be moved and ended.

use std::sync::Arc;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::generate::{Generator, RowNews, RowTag};
use paretoscope_engine::protocol::{
    EngineCommand, EngineEvent, SweepGrid, SweepPhase, TroubleKind,
};
use paretoscope_engine::types::{
    Finish, Mutes, Point, Preference, Prompt, RowRequest, Run, RunStatus, TraceLevel, Weights,
};
use paretoscope_tests::{Fixture, Front};

use crate::asked::{at, plan, row, text};

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

/// What a row is steered to, in the tests of it.
const FROM: [f64; 3] = [1.0, 0.0, 0.0];
const TO: [f64; 3] = [0.0, 0.0, 1.0];

/// A row of 80 tokens that was steered on the engine's thread, and at which token.
fn steered_on_the_thread(front: &Front) -> (Arc<Run>, usize) {
    // A word may come after the row's end, on a machine that is busy.
    for _ in 0..50 {
        let job = front.ask(|job| EngineCommand::Generate {
            job,
            row: traced(FROM),
            score: false,
        });
        front.wait(|event| {
            matches!(event, EngineEvent::Started { job: j, .. } if j == job).then_some(())
        });
        front.tell(EngineCommand::Steer {
            job,
            point: at(TO),
            mutes: Mutes::default(),
        });
        let run = front.finished(job);
        match run.steering.steered.as_slice() {
            [(token, point)] if (1..80).contains(token) => {
                assert_eq!(*point, at(TO));
                let token = *token;
                return (run, token);
            }
            _ => {}
        }
    }
    panic!("no row was ever steered on its way");
}

fn traced(point: [f64; 3]) -> RowRequest {
    RowRequest {
        trace: TraceLevel::Full,
        ..text("The cat", point, 80)
    }
}

/// The row by hand: as many steps as tokens before it is steered, which is `None` for never.
fn by_hand(bundle: &Bundle, steered: Option<usize>) -> Run {
    let (mut generator, tag) = (Generator::new(1), RowTag(1));
    let now = std::time::Instant::now();
    let added = generator.add(bundle, tag, traced(FROM), now);
    added.expect("a good request");
    for step in 0.. {
        if steered == Some(step) {
            let at = generator.steer(bundle, tag, &at(TO), &Mutes::default());
            assert_eq!(at.expect("a point of the bundle"), steered);
        }
        for (_, news) in generator.step(bundle).expect("a step") {
            if let RowNews::Finished(run) = news {
                return *run;
            }
        }
    }
    unreachable!("a row ends");
}

#[test]
fn steering_changes_what_comes_after_it_and_nothing_before() {
    let fixture = Fixture::new();
    let bundle = Bundle::load(fixture.path(), &LoadOptions::default(), &mut |_, _| Ok(()))
        .expect("the fixture's bundle");
    let ids = |run: &Run| run.tokens.iter().map(|t| t.id).collect::<Vec<_>>();
    let plain = by_hand(&bundle, None);
    // At the first token its whole answer is another one.
    let early = by_hand(&bundle, Some(1));
    assert_eq!(ids(&early)[0], ids(&plain)[0]);
    assert_ne!(ids(&early), ids(&plain));

    let (run, token) = steered_on_the_thread(&Front::with(&fixture));
    assert_eq!(ids(&run)[..token], ids(&plain)[..token]);
    assert_eq!(ids(&run), ids(&by_hand(&bundle, Some(token))));
    let record = run.record.as_ref().expect("it was asked for");
    assert_eq!(record.tokens(), 80);
    for new in 0..80 {
        let point = if new < token { FROM } else { TO };
        for site in 0..record.sites.len() {
            let gates = &record.at(new, site)[..3];
            let gates: Vec<f64> = gates.iter().map(|&gate| f64::from(gate)).collect();
            assert_eq!(
                gates, point,
                "token {new} of one that was steered at {token}"
            );
        }
    }
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
