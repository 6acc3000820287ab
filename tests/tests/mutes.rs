//! Mute and solo through the engine's thread: what is silenced is silent everywhere, and nothing else moves.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use paretoscope_engine::protocol::EngineCommand;
use paretoscope_engine::types::{
    Channel, Mutes, Point, Preference, Prompt, RowRequest, Run, Sampling, TraceLevel,
};
use paretoscope_tests::{Fixture, Front};

#[test]
fn a_muted_expert_is_silent_at_every_module_whatever_the_router_votes() {
    let fixture = Fixture::new();
    let front = Front::with(&fixture);
    let answer = |mutes: &Mutes| {
        let place = Preference::new(vec![0.3, 0.3, 0.4]).expect("a preference");
        let request = RowRequest {
            prompt: Prompt::Text("The cat sat on".to_owned()),
            point: Point::Preference(place),
            mutes: mutes.clone(),
            sampling: Sampling {
                max_tokens: 12,
                ignore_eos: true,
                ..Sampling::default()
            },
            trace: TraceLevel::Full,
            time: None,
        };
        let job = front.ask(|job| EngineCommand::Generate {
            job,
            row: request,
            score: false,
        });
        front.finished(job)
    };
    let whole = answer(&Mutes::default());
    assert!(whole.steering.mutes.is_empty());
    let mut mutes = Mutes::default();
    mutes.toggle_mute(Channel::Adapter(1));
    let muted = answer(&mutes);
    assert_eq!(muted.steering.mutes, [(0, mutes)]);
    let gates = |run: &Run, adapter: usize| {
        let record = run.record.clone().expect("a trace was asked for");
        let first = 0..record.sites.len();
        first
            .map(|site| record.at(0, site)[adapter])
            .collect::<Vec<f32>>()
    };
    assert!(gates(&whole, 1).iter().all(|&gate| gate > 0.0));
    assert!(gates(&muted, 1).iter().all(|&gate| gate == 0.0));
    // The first module reads what it read before: what is left keeps its share.
    assert_eq!(gates(&whole, 0)[0], gates(&muted, 0)[0]);
    // Only what goes through the router is heard.
    let mut mutes = Mutes::default();
    mutes.toggle_solo(Channel::Router(0));
    let routed = answer(&mutes);
    let heard = |run: &Run| (0..3).map(|adapter| gates(run, adapter)[0]).sum::<f32>();
    let share = whole.gates.routers[0];
    assert!((heard(&whole) - 1.0).abs() < 1e-5 && share < 0.95);
    assert!((heard(&routed) - share).abs() < 1e-5, "{}", heard(&routed));
}
