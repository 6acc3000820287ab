//! Killed at any moment and started again, a sweep loses no finished row and ends as if nothing had happened.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use paretoscope_tests::{Fixture, program};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

fn sweep(fixture: &Fixture, store: &str) -> Command {
    let mut command = Command::new(program());
    command
        .args([
            "sweep",
            "--grid",
            "simplex:0.25",
            "--max-tokens",
            "24",
            "--slots",
            "4",
            "--bundle",
        ])
        .arg(fixture.path())
        .arg("--prompts")
        .arg(fixture.join("prompts.jsonl"))
        .arg("--out")
        .arg(fixture.join(store))
        .stderr(Stdio::null());
    command
}

/// Key → text and scores of every stored row.
fn rows(store: &Path) -> BTreeMap<String, (String, String)> {
    if !store.exists() {
        return BTreeMap::new();
    }
    let database = rusqlite::Connection::open(store).expect("a database");
    let tables: i64 = database
        .query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'generation'",
            [],
            |row| row.get(0),
        )
        .expect("a sound database");
    if tables == 0 {
        return BTreeMap::new();
    }
    let mut query = database
        .prepare(
            "SELECT hex(g.key), g.text, coalesce((SELECT json_group_array(value) FROM (SELECT value FROM score
             WHERE generation = g.id ORDER BY scorer) HAVING count(*) > 0), 'null') FROM generation g",
        )
        .expect("the table of answers");
    let found = query
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
        .expect("rows");
    found.collect::<Result<_, _>>().expect("rows")
}

#[test]
fn a_sweep_killed_at_any_moment_loses_no_finished_row() {
    let fixture = Fixture::new();
    let begun = Instant::now();
    let whole = sweep(&fixture, "whole.db")
        .output()
        .expect("the program runs");
    let took = begun.elapsed();
    assert!(whole.status.success());
    let wanted = rows(&fixture.join("whole.db"));
    assert_eq!(wanted.len(), 15 * 3);

    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut before = BTreeMap::new();
    for _ in 0..20 {
        let stdout = std::fs::File::create(fixture.join("printed")).expect("a writable folder");
        let mut child = sweep(&fixture, "killed.db")
            .stdout(stdout)
            .spawn()
            .expect("the program runs");
        std::thread::sleep(Duration::from_secs_f64(
            took.as_secs_f64() * rng.random_range(0.0..1.0),
        ));
        child.kill().expect("killed, or over already");
        child.wait().expect("it ends");
        let now = rows(&fixture.join("killed.db"));
        for (key, (text, scores)) in &before {
            let (text_now, scores_now) = now.get(key).expect("a finished row is lost");
            assert_eq!(text, text_now, "a finished row is changed");
            // Rows are stored when they end and scored afterwards: scores may come, but never change or go.
            if scores != "null" {
                assert_eq!(scores, scores_now, "a scored row is changed");
            }
        }
        let printed = std::fs::read_to_string(fixture.join("printed")).expect("a file");
        assert!(
            now.len() >= 3 * printed.lines().count(),
            "a point was reported before its rows were stored"
        );
        before = now;
    }
    let last = sweep(&fixture, "killed.db")
        .output()
        .expect("the program runs");
    assert!(last.status.success());
    let end = rows(&fixture.join("killed.db"));
    assert_eq!(end.len(), wanted.len());
    for (key, (text, scores)) in &wanted {
        let (other_text, other_scores) = &end[key];
        assert_eq!(text, other_text, "the end is the same as without any kill");
        // Rows are scored in other company, so the last digit may differ.
        for (a, b) in numbers(scores).iter().zip(numbers(other_scores)) {
            assert!((a - b).abs() <= 1e-4, "{scores}, not {other_scores}");
        }
    }
    let lines = |output: &[u8]| String::from_utf8_lossy(output).lines().count();
    assert_eq!(lines(&last.stdout), lines(&whole.stdout));
}

/// The numbers of a list of scores.
fn numbers(scores: &str) -> Vec<f64> {
    let scores: Vec<serde_json::Value> = serde_json::from_str(scores).expect("a JSON list");
    scores
        .iter()
        .filter_map(serde_json::Value::as_f64)
        .collect()
}
