//! Kills, full and read-only disks, locked files, several writers: what was told written is there, nothing is half there.
//!
//! What is killed is a process of its own: this test's program again, which does what a variable of its environment says.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::Rng as _;

use super::tests::{answer, info, key, run, scorer};
use super::*;
use crate::types::Key;

/// What a child does, and where.
const TASK: &str = "PARETOSCOPE_FAULT";

/// Kills of each kind.
const KILLS: usize = 50;

/// Does nothing unless it is a child.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (what, folder) = task.split_once(' ').unwrap();
    let folder = Path::new(folder);
    if ["add", "merge", "convert", "make"].contains(&what) {
        fs::write(folder.join("ready"), "").unwrap();
    }
    match what {
        "add" => add(folder, 0),
        "several" => several(folder),
        "merge" => merge(folder),
        "convert" => convert(folder),
        "make" => make(folder),
        "claim" => claim(folder),
        "look" => look(folder),
        other => panic!("{other}"),
    }
}

fn command(what: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    prepare(&mut command, what, folder);
    command
}

fn prepare(command: &mut Command, what: &str, folder: &Path) {
    command
        .args([
            "study::faults::child",
            "--exact",
            "--test-threads=1",
            "--nocapture",
        ])
        .env(TASK, format!("{what} {}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit()); // a child that fails says why
}

/// Notes what was told written; a kill takes nothing of that away.
fn acknowledge(folder: &Path, words: &str) {
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("told"));
    file.unwrap()
        .write_all(format!("{words}\n").as_bytes())
        .unwrap();
}

fn told(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Adds answers, scores, traces and notes until it is killed or refused.
fn add(folder: &Path, limit: usize) {
    let study = Study::open(&folder.join("a.study")).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let scorers = study.scorers(&[scorer("helpful", "1")]).unwrap();
    let mut count = 0;
    loop {
        let runs: Vec<_> = (0..rand::rng().random_range(1..4))
            .map(|_| {
                run(
                    &rand::rng().random::<u64>().to_string(),
                    0.5,
                    &"word ".repeat(200),
                )
            })
            .collect();
        let new: Vec<_> = runs.iter().map(|run| answer(run, number)).collect();
        let ids = match study.add(&new) {
            Ok(ids) => ids,
            Err(error) => return acknowledge(folder, &format!("refused {error}")),
        };
        let words: String = ids
            .iter()
            .map(|id| study.answer(*id).unwrap().unwrap().uid.to_string() + " ")
            .collect();
        acknowledge(folder, words.trim());
        let scores: Vec<_> = ids
            .iter()
            .map(|id| (*id, scorers[0].unwrap(), 1.0))
            .collect();
        let edit = Edit {
            target: Target::Note(Uid(vec![1; 16])),
            value: Some(words),
        };
        let more = study
            .score(&scores)
            .and_then(|()| study.edit("Edit", &[edit]));
        if let Err(error) = more {
            return acknowledge(folder, &format!("refused {error}"));
        }
        count += ids.len();
        if limit > 0 && count >= limit {
            return;
        }
    }
}

fn several(folder: &Path) {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| add(folder, 30));
        }
    });
}

fn merge(folder: &Path) {
    for _ in 0_u64.. {
        let target = folder.join("a.study");
        fs::copy(folder.join("base.study"), &target).unwrap();
        let study = Study::open(&target).unwrap();
        study.merge(&folder.join("b.study")).unwrap();
        acknowledge(folder, "merged");
        drop(study);
        for ending in ["", "-wal", "-shm"] {
            let _gone = fs::remove_file(open::beside(&target, ending));
        }
    }
}

fn convert(folder: &Path) {
    for n in 0.. {
        let path = folder.join(format!("{n}.db"));
        fs::copy(folder.join("old.db"), &path).unwrap();
        Study::open(&path).unwrap();
        acknowledge(folder, &n.to_string());
    }
}

fn make(folder: &Path) {
    for n in 0.. {
        let study = Study::open(&folder.join(format!("{n}.study"))).unwrap();
        study.bundle(&info("demo")).unwrap();
        acknowledge(folder, &n.to_string());
    }
}

