//! What an answer leaves in a study: its routing, small, and its pace.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::Path;

use paretoscope_engine::bundle::{Bundle, LoadOptions};
use paretoscope_engine::generate::generate;
use paretoscope_engine::study::{LARGEST_ERROR, NewAnswer, Study};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Sampling, TraceLevel,
};

/// Bytes that a token's routing takes at most: 28 modules, at each four shares of which one follows from the others.
/// Measured: 47 here.
const BYTES: usize = 48;

#[test]
fn an_answer_of_the_demonstration_is_kept_whole_and_small() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    let options = LoadOptions::default();
    let bundle = Bundle::load(&demo, &options, &mut |_step, _share| Ok(())).expect("the demo");
    let row = RowRequest {
        prompt: Prompt::Chat("How do I get red wine out of a carpet?".to_owned()),
        point: Point::Preference(Preference::new(vec![0.25, 0.25, 0.5]).expect("a preference")),
        sampling: Sampling {
            max_tokens: 64,
            ignore_eos: true,
            ..Sampling::default()
        },
        mutes: Mutes::default(),
        trace: TraceLevel::Full,
        time: None,
    };
    let run = generate(&bundle, row).expect("an answer");
    assert!(
        run.gates.routers.iter().any(|share| *share > 0.0),
        "a router speaks here"
    );
    assert_eq!(run.pace.len(), run.tokens.len());
    let seconds = f64::from(run.pace.iter().sum::<u32>()) / 1e3;
    assert!(
        seconds <= run.seconds && seconds > run.seconds - 0.5,
        "{seconds} of {}",
        run.seconds
    );
    let first = f64::from(run.pace[0]) / 1e3;
    assert!((first - run.first_token_seconds).abs() < 0.01);

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.study");
    let study = Study::open(&path).expect("a study");
    let record = run.record.clone().expect("asked for");
    let answer = NewAnswer {
        run: &run,
        mean: record.mean(),
        bundle: study.bundle(&bundle.info).expect("written"),
        interactive: true,
        split: None,
        place: None,
    };
    let number = study.add(&[answer]).expect("written")[0];
    drop(study);
    let study = Study::peek(&path).expect("a study").expect("there");
    let stored = study.answer(number).expect("read").expect("there");
    let back = study.played(&stored).expect("a run");
    assert_eq!(back.pace, run.pace);
    let kept = back.record.expect("its routing");
    assert_eq!(
        (&kept.sites, &kept.adapters),
        (&record.sites, &record.adapters)
    );
    assert_eq!(kept.values.len(), record.values.len());
    let off = kept.values.iter().zip(&record.values);
    let off = off.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= LARGEST_ERROR, "{off}");
    let bytes: i64 = rusqlite::Connection::open(&path)
        .expect("a database")
        .query_row("SELECT length(data) FROM trace", [], |row| row.get(0))
        .expect("a size");
    let each = bytes as usize / record.tokens();
    assert!(each <= BYTES, "{each} bytes per token");
}
