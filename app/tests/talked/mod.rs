//! The talk of three minutes on the scripted engine's bundle, as a study.

use std::path::Path;
use std::sync::Arc;

use paretoscope_core::protocol::{SweepGrid, SweepPlan};
use paretoscope_core::study::{
    Deck, DeckEdit, NewAnswer, Placed, ScorerRecord, Stop, StopLayout, StopMode, Study,
    SweepRecord, Uid,
};
use paretoscope_core::types::{
    Channel, GateRecord, Mutes, NamedPoint, Point, Preference, Prompt, Run, Sampling, Split,
    Steering, TokenPiece,
};

use crate::scripted::bundle;
use crate::stored::row;

/// Stops of the talk.
pub(crate) const STOPS: usize = 7;
/// Points of its sweep.
pub(crate) const POINTS: usize = 15;
const QUESTION: &str = "How do I fix a leaking kitchen tap?";

fn at(shares: [f64; 3]) -> Point {
    Point::Preference(Preference::new(shares.to_vec()).expect("a preference"))
}

/// What the scripted engine says at a point, as it would be recorded: a token every 50 ms.
fn recorded(point: &Point, way: &[(usize, Point)], mutes: &Mutes) -> Run {
    let info = bundle::info();
    let mut steering = Steering::new(mutes);
    for (token, to) in way {
        steering.go(point, *token, to, mutes);
    }
    let (mut text, mut tokens, mut gates) = (String::new(), Vec::new(), Vec::new());
    for token in 0.. {
        let here = steering.point_at(point, token).clone();
        let Some(word) = bundle::words(&here, 0).get(token).cloned() else {
            break;
        };
        let start = text.len();
        text.push_str(&word);
        tokens.push(TokenPiece {
            id: 100 + token as u32,
            start,
            end: text.len(),
        });
        gates.extend(bundle::gates(&info, &here, mutes, token));
    }
    let record = GateRecord {
        sites: Arc::new(info.sites),
        adapters: Arc::new(info.adapters),
        values: gates,
    };
    Run {
        prompt: Prompt::Chat(QUESTION.into()),
        point: point.clone(),
        steering,
        pace: (0..tokens.len())
            .map(|token| if token == 0 { 400 } else { 50 })
            .collect(),
        record: Some(Arc::new(record)),
        text,
        tokens,
        ..row("hoe", 0, QUESTION)
    }
}

fn save(study: &Study, number: i64, run: &Run) -> Uid {
    let answer = NewAnswer {
        run,
        mean: Vec::new(),
        bundle: number,
        interactive: true,
        split: None,
        place: None,
    };
    let id = study.add(&[answer]).expect("an answer")[0];
    study.answer(id).expect("read").expect("there").uid
}

