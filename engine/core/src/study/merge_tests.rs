//! A merge is a union, whatever the order, and says where two files differ.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::tests::{answer, info, run, scorer, sweep};
use super::*;

/// Something done to a study.
#[derive(Debug, Clone)]
enum Act {
    Answer {
        prompt: u8,
        text: u8,
        keyed: bool,
        interactive: bool,
        placed: bool,
    },
    Score {
        scorer: u8,
        value: i8,
    },
    Edit {
        target: u8,
        value: Option<u8>,
    },
    View(u8),
    Alter(u8),
    Vote {
        comment: bool,
    },
    Forget,
    Pace(u8),
    Split(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0_u8..3, 0_u8..3, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(prompt, text, keyed, interactive, placed)| Act::Answer { prompt, text, keyed, interactive, placed }
        ),
        2 => (0_u8..2, -1_i8..2).prop_map(|(scorer, value)| Act::Score { scorer, value }),
        4 => (0_u8..5, prop::option::of(0_u8..3)).prop_map(|(target, value)| Act::Edit { target, value }),
        1 => (0_u8..3).prop_map(Act::View),
        1 => (0_u8..3).prop_map(Act::Alter),
        1 => any::<bool>().prop_map(|comment| Act::Vote { comment }),
        1 => Just(Act::Forget),
        1 => (0_u8..3).prop_map(Act::Pace),
        1 => (0_u8..3).prop_map(Act::Split),
    ]
}

fn exec(study: &Study, sql: &str) {
    study.connection.execute_batch(sql).unwrap();
}

fn perform(study: &Study, acts: &[Act]) {
    exec(study, "PRAGMA synchronous = OFF");
    let number = study.bundle(&info("demo")).unwrap();
    let id = study.sweep(&sweep(&["0", "1", "2"]), 1000).unwrap();
    let known = |sql: &str| study.one::<i64>(sql, []).unwrap();
    for act in acts {
        match act {
            Act::Answer {
                prompt,
                text,
                keyed,
                interactive,
                placed,
            } => {
                let mut run = run(&prompt.to_string(), 0.5, &"x".repeat(usize::from(*text)));
                run.key = run.key.filter(|_| *keyed);
                let place = Placed {
                    sweep: id,
                    seed: 0,
                    point: 0,
                    prompt: usize::from(*prompt),
                };
                let mut new = NewAnswer {
                    interactive: *interactive,
                    ..answer(&run, number)
                };
                new.place = placed.then_some(place);
                study.add(&[new]).unwrap();
            }
            Act::Score {
                scorer: which,
                value,
            } => {
                let scorers = study
                    .scorers(&[scorer("helpful", &which.to_string())])
                    .unwrap();
                if let Some(last) = study
                    .one::<Option<i64>>("SELECT max(id) FROM generation", [])
                    .unwrap()
                {
                    let value = if *value < 0 {
                        f64::NAN
                    } else {
                        f64::from(*value)
                    };
                    study.score(&[(last, scorers[0].unwrap(), value)]).unwrap();
                }
            }
            Act::Edit { target, value } => {
                let uid = Uid(vec![target % 2; 16]);
                let target = match target {
                    0 | 1 => Target::Note(uid),
                    2 => Target::Tag(uid, "t".to_owned()),
                    3 => Target::Mark(uid, "hidden".to_owned()),
                    _ => Target::Mark(uid, "name".to_owned()),
                };
                let value = value.map(|v| v.to_string());
                study.edit("Edit", &[Edit { target, value }]).unwrap();
            }
            Act::View(value) => {
                let target = Target::View("window".to_owned());
                let known = study.state(&target).unwrap().rev;
                study
                    .save_view("window", &value.to_string(), known)
                    .unwrap();
            }
            Act::Alter(text) => exec(
                study,
                &format!(
                    "UPDATE generation SET text = '{}' WHERE id = (SELECT min(id) FROM generation)",
                    "y".repeat(usize::from(*text))
                ),
            ),
            Act::Vote { comment } => {
                let created = hash::now();
                let uid = Uid::event(created);
                if known("SELECT count(*) FROM item") > 0 {
                    let comment = if *comment { "'good'" } else { "NULL" };
                    exec(study, &format!(
                        "INSERT INTO vote (uid, created, origin, item, annotator, objective, choice, shown, active_ms, early, comment)
                         SELECT x'{uid}', {created}, (SELECT max(id) FROM origin), 1, 1, 'helpful', 'left', '', 5, 0, {comment}"
                    ));
                }
            }
            Act::Forget => exec(study, "UPDATE vote SET comment = NULL"),
            Act::Pace(ms) => {
                if let Some(last) = study
                    .one::<Option<i64>>("SELECT min(id) FROM generation", [])
                    .unwrap()
                {
                    study.put_playback(last, &[u32::from(*ms)]).unwrap();
                }
            }
            Act::Split(which) => {
                let name = ["train", "validation", "test"][usize::from(*which)];
                exec(
                    study,
                    &format!("UPDATE prompt SET split = '{name}' WHERE id = 1"),
                );
            }
        }
    }
    study.set_status(id, "finished").unwrap();
}

