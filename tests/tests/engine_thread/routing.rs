//! Finding a routing again.

use std::sync::Arc;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::generate::{Generator, Retrace, RowNews, RowTag, retrace};
use paretoscope_engine::protocol::{EngineCommand, EngineEvent};
use paretoscope_engine::types::{Channel, Mutes, Prompt, Run, TraceLevel};
use paretoscope_tests::{Fixture, Front};

use crate::asked::{at, row, text, told_at_once};

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
