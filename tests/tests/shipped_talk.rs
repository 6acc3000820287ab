//! The talk that ships can be given: nothing of it is missing, and it is of the bundle that ships.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::Path;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::study::{StopMode, Study};

#[test]
fn the_talk_that_ships_is_whole_and_of_the_bundle_that_ships() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let path = assets.join("talk/talk.study");
    let study = Study::peek(&path).expect("read").expect("it is there");
    let decks = study.decks().expect("talks");
    assert_eq!(decks.len(), 1);
    let stops = &decks[0].stops;
    let seconds: f64 = stops.iter().filter_map(|stop| stop.stop.seconds).sum();
    assert!((170.0..=190.0).contains(&seconds), "{seconds} s planned");
    assert!(stops.iter().any(|stop| stop.stop.mode == StopMode::Live));
    let sweeps = study.sweeps().expect("sweeps");
    for stop in stops {
        let stop = &stop.stop;
        assert_eq!(stop.problem(), None, "{}", stop.title);
        assert!(!stop.notes.is_empty(), "{} has no notes", stop.title);
        for uid in stop.answers() {
            let answer = study.answer_of(uid).expect("read").expect("recorded");
            let pace = study.playback(answer.id).expect("read").expect("a pace");
            let trace = study.trace(answer.id).expect("read").expect("its routing");
            assert_eq!(pace.len(), answer.tokens.len(), "{}", stop.title);
            assert_eq!(trace.tokens(), answer.tokens.len(), "{}", stop.title);
        }
        if let Some(uid) = &stop.sweep {
            let sweep = sweeps.iter().find(|sweep| sweep.uid == *uid);
            let played = study.played_sweep(sweep.expect("its sweep").id);
            assert!(played.expect("played").len() > 20);
        }
    }
    let bundle = Bundle::load(
        &assets.join("demo"),
        &LoadOptions::default(),
        &mut |_step, _fraction| Ok(()),
    );
    let (ours, theirs) = (
        bundle.expect("a bundle").info.identity.clone(),
        &sweeps[0].info.identity,
    );
    let what = "assets/talk/make records it anew";
    assert_eq!(ours.model, theirs.model, "{what}");
    assert_eq!(ours.adapters, theirs.adapters, "{what}");
}