fn with_task(study: &Study) {
    study.bundle(&info("demo")).unwrap();
    exec(study, "INSERT INTO task (uid, created, origin, name, design, locked) VALUES (x'01', 5, 1, 'T', 'd', 0);
        INSERT INTO item (uid, created, origin, task, sides, probability) VALUES (x'02', 5, 1, 1, '[]', 1.0);
        INSERT INTO annotator (uid, created, origin, alias) VALUES (x'03', 5, 1, 'A1');");
}

/// All of these, in this order, in a new study.
fn merged(folder: &Path, name: &str, sources: &[&Path]) -> PathBuf {
    let path = folder.join(name);
    let study = Study::open(&path).unwrap();
    exec(&study, "PRAGMA synchronous = OFF");
    for source in sources {
        study.merge(source).unwrap();
    }
    let broken: i64 = study
        .one("SELECT count(*) FROM pragma_foreign_key_check", [])
        .unwrap();
    assert_eq!(broken, 0);
    path
}

fn digest(path: &Path) -> String {
    Study::open(path).unwrap().digest().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..Default::default() })]

    #[test]
    fn order_grouping_and_repetition_change_nothing(
        shared in prop::collection::vec(act(), 0..5),
        branches in prop::collection::vec(prop::collection::vec(act(), 0..6), 3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let base = Study::open(&at("base")).unwrap();
        with_task(&base);
        perform(&base, &shared);
        for (n, acts) in branches.iter().enumerate() {
            let path = at(&format!("{n}.study"));
            base.copy_to(&path).unwrap();
            perform(&Study::open(&path).unwrap(), acts);
        }
        let [a, b, c] = [at("0.study"), at("1.study"), at("2.study")];
        let reference = digest(&merged(folder.path(), "abc", &[&a, &b, &c]));
        prop_assert_eq!(&digest(&merged(folder.path(), "cba", &[&c, &b, &a])), &reference);
        prop_assert_eq!(&digest(&merged(folder.path(), "bca", &[&b, &c, &c, &a, &b])), &reference);
        let bc = merged(folder.path(), "bc", &[&b, &c]);
        prop_assert_eq!(&digest(&merged(folder.path(), "a(bc)", &[&a, &bc])), &reference);
        let ca = merged(folder.path(), "ca", &[&c, &a]);
        prop_assert_eq!(&digest(&merged(folder.path(), "(ca)b", &[&ca, &b, &ca])), &reference);
    }
}

fn two(folder: &Path) -> (PathBuf, PathBuf) {
    let (one, two) = (folder.join("one.study"), folder.join("two.study"));
    let study = Study::open(&one).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let runs = [run("a", 0.5, "x"), run("b", 0.5, "y")];
    study
        .add(&[answer(&runs[0], number), answer(&runs[1], number)])
        .unwrap();
    study.copy_to(&two).unwrap();
    (one, two)
}

#[test]
fn a_text_that_was_altered_is_diverged_and_both_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = two(folder.path());
    let (first, second) = (Study::open(&one).unwrap(), Study::open(&two).unwrap());
    exec(
        &second,
        "UPDATE generation SET text = 'altered' WHERE text = 'x'",
    );
    drop(second);
    let before = std::fs::read(&two).unwrap();
    // The altered text comes first in the order and stands; merged again it is equal, and diverged from the other still.
    for equal in 1..3 {
        let counts = first.merge(&two).unwrap().of("generation");
        assert_eq!((counts.new, counts.equal, counts.diverged), (0, equal, 1));
        let diverged = first.diverged().unwrap();
        assert_eq!(diverged.len(), 1);
        let texts: Vec<String> = diverged[0]
            .1
            .iter()
            .map(|id| first.answer(*id).unwrap().unwrap().text)
            .collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert_eq!(
            first.by_key(&[diverged[0].0]).unwrap()[0]
                .as_ref()
                .unwrap()
                .id,
            diverged[0].1[0]
        );
    }
    assert_eq!(
        std::fs::read(&two).unwrap(),
        before,
        "the source is only read"
    );
    assert_eq!(first.count("merge_log").unwrap(), 2);
    let files = std::fs::read_dir(folder.path()).unwrap().filter(|f| {
        f.as_ref()
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .starts_with("two.study")
    });
    assert_eq!(files.count(), 1, "and nothing is left beside it");
}

