//! A person at a task: what they see, what is kept, what comes back from other machines.

use std::collections::BTreeSet;

use super::annotation_setup::{at_task, ballots, by_rule, design, swept, task, vote_on};
use super::*;
use crate::annotate::{BlindItem, Design, Picked};

#[test]
fn a_vote_taken_back_leaves_one_that_stands_and_the_place_survives() {
    let (folder, study, task) = at_task(30, design());
    let sitting = study.sit(&task, "A1").unwrap();
    assert_eq!(study.progress(&sitting).unwrap().next, Some(0));
    let tie = ballots(&sitting, |_| Picked::Tie);
    study.cast(&sitting, 0, &tie, Looked::default()).unwrap();
    assert_eq!(study.take_back(&sitting).unwrap(), Some(0));
    assert_eq!(study.progress(&sitting).unwrap().next, Some(0));
    assert!(study.live_votes(&task).unwrap().is_empty());
    let left = ballots(&sitting, |_| Picked::Left);
    study.cast(&sitting, 0, &left, Looked::default()).unwrap();
    let draft = Draft {
        place: 1,
        choices: [("humor".to_owned(), "bad".to_owned())].into(),
        strengths: [("humor".to_owned(), 2)].into(),
        comment: "half a wo".to_owned(),
        active_ms: 700,
    };
    study.save_draft(&sitting, &draft).unwrap();
    let before = study.show(&sitting, 1).unwrap();
    drop(study); // as a kill would: nothing is written on the way out
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let task = study.task_named("task", "T").unwrap();
    let sitting = study.sit(&task, "A1").unwrap();
    assert_eq!(study.progress(&sitting).unwrap().next, Some(1));
    assert_eq!(study.show(&sitting, 1).unwrap(), before);
    assert_eq!(study.draft(&sitting, 1).unwrap(), Some(draft));
    let live = study.live_votes(&task).unwrap();
    assert_eq!(live.len(), 2, "one by each objective");
    assert!(live.iter().all(|vote| vote.picked == Picked::Left));
    assert_eq!(study.count("vote").unwrap(), 6, "appended, never changed");
    study.cast(&sitting, 1, &left, Looked::default()).unwrap();
    assert_eq!(study.draft(&sitting, 1).unwrap(), None);
    for place in [1, 0] {
        assert_eq!(study.take_back(&sitting).unwrap(), Some(place));
    }
    assert_eq!(study.take_back(&sitting).unwrap(), None);
    let refused = study
        .cast(&sitting, 99, &left, Looked::default())
        .unwrap_err();
    assert!(refused.to_string().contains("is 100; A1 has"), "{refused}");
}

#[test]
fn a_blind_item_tells_nothing_and_sides_are_balanced() {
    let (_folder, study, task) = at_task(
        90,
        Design {
            items: 200,
            ..design()
        },
    );
    let sitting = study.sit(&task, "A1").unwrap();
    let mut secrets: BTreeSet<String> = [
        "hoe",
        "demo",
        "score",
        "seed",
        "uid",
        "digest",
        "point",
        "expert",
        "adapter",
        "probability",
        "gold",
        "wrong",
        "0.5",
    ]
    .map(str::to_owned)
    .into();
    study
        .each_answer(|answer| {
            secrets.insert(answer.uid.to_string());
            secrets.insert(Uid(answer.key.unwrap().0.to_vec()).to_string());
            Ok(())
        })
        .unwrap();
    for item in study.items(&task).unwrap() {
        secrets.insert(item.uid.to_string());
    }
    let of = study.progress(&sitting).unwrap().of;
    assert!(of > 200);
    let mut first = [0; 2];
    for place in 0..of {
        let shown = study.show(&sitting, place).unwrap();
        assert_eq!(shown.place_words(), format!("{} of {of}", place + 1));
        let json = serde_json::to_value(&shown).unwrap();
        let keys: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut allowed = [
            "instructions",
            "question",
            "objectives",
            "prompt",
            "sides",
            "place",
            "of",
        ];
        allowed.sort_unstable();
        let mut keys = keys.clone();
        keys.sort_unstable();
        assert_eq!(keys, allowed);
        let text = json.to_string();
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
        first[usize::from(shown.sides[0] > shown.sides[1])] += 1;
    }
    let share = crate::stats::wilson(first[0], first[0] + first[1]);
    assert!(!share.is_off_half(), "{share:?}");
}