/// A sweep over the triangle in quarters, made in some 75 ms.
fn swept(study: &Study, path: &Path) -> Uid {
    let info = bundle::info();
    let number = study.bundle(&info).expect("a bundle");
    let scorers = study
        .scorers(&ScorerRecord::rewards(&info))
        .expect("scorers");
    let places: Vec<Point> = (0..=4)
        .flat_map(|a| (0..=4 - a).map(move |b| [a, b, 4 - a - b]))
        .map(|parts| at(parts.map(f64::from)))
        .collect();
    assert_eq!(places.len(), POINTS);
    let record = SweepRecord {
        name: "hoe".into(),
        method: "hoe".into(),
        bundle: info,
        plan: SweepPlan {
            grid: SweepGrid::List {
                points: places.iter().cloned().map(NamedPoint::from).collect(),
            },
            prompts: vec![Prompt::Chat(QUESTION.into())],
            splits: vec![Split::Test],
            groups: Vec::new(),
            sampling: Sampling::default(),
            include_base: false,
            store: path.to_path_buf(),
        },
        rows: POINTS,
    };
    let sweep = study.sweep(&record, 0).expect("a sweep");
    let rows = || {
        for (point, place) in places.iter().enumerate() {
            let run = Run {
                prompt: Prompt::Chat(QUESTION.into()),
                point: place.clone(),
                ..row("hoe", point, QUESTION)
            };
            let answer = NewAnswer {
                run: &run,
                mean: Vec::new(),
                bundle: number,
                interactive: false,
                split: None,
                place: Some(Placed {
                    sweep,
                    seed: 0,
                    point,
                    prompt: 0,
                }),
            };
            let id = study.add(&[answer]).expect("an answer")[0];
            let scored = scorers.iter().zip(bundle::scores(place));
            let rows: Vec<_> = scored
                .filter_map(|(s, value)| Some((id, (*s)?, value)))
                .collect();
            study.score(&rows).expect("scores");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    // In one transaction: a disk does not change the pace.
    study.together(rows).expect("written");
    study.set_status(sweep, "finished").expect("noted");
    let sweeps = study.sweeps().expect("sweeps");
    sweeps
        .into_iter()
        .find(|s| s.id == sweep)
        .expect("it is there")
        .uid
}

/// Writes the talk.
pub(crate) fn talk(path: &Path) {
    let study = Study::open(path).expect("a study");
    let number = study.bundle(&bundle::info()).expect("a bundle");
    let heard = Mutes::default();
    let mut silent = Mutes::default();
    silent.toggle_mute(Channel::Adapter(2));
    let (helpful, harmless, humor) = (
        at([1.0, 0.0, 0.0]),
        at([0.0, 1.0, 0.0]),
        at([0.0, 0.0, 1.0]),
    );
    let middle = at([0.4, 0.35, 0.25]);
    let way: Vec<(usize, Point)> = (1..=8)
        .map(|step| {
            let share = f64::from(step) / 8.0;
            (4 + step as usize, at([1.0 - share, 0.0, share]))
        })
        .collect();
    let plain = save(&study, number, &recorded(&helpful, &[], &heard));
    let drag = save(&study, number, &recorded(&helpful, &way, &heard));
    let joke = save(&study, number, &recorded(&humor, &[], &heard));
    let care = save(&study, number, &recorded(&harmless, &[], &heard));
    let mixed = save(&study, number, &recorded(&middle, &[], &silent));
    let sweep = swept(&study, path);
    let stop = |title: &str, seconds: f64, point: &Point, uid: &Uid| Stop {
        title: title.into(),
        notes: format!("Say what {title} is."),
        seconds: Some(seconds),
        prompt: Some(Prompt::Chat(QUESTION.into())),
        point: Some(point.clone()),
        current: Some(uid.clone()),
        fallback: Some(uid.clone()),
        ..Stop::default()
    };
    let live = |stop: Stop| Stop {
        mode: StopMode::Live,
        ..stop
    };
    let replay = |times: f64, stop: Stop| Stop {
        mode: StopMode::Replay { times },
        ..stop
    };
    let stops = vec![
        live(stop("One corner", 25.0, &helpful, &plain)),
        replay(1.0, stop("Drag it", 30.0, &helpful, &drag)),
        live(Stop {
            layout: StopLayout::Pair,
            pinned: Some(plain.clone()),
            ..stop("Before and after", 25.0, &humor, &joke)
        }),
        live(stop("The engine dies", 10.0, &harmless, &care)),
        replay(
            0.02,
            Stop {
                layout: StopLayout::Front,
                sweep: Some(sweep.clone()),
                ..stop("All of the triangle", 30.0, &at([1.0, 1.0, 1.0]), &plain)
            },
        ),
        Stop {
            layout: StopLayout::Strip,
            ..stop("Who speaks", 30.0, &helpful, &drag)
        },
        Stop {
            layout: StopLayout::Whole,
            sweep: Some(sweep),
            mutes: silent,
            chosen: "largest difference, 1 of 318".into(),
            ..stop("What it is worth", 30.0, &middle, &mixed)
        },
    ];
    assert_eq!(stops.len(), STOPS);
    let seconds: f64 = stops.iter().filter_map(|stop| stop.seconds).sum();
    assert_eq!(seconds, 180.0);
    let deck = Deck {
        title: "Three minutes".into(),
        ..Deck::default()
    };
    study
        .edit_deck("New talk", &DeckEdit::New(deck, stops))
        .expect("a talk");
}