#[test]
fn the_earliest_answer_counts_and_scores_that_differ_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = two(folder.path());
    let (first, second) = (Study::open(&one).unwrap(), Study::open(&two).unwrap());
    let number = first.bundle(&info("demo")).unwrap();
    let late = run("late", 0.5, "same");
    second.add(&[answer(&late, number)]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(3));
    first.add(&[answer(&late, number)]).unwrap();
    for (study, value) in [(&first, 2.0), (&second, 1.0)] {
        let scorers = study.scorers(&[scorer("helpful", "1")]).unwrap();
        study.score(&[(1, scorers[0].unwrap(), value)]).unwrap();
    }
    let theirs = second
        .by_key(&[super::tests::key(&late)])
        .unwrap()
        .remove(0)
        .unwrap();
    let counts = first.merge(&two).unwrap();
    assert_eq!(
        (
            counts.of("generation").new,
            counts.of("generation").diverged
        ),
        (1, 0)
    );
    assert_eq!(counts.of("score").diverged, 1);
    assert_eq!(
        first
            .by_key(&[super::tests::key(&late)])
            .unwrap()
            .remove(0)
            .unwrap()
            .uid,
        theirs.uid
    );
    let scorers = first.scorers(&[scorer("helpful", "1")]).unwrap();
    assert_eq!(first.scores(&[1], &scorers).unwrap()[0].0, [Some(1.0)]);
    second.merge(&one).unwrap();
    assert_eq!(first.digest().unwrap(), second.digest().unwrap());
    first.merge(&two).unwrap();
    assert_eq!(first.digest().unwrap(), second.digest().unwrap());
}

#[test]
fn shards_of_a_sweep_become_one_at_the_earlier_time() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("1.study"), folder.path().join("2.study")];
    let record = SweepRecord {
        rows: 2,
        ..sweep(&["a", "b"])
    };
    for (n, path) in paths.iter().enumerate() {
        let study = Study::open(path).unwrap();
        let id = study.sweep(&record, 1000).unwrap();
        exec(
            &study,
            &format!("UPDATE sweep SET now = {}", 2000 - 500 * n),
        );
        let number = study.bundle(&record.bundle).unwrap();
        let run = run(["a", "b"][n], 0.5, "x");
        let place = Some(Placed {
            sweep: id,
            seed: 0,
            point: 0,
            prompt: n,
        });
        study
            .add(&[NewAnswer {
                place,
                ..answer(&run, number)
            }])
            .unwrap();
        study.set_status(id, "finished").unwrap();
    }
    let [first, second] = paths.each_ref().map(|path| Study::open(path).unwrap());
    let counts = first.merge(&paths[1]).unwrap();
    assert!(
        counts.warnings[0].contains("500 s apart"),
        "{:?}",
        counts.warnings
    );
    let state = &first.sweeps().unwrap()[0];
    assert_eq!((state.done, state.status.as_str()), (2, "finished"));
    assert_eq!(first.sweep_time(&record).unwrap(), 1500);
    second.merge(&paths[0]).unwrap();
    assert_eq!(first.digest().unwrap(), second.digest().unwrap());
    first.merge(&paths[1]).unwrap();
    second.merge(&paths[0]).unwrap();
    assert_eq!(first.digest().unwrap(), second.digest().unwrap());
    assert_eq!(first.count("sweep_row").unwrap(), 2);
}

#[test]
fn a_sweep_with_a_shard_missing_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.study");
    let study = Study::open(&path).unwrap();
    let id = study.sweep(&sweep(&["a", "b"]), 1000).unwrap();
    study.set_status(id, "finished").unwrap();
    let whole = Study::open(&folder.path().join("all.study")).unwrap();
    whole.merge(&path).unwrap();
    assert_eq!(whole.sweeps().unwrap()[0].status, "stopped");
}

#[test]
fn locked_designs_that_differ_are_refused_with_both() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = two(folder.path());
    let (first, second) = (Study::open(&one).unwrap(), Study::open(&two).unwrap());
    for (study, design, uid) in [(&first, "pairs", "01"), (&second, "ranks", "02")] {
        exec(
            study,
            &format!(
                "INSERT INTO task (uid, created, origin, name, design, locked) VALUES (x'{uid}', 5, 1, 'T', '{design}', 1)"
            ),
        );
    }
    let before = first.digest().unwrap();
    let refused = first.merge(&two).unwrap_err().to_string();
    assert!(
        refused.contains("`T`") && refused.contains("pairs") && refused.contains("ranks"),
        "{refused}"
    );
    assert_eq!(first.digest().unwrap(), before);
    exec(&second, "UPDATE task SET design = 'pairs'");
    first.merge(&two).unwrap();
    assert_eq!(first.count("task").unwrap(), 2);
}

