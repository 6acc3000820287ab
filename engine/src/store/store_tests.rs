//! What goes in comes out, twice is once, and every kind of bad file is named.

use std::fs;
use std::sync::Arc;

use super::*;
use crate::protocol::{SweepGrid, SweepPlan};
use crate::store::export_rows;
use crate::types::{
    Finish, GateRecord, Mutes, Point, Preference, Prompt, RowGates, RunStatus, Sampling, Steering,
    TokenPiece, Weights,
};

fn record(step: f64) -> SweepRecord {
    SweepRecord {
        bundle: "demo".to_owned(),
        model: "m".to_owned(),
        adapters: vec!["helpful".to_owned()],
        adapter_digests: vec!["d".to_owned()],
        objectives: vec!["helpful".to_owned()],
        reward_digests: Vec::new(),
        plan: SweepPlan {
            grid: SweepGrid::Simplex {
                step,
                objectives: Vec::new(),
            },
            prompts: vec![Prompt::Text("hi".to_owned())],
            sampling: Sampling::default(),
            include_base: false,
            store: "a.db".into(),
        },
    }
}

fn row(sweep: i64, index: usize) -> StoredRow {
    StoredRow {
        key: format!("key {index}"),
        sweep,
        point_index: index,
        prompt_index: 0,
        point: Point::Preference(Preference::new(vec![0.1, 0.2, 0.7]).unwrap()),
        prompt: Prompt::Text("what\nnow? ü".to_owned()),
        sampling: Sampling {
            seed: u64::MAX,
            ..Sampling::default()
        },
        text: "an answer".to_owned(),
        tokens: vec![1, 2, 3],
        finish: Finish::Eos,
        scores: Some(Scores(vec![Some(0.1 + 0.2), None, Some(f64::NEG_INFINITY)])),
        gates_mean: vec![0.25, 0.75],
        first_token_seconds: 0.01,
        seconds: 0.5,
    }
}

#[track_caller]
fn refused(path: &Path, words: &[&str]) {
    let error = Store::open(path).unwrap_err();
    let text = error.to_string();
    assert!(error.is_input(), "{text}");
    assert!(
        !text.contains('\n') && text.contains(&*path.to_string_lossy()),
        "{text}"
    );
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn rows_come_back_and_go_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    let sweep = store.sweep(&record(0.1)).unwrap();
    assert!(store.insert_row(&row(sweep, 1)).unwrap());
    assert!(!store.insert_row(&row(sweep, 1)).unwrap());
    assert_eq!(
        store.insert_rows(&[row(sweep, 0), row(sweep, 1)]).unwrap(),
        1
    );
    drop(store);

    let store = Store::open(&path).unwrap();
    assert_eq!(store.rows(sweep).unwrap(), [row(sweep, 0), row(sweep, 1)]);
    assert_eq!(store.row_count().unwrap(), 2);
    let keys = ["key 1".to_owned(), "key 9".to_owned()];
    assert_eq!(store.has(&keys).unwrap(), [true, false]);
    assert_eq!(
        store.rows_by_key(&keys).unwrap(),
        [Some(row(sweep, 1)), None]
    );
}

#[test]
fn the_same_plan_is_the_same_sweep_wherever_the_file_lies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    let first = store.sweep(&record(0.1)).unwrap();
    let mut moved = record(0.1);
    moved.plan.store = "elsewhere.db".into();
    assert_eq!(store.sweep(&moved).unwrap(), first);
    assert_ne!(store.sweep(&record(0.5)).unwrap(), first);
    let sweeps = store.sweeps().unwrap();
    assert_eq!(sweeps.len(), 2);
    assert_eq!(sweeps[0].1.plan.store, path);
    assert_eq!(sweeps[0].1.plan.grid, record(0.1).plan.grid);
}

#[test]
fn rows_need_their_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("run.db")).unwrap();
    assert!(store.insert_row(&row(7, 0)).is_err());
    assert_eq!(store.row_count().unwrap(), 0);
}