#[test]
fn the_next_person_sees_nothing_of_the_one_before() {
    let (_folder, study, task) = at_task(
        30,
        Design {
            annotators: 2,
            ..design()
        },
    );
    let look = |study: &Study| {
        let second = study.sit(&task, "A2").unwrap();
        let of = study.progress(&second).unwrap();
        let all: Vec<BlindItem> = (0..of.of)
            .map(|p| study.show(&second, p).unwrap())
            .collect();
        (of, all)
    };
    let before = look(&study);
    vote_on(&study, &study.sit(&task, "A1").unwrap(), 20);
    assert_eq!(look(&study), before);
    assert_eq!(study.next_alias().unwrap(), "A2");
    for wrong in ["Jane", "A0", "A", "a1", "A01"] {
        let refused = study.sit(&task, wrong).unwrap_err().to_string();
        assert!(refused.contains("names are never asked"), "{refused}");
    }
}

#[test]
fn who_is_forgotten_stays_so_and_their_votes_count() {
    let (folder, study, task) = at_task(30, design());
    let sitting = study.sit(&task, "A1").unwrap();
    let mut all = ballots(&sitting, |_| Picked::Left);
    all[0].comment = Some("I am Jane".to_owned());
    study.cast(&sitting, 0, &all, Looked::default()).unwrap();
    let draft = Draft {
        comment: "Jane again".to_owned(),
        ..Draft::default()
    };
    study.save_draft(&sitting, &draft).unwrap();
    let copy = folder.path().join("copy.study");
    study.copy_to(&copy).unwrap();
    study.forget("A1").unwrap();
    let other = Study::open(&copy).unwrap();
    other.merge(study.path()).unwrap();
    study.merge(&copy).unwrap();
    assert_eq!(study.digest().unwrap(), other.digest().unwrap());
    for study in [&study, &other] {
        let votes = study
            .live_votes(&study.task_named("task", "T").unwrap())
            .unwrap();
        assert_eq!(votes.len(), 2);
        assert!(votes.iter().all(|vote| vote.comment.is_none()));
        assert!(study.annotators().unwrap()[0].alias.starts_with('-'));
    }
    assert!(
        study
            .forget("A1")
            .unwrap_err()
            .to_string()
            .contains("`A1` is not known")
    );
}

#[test]
fn votes_of_two_copies_are_united_and_a_design_that_differs_is_refused() {
    let (folder, study, task_here) = at_task(
        30,
        Design {
            annotators: 2,
            ..design()
        },
    );
    let copy = folder.path().join("copy.study");
    study.copy_to(&copy).unwrap();
    let other = Study::open(&copy).unwrap();
    vote_on(&study, &study.sit(&task_here, "A1").unwrap(), 10);
    let there = other.task_named("task", "T").unwrap();
    vote_on(&other, &other.sit(&there, "A2").unwrap(), 7);
    let counts = study.merge(&copy).unwrap();
    assert_eq!((counts.of("vote").new, counts.of("task").equal), (14, 1));
    assert_eq!(study.live_votes(&task_here).unwrap().len(), 34);
    assert_eq!(study.merge(&copy).unwrap().of("vote").new, 0);
    let fresh = tempfile::tempdir().unwrap();
    let third = swept(fresh.path(), 30);
    task(
        &third,
        "T",
        Design {
            seed: 9,
            ..design()
        },
    );
    let refused = study.merge(third.path()).unwrap_err().to_string();
    assert!(refused.contains("locked design differs"), "{refused}");
    let again = study.new_task("T", &design(), &[]).unwrap_err().to_string();
    assert!(
        again.contains("is there already, and its design is locked"),
        "{again}"
    );
}