#[test]
fn hidden_wins_later_notes_win_and_what_was_replaced_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = two(folder.path());
    let (first, second) = (Study::open(&one).unwrap(), Study::open(&two).unwrap());
    let uid = first.answer(1).unwrap().unwrap().uid;
    let edit = |study: &Study, target: Target, value: Option<&str>| {
        let value = value.map(str::to_owned);
        study.edit("Edit", &[Edit { target, value }]).unwrap();
    };
    let hidden = Target::Mark(uid.clone(), "hidden".to_owned());
    edit(&second, hidden.clone(), Some(""));
    for value in [Some(""), None, Some(""), None] {
        edit(&first, hidden.clone(), value);
    }
    let note = Target::Note(uid);
    edit(&first, note.clone(), Some("mine"));
    edit(&second, note.clone(), Some("draft"));
    edit(&second, note.clone(), Some("theirs"));
    first.merge(&two).unwrap();
    assert_eq!(
        first.history(&Filter::default()).unwrap().len(),
        1,
        "hidden wins"
    );
    assert_eq!(first.state(&note).unwrap().value.unwrap(), "theirs");
    assert_eq!(
        first.undo().unwrap().unwrap().title,
        "Notes and marks of two.study"
    );
    assert_eq!(first.state(&note).unwrap().value.unwrap(), "mine");
    assert_eq!(first.state(&hidden).unwrap().value, None);
}

#[test]
fn what_a_later_version_added_survives() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = two(folder.path());
    let (first, second) = (Study::open(&one).unwrap(), Study::open(&two).unwrap());
    let later = "PRAGMA user_version = 9;
        ALTER TABLE prompt ADD COLUMN colour TEXT; UPDATE prompt SET colour = 'red';
        CREATE TABLE thing (id INTEGER PRIMARY KEY, uid BLOB NOT NULL UNIQUE, created INTEGER NOT NULL,
            origin INTEGER NOT NULL REFERENCES origin, prompt INTEGER NOT NULL REFERENCES prompt) STRICT;
        INSERT INTO thing (uid, created, origin, prompt) VALUES (x'01', 5, 1, 2);";
    exec(&first, later);
    let number = second.bundle(&info("demo")).unwrap();
    let new = run("new", 0.5, "z");
    second.add(&[answer(&new, number)]).unwrap();
    drop(first);
    let first = Study::open(&one).unwrap();
    first.merge(&two).unwrap();
    assert_eq!(first.count("prompt").unwrap(), 3);
    let red: i64 = first
        .one("SELECT count(*) FROM prompt WHERE colour = 'red'", [])
        .unwrap();
    assert_eq!(red, 2);
    // The other way round it would have no place.
    let refused = second.merge(&one).unwrap_err().to_string();
    assert!(
        refused.contains("version 9") && refused.contains("the other way round"),
        "{refused}"
    );
    // Between two files of the later version its tables are merged too, by names.
    exec(&second, "DELETE FROM generation; DELETE FROM prompt");
    exec(
        &second,
        &later
            .replace(
                "x'01', 5, 1, 2",
                "x'02', 5, 1, (SELECT min(id) FROM prompt)",
            )
            .replace("INSERT", "-- INSERT"),
    );
    second.merge(&one).unwrap();
    let body: String = second
        .one(
            "SELECT p.body FROM thing t JOIN prompt p ON p.id = t.prompt",
            [],
        )
        .unwrap();
    assert_eq!(body, "\"b\"");
}

#[test]
fn a_store_of_rows_and_what_is_no_study() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("row_store.sql")).unwrap();
    drop(old);
    let before = std::fs::read(&path).unwrap();
    let study = Study::open(&folder.path().join("all.study")).unwrap();
    assert_eq!(study.merge(&path).unwrap().of("generation").new, 2);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let refused = |path: &Path| study.merge(path).unwrap_err().to_string();
    assert!(refused(study.path()).contains("is the study itself"));
    assert!(refused(&folder.path().join("none")).contains("does not exist"));
    std::fs::write(folder.path().join("empty"), "").unwrap();
    assert!(refused(&folder.path().join("empty")).contains("is empty"));
    assert!(info("demo").warnings.is_empty());
}