#[test]
fn runs_come_back_with_their_mean_gates() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("run.db")).unwrap();
    let gates = GateRecord {
        sites: Arc::new(vec!["a".to_owned(), "b".to_owned()]),
        adapters: Arc::new(vec!["x".to_owned(), "y".to_owned()]),
        values: vec![0.0, 1.0, 0.5, 0.5],
    };
    let run = Run {
        end: None,
        prompt: Prompt::Chat("hi".to_owned()),
        prompt_tokens: vec![1],
        given: None,
        point: Point::Weights(Weights::new(vec![1.5]).unwrap()),
        gates: RowGates::base(2, 0),
        steering: Steering {
            steered: vec![(3, Point::Preference(Preference::uniform(2)))],
            mutes: vec![(0, Mutes::default())],
        },
        sampling: Sampling::default(),
        text: "yes".to_owned(),
        tokens: vec![TokenPiece {
            id: 5,
            start: 0,
            end: 3,
        }],
        finish: Finish::Cancelled,
        status: RunStatus::Stopped,
        record: Some(Arc::new(gates)),
        scores: Some(Scores(vec![Some(f64::INFINITY)])),
        first_token_seconds: 0.1,
        seconds: 0.2,
    };
    let id = store.insert_run("demo", "m", &run).unwrap();
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(
        (runs[0].id, runs[0].gates_mean.as_slice()),
        (id, [0.25, 0.75].as_slice())
    );
    assert!(runs[0].created > 0);
    assert_eq!(
        runs[0].run,
        Run {
            record: None,
            ..run
        }
    );
}

#[test]
fn export_is_one_object_per_line() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("run.db")).unwrap();
    let sweep = store.sweep(&record(0.1)).unwrap();
    store.insert_rows(&[row(sweep, 0), row(sweep, 1)]).unwrap();
    let out = folder.path().join("rows.jsonl");
    assert_eq!(export_rows(&store, &out).unwrap(), 2);
    let text = fs::read_to_string(&out).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["key"], "key 1");
    assert_eq!(lines[0]["scores"][2], "-inf");
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    store
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(store);
    let before = fs::read(&path).unwrap();
    refused(&path, &["version 99", "up to 2"]);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn files_that_are_no_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "these are notes, and rather long ones. ".repeat(200)).unwrap();
    refused(&text, &["not a SQLite database"]);
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    refused(&other, &["another program"]);
    refused(folder.path(), &["is a folder"]);
    refused(&folder.path().join("no/run.db"), &["does not exist"]);
}

#[test]
fn damage_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    let sweep = store.sweep(&record(0.1)).unwrap();
    let rows: Vec<StoredRow> = (0..200).map(|i| row(sweep, i)).collect();
    store.insert_rows(&rows).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refused(&path, &["damaged"]);

    let mut scribbled = whole.clone();
    let middle = whole.len() / 2;
    scribbled[middle - 4096..middle + 4096].fill(0xa5);
    fs::write(&path, &scribbled).unwrap();
    refused(&path, &["damaged"]);

    // A value that SQLite accepts and we cannot read.
    fs::write(&path, &whole).unwrap();
    let store = Store::open(&path).unwrap();
    store
        .connection
        .execute("UPDATE rows SET point = '{}' WHERE point_index = 0", [])
        .unwrap();
    let text = store.rows(sweep).unwrap_err().to_string();
    assert!(text.contains("rows.point"), "{text}");
    // While it is open, its log belongs to the file.
    drop(store);

    for (sql, words) in [
        ("UPDATE rows SET text = CAST(X'ff' AS TEXT)", "damaged"),
        ("DROP TABLE rows", "no such table"),
    ] {
        fs::write(&path, &whole).unwrap();
        let store = Store::open(&path).unwrap();
        store.connection.execute_batch(sql).unwrap();
        let error = store.rows(sweep).unwrap_err();
        assert!(
            error.is_input() && error.to_string().contains(words),
            "{sql}: {error}"
        );
    }
    fs::write(&path, &whole).unwrap();
    let store = Store::open(&path).unwrap();
    let error = store
        .check_scores(&store.rows(sweep).unwrap()[0], 2)
        .unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("3 scores for 2"),
        "{error}"
    );
    store
        .connection
        .pragma_update(None, "user_version", -1)
        .unwrap();
    drop(store);
    refused(&path, &["damaged", "version is -1"]);
}

