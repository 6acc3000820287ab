//! Loading, answers and all that is asked about one.

use std::sync::Arc;

use paretoscope_core::protocol::{EngineCommand, EngineEvent, JobId};
use paretoscope_core::types::{
    Channel, Compared, Measure, Mutes, Point, Preference, Prompt, RowRequest, Run, Sampling,
    TraceLevel,
};

use crate::side::{JOB, Side, agree, demo, load};

fn at(values: [f64; 3]) -> Point {
    Point::Preference(Preference::new(values.to_vec()).expect("a preference"))
}

/// Sixteen tokens at the centre.
fn generate(trace: TraceLevel, mutes: Mutes, score: bool) -> EngineCommand {
    let sampling = Sampling {
        max_tokens: 16,
        ignore_eos: true,
        ..Sampling::default()
    };
    let row = RowRequest {
        prompt: Prompt::Chat("How do I fix a leaking kitchen tap?".to_owned()),
        point: at([1.0, 1.0, 1.0]),
        mutes,
        sampling,
        trace,
        time: Some(0),
    };
    EngineCommand::Generate {
        job: JOB,
        row,
        score,
    }
}

fn finished(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Finished { .. })
}

#[test]
fn loading_failing_to_load_and_ending() {
    let mut sides = Side::loaded();
    let bad = EngineCommand::LoadBundle {
        job: JobId(2),
        path: "/bundles/bad".into(),
    };
    let failed = |e: &EngineEvent| matches!(e, EngineEvent::LoadFailed { .. });
    agree(&mut sides, &[bad], failed);
    agree(&mut sides, &[EngineCommand::Shutdown], |e| {
        matches!(e, EngineEvent::Stopped { .. })
    });
}

#[test]
fn an_answer_with_its_routing_and_scores() {
    let mut sides = Side::loaded();
    let scored = |e: &EngineEvent| matches!(e, EngineEvent::Scored { .. });
    let command = generate(TraceLevel::Full, Mutes::default(), true);
    let heard = agree(&mut sides, &[command], scored);
    let bare = generate(TraceLevel::None, Mutes::default(), false);
    agree(&mut sides, &[bare], finished);
    let score = EngineCommand::Score {
        job: JOB,
        prompt: Prompt::Chat("How do I boil an egg?".to_owned()),
        response: "Eight minutes.".to_owned(),
    };
    agree(&mut sides, &[score], scored);
    // Each engine's own answer, its routing taken away and found again.
    for (side, events) in sides.iter_mut().zip(heard) {
        let run = events.iter().find_map(|event| match event {
            EngineEvent::Finished { run, .. } => Some(run),
            _ => None,
        });
        let run = run.expect("an answer");
        let bare = Arc::new(Run {
            record: None,
            ..(**run).clone()
        });
        let retrace = EngineCommand::Retrace {
            job: JOB,
            run: bare,
        };
        let told = |e: &EngineEvent| {
            matches!(e, EngineEvent::Retraced { .. } | EngineEvent::Failed { .. })
        };
        let events = side.play(&[retrace], told);
        let Some(EngineEvent::Retraced { record, .. }) = events.last() else {
            panic!("the {} engine: {events:?}", side.name);
        };
        assert_eq!(Some(record), run.record.as_ref(), "{}", side.name);
    }
}

#[test]
fn experts_compared_and_prompts_read() {
    let mut sides = Side::loaded();
    let compare = EngineCommand::Compare {
        job: JOB,
        compared: Compared::Experts,
        measure: Measure::Cosine,
    };
    agree(&mut sides, &[compare], |e| {
        matches!(e, EngineEvent::Compared { .. })
    });
    let read = EngineCommand::ReadPrompts {
        path: demo().join("prompts.jsonl"),
    };
    agree(&mut sides, &[read], |e| {
        matches!(e, EngineEvent::PromptsRead { .. })
    });
}

#[test]
fn an_answer_is_steered_and_stopped() {
    // What comes while a bundle is loaded waits for it and is then taken in one go: no race with the first token.
    let waiting = |commands: &[EngineCommand]| {
        let all = [&[load()], commands].concat();
        agree(&mut Side::both(), &all, finished);
    };
    let mut muted = Mutes::default();
    muted.toggle_mute(Channel::Adapter(1));
    let steer = |point: Point, mutes: &Mutes| EngineCommand::Steer {
        job: JOB,
        point,
        mutes: mutes.clone(),
    };
    let moved = [
        generate(TraceLevel::Full, Mutes::default(), false),
        steer(at([0.0, 1.0, 0.0]), &Mutes::default()),
        steer(at([0.0, 1.0, 0.0]), &muted),
    ];
    waiting(&moved);
    // Silenced from the start; a change back to the same place leaves no mark.
    let silent = [
        generate(TraceLevel::None, muted.clone(), false),
        steer(at([1.0, 1.0, 1.0]), &muted),
    ];
    waiting(&silent);
    let stopped = [
        generate(TraceLevel::Full, Mutes::default(), false),
        EngineCommand::Cancel { job: JOB },
    ];
    waiting(&stopped);
}

#[test]
fn what_a_model_is_given() {
    let mut sides = Side::loaded();
    let preview = |prompt| EngineCommand::Preview { job: JOB, prompt };
    let previewed = |e: &EngineEvent| {
        matches!(
            e,
            EngineEvent::Previewed { .. } | EngineEvent::Failed { .. }
        )
    };
    agree(
        &mut sides,
        &[preview(Prompt::Chat("Hello".to_owned()))],
        previewed,
    );
    agree(
        &mut sides,
        &[preview(Prompt::Tokens(vec![u32::MAX]))],
        previewed,
    );
}
