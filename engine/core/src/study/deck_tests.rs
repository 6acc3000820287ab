//! Talks are edited, undone after a restart, and shared with another program.

use super::tests::{answer, info, run, scorer, sweep};
use super::*;
use crate::types::{Point, Preference, Prompt};

fn stop(title: &str) -> Stop {
    Stop {
        title: title.to_owned(),
        prompt: Some(Prompt::Chat("How?".to_owned())),
        point: Some(Point::Preference(Preference::one_hot(0, 3))),
        ..Stop::default()
    }
}

/// A talk with three stops, and its name.
fn talk(study: &Study) -> DeckState {
    let deck = Deck {
        title: "A talk".to_owned(),
        ..Deck::default()
    };
    let stops = ["one", "two", "three"].map(stop).to_vec();
    study
        .edit_deck("New talk", &DeckEdit::New(deck, stops))
        .unwrap();
    study.decks().unwrap().remove(0)
}

fn titles(study: &Study) -> Vec<String> {
    let decks = study.decks().unwrap();
    let stops = decks.first().map(|deck| deck.stops.iter());
    let stops = stops.into_iter().flatten();
    stops.map(|stop| stop.stop.title.clone()).collect()
}

fn noted(known: &StopState, notes: &str) -> DeckEdit {
    let to = Stop {
        notes: notes.to_owned(),
        ..known.stop.clone()
    };
    DeckEdit::Change {
        stop: known.uid.clone(),
        from: Box::new(known.stop.clone()),
        to: Box::new(to),
    }
}

#[test]
fn a_stop_is_moved_and_noted_and_all_of_it_undone_and_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let study = Study::open(&path).unwrap();
    let deck = talk(&study);
    let first = deck.stops[0].clone();
    let moved = DeckEdit::Move(first.uid.clone(), 2);
    assert!(study.edit_deck("Move stop", &moved).unwrap());
    assert_eq!(titles(&study), ["two", "three", "one"]);
    assert!(!study.edit_deck("Move stop", &moved).unwrap(), "at the end");
    assert!(
        study
            .edit_deck("Edit note", &noted(&first, "say hello"))
            .unwrap()
    );
    let note = |study: &Study| {
        let stops = study.decks().unwrap().remove(0).stops;
        let found = stops.into_iter().find(|stop| stop.uid == first.uid);
        found.unwrap().stop.notes
    };
    assert_eq!(note(&study), "say hello");
    assert_eq!(
        titles(&study),
        ["two", "three", "one"],
        "a note moves nothing"
    );
    for title in ["Edit note", "Move stop"] {
        assert_eq!(study.undo().unwrap().unwrap().title, title);
    }
    assert_eq!(
        (note(&study).as_str(), titles(&study)),
        ("", vec!["one".into(), "two".into(), "three".into()])
    );
    drop(study);
    let study = Study::open(&path).unwrap();
    assert_eq!(study.redo_title().unwrap().as_deref(), Some("Move stop"));
    study.redo().unwrap().unwrap();
    assert_eq!(titles(&study), ["two", "three", "one"]);
    study.redo().unwrap().unwrap();
    assert_eq!(note(&study), "say hello");
    // Another program edits the same stop: what this one did can no longer be taken back.
    let other = Study::open(&path).unwrap();
    other.edit_deck("Theirs", &noted(&first, "theirs")).unwrap();
    let refused = study.undo().unwrap_err().to_string();
    assert!(refused.contains("the stop was edited by"), "{refused}");
    assert_eq!(note(&study), "theirs");
}

#[test]
fn the_later_edit_stands_field_by_field_and_the_earlier_one_comes_back_by_undo() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
    let known = talk(&one).stops[0].clone();
    one.edit_deck("Mine", &noted(&known, "mine")).unwrap();
    let renamed = DeckEdit::Change {
        stop: known.uid.clone(),
        from: Box::new(known.stop.clone()),
        to: Box::new(stop("renamed")),
    };
    two.edit_deck("Rename", &renamed).unwrap();
    let stands = |study: &Study| {
        let stop = &study.decks().unwrap()[0].stops[0].stop;
        (stop.title.clone(), stop.notes.clone())
    };
    assert_eq!(stands(&one), ("renamed".into(), "mine".into()));
    two.edit_deck("Theirs", &noted(&known, "theirs")).unwrap();
    assert_eq!(stands(&one).1, "theirs");
    two.undo().unwrap().unwrap();
    assert_eq!(stands(&one).1, "mine", "the loser was kept");
}