fn claim(folder: &Path) {
    let study = Study::open(&folder.join("a.study")).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let mut left: Vec<_> = (0..60).map(|n| run(&n.to_string(), 0.5, "x")).collect();
    while !left.is_empty() {
        let mut next = left.split_off(left.len().saturating_sub(4));
        let keys: Vec<Key> = next.iter().map(key).collect();
        let whose = study.claim(&keys).unwrap();
        for (at, whose) in whose.into_iter().enumerate().rev() {
            match whose {
                Claim::Ours => {
                    let run = next.remove(at);
                    study.add(&[answer(&run, number)]).unwrap();
                    acknowledge(folder, &key(&run).to_string());
                }
                Claim::Done => drop(next.remove(at)),
                Claim::Theirs(_) => {}
            }
        }
        if !next.is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
        left.splice(0..0, next);
    }
}

/// Opens what cannot be written.
fn look(folder: &Path) {
    let study = Study::open(&folder.join("a.study")).unwrap();
    assert!(matches!(study.access(), Access::Read(why) if why.contains("cannot be written")));
    assert_eq!(study.history(&Filter::default()).unwrap().len(), 2);
    assert!(
        study
            .bundle(&info("new"))
            .unwrap_err()
            .to_string()
            .contains("can only be read")
    );
    drop(study.daily_backup(0).unwrap());
}

/// Kills a child that does something, at a random moment, and looks at what it left.
fn kill(what: &str, folder: &Path, prepare: impl Fn(), check: impl Fn()) {
    let mut finished = 0;
    // In microseconds. On a machine that does much else a child takes longer to get anywhere.
    let mut latest = 60_000;
    for _ in 0..KILLS {
        prepare();
        let _none = fs::remove_file(folder.join("told")); // the last one's
        let mut child: Child = command(what, folder).spawn().unwrap();
        let ready = folder.join("ready");
        while !ready.exists() {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the child ended by itself"
            );
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(rand::rng().random_range(0..latest)));
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(ready).unwrap();
        finished += told(folder).len();
        if finished == 0 {
            latest = (2 * latest).min(2_000_000);
        }
        check();
    }
    assert!(finished > 0, "no child got as far as to finish anything");
}

fn sound(path: &Path) -> Study {
    let study = Study::open(path).unwrap();
    let health: String = study.one("PRAGMA integrity_check", []).unwrap();
    assert_eq!(health, "ok");
    let broken: i64 = study
        .one("SELECT count(*) FROM pragma_foreign_key_check", [])
        .unwrap();
    assert_eq!(broken, 0);
    study
}

#[test]
fn killed_while_rows_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    kill(
        "add",
        folder.path(),
        || {},
        || {
            let study = sound(&path);
            for uid in told(folder.path()).iter().flat_map(|line| line.split(' ')) {
                let uid = Uid::parse(uid).unwrap();
                assert!(
                    study.answer_of(&uid).unwrap().is_some(),
                    "{uid} was told written"
                );
            }
            study.each_answer(|_whole| Ok(())).unwrap();
            while study.undo().unwrap().is_some() {}
            assert_eq!(
                study.state(&Target::Note(Uid(vec![1; 16]))).unwrap().value,
                None
            );
            study.connection.execute_batch("DELETE FROM op").unwrap();
        },
    );
    assert!(Study::open(&path).unwrap().count("generation").unwrap() > 0);
}

fn filled(path: &Path, prefix: &str, answers: usize) {
    let study = Study::open(path).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let runs: Vec<_> = (0..answers)
        .map(|n| run(&format!("{prefix}{n}"), 0.5, "x"))
        .collect();
    let new: Vec<_> = runs.iter().map(|run| answer(run, number)).collect();
    study.add(&new).unwrap();
}

