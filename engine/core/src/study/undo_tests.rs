//! Edits are taken back, also after a restart, but not what somebody else did.

use super::tests::info;
use super::*;

fn note(value: &str) -> Edit {
    Edit {
        target: Target::Note(Uid(vec![1; 16])),
        value: Some(value.to_owned()),
    }
}

#[test]
fn edits_are_undone_after_a_restart_and_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let study = Study::open(&path).unwrap();
    let deck = study.new_deck("{}").unwrap();
    let stop = study.new_stop(&deck, r#"{"place":0}"#).unwrap();
    let moved = Edit {
        target: Target::Stop(stop.clone()),
        value: Some(r#"{"place":1}"#.to_owned()),
    };
    assert!(study.edit("Move stop", &[moved]).unwrap());
    assert!(study.edit("Edit note", &[note("one")]).unwrap());
    assert!(study.edit("Edit note again", &[note("two")]).unwrap());
    assert!(!study.edit("Nothing", &[note("two")]).unwrap());
    let at = |study: &Study| {
        let place = study
            .state(&Target::Stop(stop.clone()))
            .unwrap()
            .value
            .unwrap();
        (
            place.contains('1'),
            study.state(&note("").target).unwrap().value,
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(study.undo().unwrap().unwrap().title, "Edit note again");
    assert_eq!(at(&study), (true, some("one")));
    assert_eq!(study.undo().unwrap().unwrap().targets, [note("").target]);
    assert_eq!(at(&study), (true, None));
    drop(study);
    let study = Study::open(&path).unwrap();
    assert_eq!(study.redo_title().unwrap(), some("Edit note"));
    assert_eq!(study.undo_title().unwrap(), some("Move stop"));
    study.undo().unwrap().unwrap();
    assert_eq!(at(&study), (false, None));
    assert_eq!(study.undo().unwrap(), None);
    for expected in [(true, None), (true, some("one")), (true, some("two"))] {
        study.redo().unwrap().unwrap();
        assert_eq!(at(&study), expected);
    }
    assert_eq!(study.redo().unwrap(), None);
    // Once more through all of it: revisions were given anew on the way.
    for _ in 0..3 {
        study.undo().unwrap().unwrap();
    }
    assert_eq!(at(&study), (false, None));
    study.redo().unwrap().unwrap();
    study.edit("Other", &[note("three")]).unwrap();
    assert_eq!(
        study.redo().unwrap(),
        None,
        "a new edit ends what could be done again"
    );
    study.undo().unwrap().unwrap();
    assert_eq!(at(&study), (true, None));
}

#[test]
fn what_somebody_else_edited_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let (one, two) = (Study::open(&path).unwrap(), Study::open(&path).unwrap());
    one.edit(
        "First",
        &[Edit {
            target: Target::Tag(Uid(vec![2; 16]), "t".to_owned()),
            value: Some(String::new()),
        }],
    )
    .unwrap();
    one.edit("Mine", &[note("mine")]).unwrap();
    two.edit("Theirs", &[note("theirs")]).unwrap();
    two.write(|c, origin| {
        Ok(
            c.execute("UPDATE origin SET alias = 'B' WHERE id = ?1", [origin])
                .unwrap(),
        )
    })
    .unwrap();
    let refused = one.undo().unwrap_err().to_string();
    assert!(
        refused.contains("the note was edited by paretoscope") && refused.contains("(B)"),
        "{refused}"
    );
    assert_eq!(
        one.state(&note("").target).unwrap().value.unwrap(),
        "theirs"
    );
    // When the other takes its own back, ours can be.
    two.undo().unwrap().unwrap();
    assert_eq!(one.undo().unwrap().unwrap().title, "Mine");
    one.redo().unwrap().unwrap();
    two.redo().unwrap().unwrap();
    one.undo().unwrap_err();
    one.skip_undo().unwrap();
    assert_eq!(one.undo().unwrap().unwrap().title, "First");
    assert!(one.tags(&Uid(vec![2; 16])).unwrap().is_empty());
    assert!(one.tagged().unwrap().is_empty());
}

#[test]
fn a_reset_is_one_edit() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let pin = |n: u8, value: Option<&str>| Edit {
        target: Target::Mark(Uid(vec![n; 16]), "pin".to_owned()),
        value: value.map(str::to_owned),
    };
    study
        .edit("Pin", &[pin(1, Some("a")), pin(2, Some(""))])
        .unwrap();
    let view = |json: Option<&str>| Edit {
        target: Target::View("plots".to_owned()),
        value: json.map(str::to_owned),
    };
    study.edit("Zoom", &[view(Some("{}"))]).unwrap();
    study
        .edit("Reset", &[pin(1, None), pin(2, None), view(None)])
        .unwrap();
    assert!(study.marked("pin").unwrap().is_empty());
    study.undo().unwrap().unwrap();
    assert_eq!(
        study.marked("pin").unwrap(),
        [
            (Uid(vec![1; 16]), "a".to_owned()),
            (Uid(vec![2; 16]), String::new())
        ]
    );
    assert_eq!(
        study.state(&view(None).target).unwrap().value.unwrap(),
        "{}"
    );
}

#[test]
fn five_hundred_edits_stay() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    study
        .together(|| {
            for n in 0..510 {
                study.edit("Edit", &[note(&n.to_string())]).unwrap();
            }
        })
        .unwrap();
    assert_eq!(study.count("op").unwrap(), 500);
    let undone = study.together(|| {
        let mut undone = 0;
        while study.undo().unwrap().is_some() {
            undone += 1;
        }
        undone
    });
    assert_eq!(undone.unwrap(), 500);
    assert_eq!(study.state(&note("").target).unwrap().value.unwrap(), "9");
}

#[test]
fn views_are_kept_without_a_step_and_refused_where_stale() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let study = Study::open(&path).unwrap();
    study.bundle(&info("demo")).unwrap();
    let rev = study.save_view("window", r#"{"zoom":1}"#, 0).unwrap();
    let rev = study.save_view("window", r#"{"zoom":2}"#, rev).unwrap();
    assert_eq!(study.undo().unwrap(), None);
    let refused = study
        .save_view("window", "{}", rev - 1)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("view `window` was edited by"), "{refused}");
    drop(study);
    let state = Study::open(&path)
        .unwrap()
        .state(&Target::View("window".to_owned()))
        .unwrap();
    assert_eq!(
        (state.rev, state.value.as_deref()),
        (2, Some(r#"{"zoom":2}"#))
    );
}

#[test]
fn targets_are_read_back_from_their_words() {
    let uid = Uid(vec![7; 32]);
    for target in [
        Target::Note(uid.clone()),
        Target::Tag(uid.clone(), "two words".to_owned()),
        Target::Mark(uid.clone(), "pin".to_owned()),
        Target::View(String::new()),
        Target::Deck(uid.clone()),
        Target::Stop(uid.clone()),
        Target::Figure(uid),
    ] {
        assert_eq!(Target::parse(&target.to_string()), Some(target));
    }
    assert_eq!(Target::parse("note x"), None);
}