#[test]
fn stops_come_and_go_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let deck = talk(&study);
    let added = DeckEdit::AddStop(deck.uid.clone(), Box::new(stop("four")));
    study.edit_deck("Add", &added).unwrap();
    assert_eq!(titles(&study), ["one", "two", "three", "four"]);
    let gone = DeckEdit::RemoveStop(deck.stops[1].uid.clone());
    study.edit_deck("Remove", &gone).unwrap();
    assert_eq!(titles(&study), ["one", "three", "four"]);
    study
        .edit_deck("Rename", &DeckEdit::Rename(deck.uid.clone(), "B".into()))
        .unwrap();
    assert_eq!(study.decks().unwrap()[0].deck.title, "B");
    study
        .edit_deck("Remove", &DeckEdit::Remove(deck.uid.clone()))
        .unwrap();
    assert!(study.decks().unwrap().is_empty());
    for _ in 0..2 {
        study.undo().unwrap().unwrap();
    }
    assert_eq!(study.decks().unwrap()[0].deck.title, "A talk");
    study.undo().unwrap().unwrap();
    assert_eq!(titles(&study), ["one", "two", "three", "four"]);
    study.undo().unwrap().unwrap();
    assert_eq!(titles(&study), ["one", "two", "three"]);
    let refused = study.edit_deck("Add", &DeckEdit::Move(Uid(vec![7; 16]), 1));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("there is no stop")
    );
}

#[test]
fn places_never_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let deck = talk(&study);
    // Each goes to the middle: the room between the same two halves again and again.
    for _ in 0..70 {
        let stops = study.decks().unwrap().remove(0).stops;
        let last = stops[2].uid.clone();
        study.edit_deck("Move", &DeckEdit::Move(last, -1)).unwrap();
        let after = study.decks().unwrap().remove(0).stops;
        assert_eq!(after[1].uid, stops[2].uid);
        assert_eq!(after[0].uid, deck.stops[0].uid);
    }
}

#[test]
fn what_later_programs_write_stays() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let deck = study.new_deck(r#"{"title":"old","colour":"red"}"#).unwrap();
    let json = r#"{"title":"one","site":{"layer":"last"},"transition":"fade","mode":{"kind":"replay","times":20.0}}"#;
    let uid = study.new_stop(&deck, json).unwrap();
    let known = study.decks().unwrap().remove(0).stops.remove(0);
    assert_eq!(known.stop.mode, StopMode::Replay { times: 20.0 });
    study.edit_deck("Note", &noted(&known, "new")).unwrap();
    study
        .edit_deck("Rename", &DeckEdit::Rename(deck.clone(), "new".into()))
        .unwrap();
    let stands = |target| study.state(&target).unwrap().value.unwrap();
    let stop = stands(Target::Stop(uid));
    assert!(stop.contains("fade") && stop.contains("new"), "{stop}");
    assert!(stands(Target::Deck(deck)).contains("red"));
}

#[test]
fn a_stop_says_what_it_lacks() {
    let uid = Some(Uid(vec![1; 16]));
    let live = Stop {
        mode: StopMode::Live,
        ..stop("live")
    };
    assert!(live.problem().unwrap().contains("fall back"));
    let able = Stop {
        fallback: uid.clone(),
        ..live
    };
    assert_eq!(able.problem(), None);
    assert!(stop("still").problem().unwrap().contains("recorded answer"));
    let never = Stop {
        current: uid.clone(),
        mode: StopMode::Replay { times: 0.0 },
        ..stop("never")
    };
    assert!(never.problem().unwrap().contains("never ends"));
    let front = Stop {
        layout: StopLayout::Front,
        ..stop("front")
    };
    assert!(front.problem().unwrap().contains("no sweep"));
    let swept = Stop {
        sweep: uid,
        ..front
    };
    assert_eq!(swept.problem(), None);
}

#[test]
fn a_sweep_comes_back_in_the_order_in_which_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let sweep = study.sweep(&sweep(&["ask"]), 0).unwrap();
    let bundle = study.bundle(&info("demo")).unwrap();
    let scorers = [scorer("helpful", "a"), scorer("humor", "b")];
    let scorers = study.scorers(&scorers).unwrap();
    for (point, at) in [(1, 0.25), (0, 0.75)] {
        let run = run("ask", at, "text");
        let mut stored = answer(&run, bundle);
        stored.place = Some(Placed {
            sweep,
            seed: 0,
            point,
            prompt: 0,
        });
        let number = study.add(&[stored]).unwrap()[0];
        let scored = scorers.iter().flatten().map(|scorer| (number, *scorer, at));
        study.score(&scored.collect::<Vec<_>>()).unwrap();
        let when = 1_000_000 + 500 * i64::from(point == 0);
        study
            .connection
            .execute(
                "UPDATE generation SET created = ?2 WHERE id = ?1",
                [number, when],
            )
            .unwrap();
    }
    let played = study.played_sweep(sweep).unwrap();
    let order: Vec<(f64, usize)> = played
        .iter()
        .map(|point| (point.seconds, point.result.index))
        .collect();
    assert_eq!(order, [(0.0, 1), (0.5, 0)]);
}