#[test]
fn killed_while_studies_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    filled(&at("base.study"), "a", 100);
    filled(&at("b.study"), "b", 400);
    let before = fs::read(at("b.study")).unwrap();
    kill(
        "merge",
        folder.path(),
        || {
            for ending in ["", "-wal", "-shm"] {
                let _gone = fs::remove_file(open::beside(&at("a.study"), ending));
            }
        },
        || {
            // Between two merges there is none, or the copy is not whole.
            let whole = fs::metadata(at("a.study"))
                .is_ok_and(|a| a.len() >= fs::metadata(at("base.study")).unwrap().len());
            if whole {
                let found = sound(&at("a.study")).count("generation").unwrap();
                assert!([100, 500].contains(&found), "{found}");
            }
            assert_eq!(sound(&at("b.study")).count("generation").unwrap(), 400);
        },
    );
    assert_eq!(fs::read(at("b.study")).unwrap(), before);
}

#[test]
fn killed_while_stores_of_rows_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(folder.path().join("old.db")).unwrap();
    old.execute_batch(include_str!("row_store.sql")).unwrap();
    old.execute_batch("WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 300)
        INSERT INTO rows (key, sweep, point_index, prompt_index, point, prompt, sampling, text, tokens, finish, scores, gates_mean, first_token_seconds, seconds)
        SELECT 'k' || n, 1, n, 0, point, prompt, sampling, text, tokens, finish, scores, gates_mean, 1, 1 FROM rows JOIN n WHERE rows.id = 1").unwrap();
    let rows: i64 = old
        .query_row("SELECT count(*) FROM rows", [], |row| row.get(0))
        .unwrap();
    drop(old);
    kill(
        "convert",
        folder.path(),
        || {},
        || {
            let done = told(folder.path()).len();
            // The one that was told, and the one that was under way: it may be a copy that is not whole.
            let last = folder.path().join(format!("{done}.db"));
            let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
            let whole = size(&last) >= size(&folder.path().join("old.db"));
            let numbers = done.saturating_sub(1)..done + usize::from(whole);
            for path in numbers.map(|n| folder.path().join(format!("{n}.db"))) {
                assert_eq!(
                    sound(&path).count("generation").unwrap() as i64,
                    rows,
                    "{}",
                    path.display()
                );
            }
            for entry in fs::read_dir(folder.path()).unwrap() {
                let path = entry.unwrap().path();
                if !path.ends_with("old.db") {
                    fs::remove_file(path).unwrap();
                }
            }
        },
    );
}

#[test]
fn killed_while_studies_are_made() {
    let folder = tempfile::tempdir().unwrap();
    kill(
        "make",
        folder.path(),
        || {},
        || {
            let done = told(folder.path()).len();
            for n in done.saturating_sub(1)..=done {
                let study = sound(&folder.path().join(format!("{n}.study")));
                assert!(n == done || study.count("bundle").unwrap() == 1);
            }
            for entry in fs::read_dir(folder.path()).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        },
    );
}

#[test]
fn two_processes_with_two_threads_each_write_all_of_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<Child> = (0..2)
        .map(|_| command("several", folder.path()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let study = sound(&folder.path().join("a.study"));
    let told = told(folder.path());
    let uids: Vec<&str> = told.iter().flat_map(|line| line.split(' ')).collect();
    assert!(uids.len() >= 4 * 30);
    assert_eq!(study.count("generation").unwrap(), uids.len());
    assert_eq!(study.count("score").unwrap(), uids.len());
}

#[test]
fn two_processes_that_claim_make_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    drop(Study::open(&folder.path().join("a.study")).unwrap());
    let children: Vec<Child> = (0..2)
        .map(|_| command("claim", folder.path()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut made = told(folder.path());
    made.sort();
    let count = made.len();
    made.dedup();
    assert_eq!((count, made.len()), (60, 60), "each once");
    let study = sound(&folder.path().join("a.study"));
    assert_eq!(
        (
            study.count("generation").unwrap(),
            study.count("claim").unwrap()
        ),
        (60, 0)
    );
}

/// A file that may not grow: what a full disk is to a program, but for the number of the error.
#[cfg(unix)]
#[test]
fn a_disk_that_refuses_loses_no_row_that_was_told_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    // The signal that a program gets there would end it.
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap());
    prepare(&mut command, "add", folder.path());
    assert!(command.status().unwrap().success());
    let mut told = told(folder.path());
    let last = told.pop().unwrap();
    assert!(
        last.contains("every row up to here is safe")
            || last.contains("every row up to there is safe"),
        "{last}"
    );
    let study = sound(&folder.path().join("a.study"));
    for uid in told.iter().flat_map(|line| line.split(' ')) {
        assert!(
            study
                .answer_of(&Uid::parse(uid).unwrap())
                .unwrap()
                .is_some(),
            "{uid} was told written"
        );
    }
    study.bundle(&info("with room again")).unwrap();
}

