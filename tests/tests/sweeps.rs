//! Which prompts a sweep takes, and how often they count.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use paretoscope_tests::{Fixture, Outcome, engine};
use serde_json::Value;

const PROMPTS: &str = r#"{"prompt": "a", "split": "train"}
{"prompt": "b", "split": "test"}
{"prompt": "b", "split": "test"}
{"prompt": "b", "split": "test"}
{"prompt": "c", "split": "test"}
"#;

fn sweep(fixture: &Fixture, prompts: &str, more: &[&str]) -> Outcome {
    fixture.write("set.jsonl", prompts);
    let folder = fixture.path().to_string_lossy();
    let line = format!(
        "sweep --bundle {folder} --prompts {folder}/set.jsonl --grid simplex:1 --max-tokens 4 --out {folder}/run.db"
    );
    engine(line.split(' ').chain(more.iter().copied()))
}

fn means(outcome: &Outcome) -> Vec<(f64, u64)> {
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let first = |line: Value| {
        let scores = line["scores"].as_object().expect("scores").clone();
        let summary = scores.values().next().expect("an objective").clone();
        (
            summary["mean"].as_f64().expect("a mean"),
            summary["n"].as_u64().expect("a count"),
        )
    };
    outcome.lines().into_iter().map(first).collect()
}

#[test]
fn equal_prompts_count_as_often_as_they_stand_and_run_once() {
    let fixture = Fixture::new();
    let all = means(&sweep(&fixture, PROMPTS, &[]));
    let database = rusqlite::Connection::open(fixture.join("run.db")).expect("a database");
    let rows: i64 = database
        .query_row("SELECT count(*) FROM sweep_row", [], |row| row.get(0))
        .expect("rows");
    assert_eq!(rows, 3 * all.len() as i64);
    let alone = |name: &str| {
        means(&sweep(
            &fixture,
            &format!("{{\"prompt\": \"{name}\"}}\n"),
            &[],
        ))
    };
    let (a, b, c) = (alone("a"), alone("b"), alone("c"));
    for (i, (mean, n)) in all.iter().enumerate() {
        assert_eq!(*n, 5);
        let right = (a[i].0 + 3.0 * b[i].0 + c[i].0) / 5.0;
        assert!((mean - right).abs() < 1e-9, "{mean} {right}");
    }
}

#[test]
fn a_split_takes_its_part() {
    let fixture = Fixture::new();
    let test = means(&sweep(&fixture, PROMPTS, &["--split", "test"]));
    assert!(test.iter().all(|(_, n)| *n == 4));
    let none = sweep(&fixture, PROMPTS, &["--split", "validation"]);
    assert_eq!(none.status, Some(2));
    assert!(
        none.stderr.contains("none of the 5 prompts"),
        "{}",
        none.stderr
    );
    let wrong = sweep(&fixture, PROMPTS, &["--split", "dev"]);
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.stderr.contains("validation"), "{}", wrong.stderr);
}

/// A name that is shown never steers the terminal, and an error is short, however long what it quotes.
#[test]
fn escapes_are_spelled_out_and_long_quotes_cut() {
    let fixture = Fixture::new();
    let prompts = format!(
        "{{\"prompt\": \"a\", \"\\u001b[2J\\u009b{}\": 1}}\n",
        "x".repeat(100_000)
    );
    let outcome = sweep(&fixture, &prompts, &[]);
    assert_eq!(outcome.status, Some(2));
    assert!(!outcome.stderr.contains('\u{1b}') && !outcome.stderr.contains('\u{9b}'));
    assert!(
        outcome.stderr.len() < 4_000,
        "{} bytes",
        outcome.stderr.len()
    );
}

/// Where a router has a share its votes count, token by token, and not only the static coefficients beside it.
#[test]
fn the_mean_gate_of_a_row_counts_what_routers_vote() {
    let fixture = Fixture::new();
    let line = format!(
        "sweep --bundle {0} --prompts {0}/prompts.jsonl --grid simplex:0.25 --max-tokens 4 --out {0}/run.db",
        fixture.path().to_string_lossy()
    );
    let outcome = engine(line.split(' '));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let database = rusqlite::Connection::open(fixture.join("run.db")).expect("a database");
    let mut query = database
        .prepare("SELECT g.mean FROM sweep_row r JOIN generation g ON g.id = r.generation")
        .expect("the rows of the sweep");
    let rows = query
        .query_map([], |row| row.get::<_, Vec<u8>>(0))
        .expect("rows")
        .map(|mean| {
            let mean = mean.expect("a row");
            let (gates, _) = mean.as_chunks::<4>();
            gates
                .iter()
                .map(|gate| f64::from(f32::from_le_bytes(*gate)))
                .collect()
        });
    let rows: Vec<Vec<f64>> = rows.collect();
    assert_eq!(rows.len(), 15 * 3);
    for gates in rows {
        // The votes of a softmax sum to 1, and so do shares.
        assert!((gates.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{gates:?}");
    }
}