#[test]
fn a_pack_holds_texts_alone_and_its_votes_come_home_once() {
    let folder = tempfile::tempdir().unwrap();
    let study = swept(folder.path(), 60);
    let task = task(
        &study,
        "humor against the rest",
        Design {
            annotators: 3,
            items: 150,
            ..design()
        },
    );
    let path = folder.path().join("A3.study");
    let sitting = study.sit(&task, "A3").unwrap();
    let count = study.pack(&sitting, &path).unwrap();
    assert_eq!(count, sitting.queue().len());
    let pack = Study::open(&path).unwrap();
    for table in [
        "generation",
        "point",
        "score",
        "scorer",
        "prompt",
        "sweep",
        "bundle",
        "artefact",
        "setting",
        "vote",
    ] {
        assert_eq!(pack.count(table).unwrap(), 0, "{table}");
    }
    let bytes = std::fs::read(&path).unwrap();
    let held = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(held(b"Anna says"), "texts are what it is for");
    let mut secrets: Vec<Vec<u8>> = vec![
        task.uid.0.clone(),
        task.name.clone().into_bytes(),
        b"0.5".to_vec(),
    ];
    study
        .each_answer(|answer| {
            secrets.extend([answer.uid.0.clone(), answer.uid.to_string().into_bytes()]);
            secrets.extend([
                answer.key.unwrap().0.to_vec(),
                Uid::prompt(&answer.prompt).0,
            ]);
            Ok(())
        })
        .unwrap();
    secrets.extend(
        study
            .items(&task)
            .unwrap()
            .into_iter()
            .map(|item| item.uid.0),
    );
    secrets.extend(study.annotators().unwrap().into_iter().map(|a| a.uid.0));
    for secret in secrets {
        assert!(!held(&secret), "{}", String::from_utf8_lossy(&secret));
    }
    let away = pack.tasks().unwrap().remove(0);
    assert!(
        pack.sit(&away, "A1")
            .unwrap_err()
            .to_string()
            .contains("for A3")
    );
    let there = pack.sit(&away, "A3").unwrap();
    for place in 0..count {
        assert_eq!(
            pack.show(&there, place).unwrap(),
            study.show(&sitting, place).unwrap()
        );
    }
    vote_on(&pack, &there, 40);
    pack.take_back(&there).unwrap();
    vote_on(&pack, &there, 1);
    drop(pack);
    let counts = study.merge(&path).unwrap();
    assert_eq!(
        (counts.of("vote").new, counts.warnings.len()),
        (80 + 2 + 2, 0)
    );
    let live = study.live_votes(&task).unwrap();
    assert_eq!(live.len(), 2 * 40, "forty, by two objectives");
    assert_eq!(study.progress(&sitting).unwrap().saved, 40);
    for vote in &live {
        let shown = study.show(&sitting, vote.shown.place).unwrap();
        let right = by_rule(&shown, &vote.objective);
        assert_eq!(vote.picked == right, vote.shown.place % 7 != 3);
    }
    assert_eq!(study.merge(&path).unwrap().of("vote").equal, 84);
    assert_eq!(
        study.count("task").unwrap(),
        1,
        "nothing else of it is taken in"
    );
    let stranger = Study::open(&folder.path().join("b.study")).unwrap();
    let refused = stranger.merge(&path).unwrap_err().to_string();
    assert!(
        refused.contains("merge it into the study that packed it"),
        "{refused}"
    );
    let later = folder.path().join("rest.study");
    assert_eq!(study.pack(&sitting, &later).unwrap(), count - 40);
    assert!(
        study.pack(&sitting, &later).is_err(),
        "nothing is overwritten"
    );
}