#[test]
fn a_full_disk_takes_back_what_was_to_be_written_together_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let study = Study::open(&folder.path().join("a.study")).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let pages: i64 = study
        .one("SELECT page_count FROM pragma_page_count", [])
        .unwrap();
    study
        .connection
        .query_row(
            &format!("PRAGMA max_page_count = {}", pages + 3),
            [],
            |_row| Ok(()),
        )
        .unwrap();
    let big: Vec<_> = (0..4)
        .map(|n| run(&n.to_string(), 0.5, &"x".repeat(9000)))
        .collect();
    let refused = study.together(|| {
        big.iter()
            .map(|run| study.add(&[answer(run, number)]).map_err(|e| e.to_string()))
            .collect::<Vec<_>>()
    });
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("taken back"), "{words}");
    assert_eq!(study.count("generation").unwrap(), 0);
    let refused = study
        .add(&[answer(&big[0], number), answer(&big[1], number)])
        .unwrap_err()
        .to_string();
    assert!(refused.contains("the disk is full"), "{refused}");
    study
        .connection
        .query_row("PRAGMA max_page_count = 100000", [], |_row| Ok(()))
        .unwrap();
    study.add(&[answer(&big[0], number)]).unwrap();
}

#[test]
fn a_file_that_is_locked_is_waited_for_and_then_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.study");
    let study = Study::open(&path).unwrap();
    study.set_patience(Duration::from_millis(30)).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let refused = study.bundle(&info("demo")).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("another program has been writing"),
        "{refused}"
    );
    assert!(matches!(refused, crate::Error::Study { input: false, .. }));
    assert!(
        study.history(&Filter::default()).unwrap().is_empty(),
        "who reads is not held up"
    );
    other.execute_batch("ROLLBACK").unwrap();
    study.bundle(&info("demo")).unwrap();
    // Whom a write waits for may end in time.
    study.set_patience(Duration::from_mins(1)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            other.execute_batch("ROLLBACK").unwrap();
            other
        });
        study.bundle(&info("in time")).unwrap();
        waiting.join().unwrap();
    });
    assert_eq!(study.count("bundle").unwrap(), 2);
}

/// With and without a log beside the file, as somebody who may write neither file nor folder.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_read_and_left_as_it_is() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    let outer = tempfile::tempdir().unwrap();
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(outer.path(), 0o755);
    let folder = outer.path().join("only read");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("a.study");
    filled(&path, "a", 1);
    // Another program is at it, and its last row is in the log alone.
    let study = Study::open(&path).unwrap();
    let number = study.bundle(&info("demo")).unwrap();
    let last = run("last", 0.5, "x");
    study.add(&[answer(&last, number)]).unwrap();
    let program: PathBuf = outer.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    mode(&program, 0o755);
    let files = || -> Vec<(PathBuf, Vec<u8>)> {
        let mut found: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        found.sort();
        found
            .into_iter()
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    let look = |expected: usize| {
        for (path, _bytes) in files() {
            mode(&path, 0o444);
        }
        mode(&folder, 0o555);
        let before = files();
        assert_eq!(before.len(), expected);
        let mut command = Command::new(&program);
        prepare(&mut command, "look", &folder);
        // No right is withheld from root: it looks as nobody does.
        if fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0) {
            command.uid(65534).gid(65534);
        }
        assert!(command.status().unwrap().success());
        assert_eq!(files(), before);
        mode(&folder, 0o755);
        for (path, _bytes) in files() {
            mode(&path, 0o644);
        }
    };
    look(3);
    drop(study);
    look(1);
}