#[test]
fn a_row_may_wait_for_its_scores() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("run.db")).unwrap();
    let sweep = store.sweep(&record(0.1)).unwrap();
    let whole = row(sweep, 0);
    let waiting = StoredRow {
        scores: None,
        ..whole.clone()
    };
    store.insert_row(&waiting).unwrap();
    assert_eq!(store.rows(sweep).unwrap(), [waiting]);
    let scores = whole.scores.clone().unwrap();
    store.set_scores(&[(whole.key.clone(), scores)]).unwrap();
    assert_eq!(store.rows(sweep).unwrap(), std::slice::from_ref(&whole));
    // Scores that are there stay.
    let other = Scores(vec![None]);
    store.set_scores(&[(whole.key.clone(), other)]).unwrap();
    assert_eq!(store.rows(sweep).unwrap(), [whole]);
}

#[cfg(unix)]
#[test]
fn rows_of_a_file_that_is_removed_are_saved_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    let sweep = store.sweep(&record(0.1)).unwrap();
    store.insert_row(&row(sweep, 0)).unwrap();
    for name in ["run.db", "run.db-wal", "run.db-shm"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let text = store.insert_row(&row(sweep, 1)).unwrap_err().to_string();
    assert!(text.contains("was removed"), "{text}");
    drop(store);
    let again = Store::open(&path).unwrap();
    assert_eq!(again.row_count().unwrap(), 2);

    // Another file stands there now, and stays as it is.
    fs::rename(&path, folder.path().join("elsewhere.db")).unwrap();
    fs::write(&path, b"somebody else's").unwrap();
    let text = again.insert_row(&row(sweep, 2)).unwrap_err().to_string();
    assert!(text.contains("was replaced"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
}

/// What a killed writer leaves behind: a transaction that was never committed.
#[test]
fn an_unfinished_transaction_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    let sweep = store.sweep(&record(0.1)).unwrap();
    store.insert_row(&row(sweep, 0)).unwrap();
    store
        .connection
        .execute_batch("BEGIN; DELETE FROM rows;")
        .unwrap();
    // The files as they are on disk now, seen by a new process.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(
        folder.path().join("run.db-wal"),
        folder.path().join("copy.db-wal"),
    )
    .unwrap();
    assert_eq!(
        Store::open(&copy).unwrap().rows(sweep).unwrap(),
        [row(sweep, 0)]
    );
}

#[test]
fn a_reader_sees_rows_while_the_writer_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let writer = Store::open(&path).unwrap();
    let sweep = writer.sweep(&record(0.1)).unwrap();
    let reader = Store::open(&path).unwrap();
    writer.insert_row(&row(sweep, 0)).unwrap();
    assert_eq!(reader.row_count().unwrap(), 1);
}

#[test]
fn the_first_sweep_sets_the_time_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.db");
    let store = Store::open(&path).unwrap();
    store.sweep(&record(0.1)).unwrap();
    let now = store.begun().unwrap();
    assert!(now > 1_700_000_000, "{now}");
    drop(store);
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE sweeps SET created = 951782400")
        .unwrap();
    // Planned on another day, and the same plan again.
    for step in [0.2, 0.1] {
        let store = Store::open(&path).unwrap();
        store.sweep(&record(step)).unwrap();
        assert_eq!(store.begun().unwrap(), 951_782_400);
    }
}
