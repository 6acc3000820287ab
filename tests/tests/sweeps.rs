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

/// Points that a person lists come in their order, with their names.
#[test]
fn a_list_of_points_takes_the_place_of_a_grid() {
    let fixture = Fixture::new();
    fixture.write("set.jsonl", PROMPTS);
    let folder = fixture.path().to_string_lossy();
    let sweep = |points: &str, more: &str| {
        let line = format!(
            "sweep --bundle {folder} --prompts {folder}/set.jsonl --points {points} --max-tokens 4 --out {folder}/run.db{more}"
        );
        engine(line.split(' '))
    };
    let file = format!("{folder}/points.jsonl");
    fixture.write(
        "points.jsonl",
        "{\"preference\": [1, 1, 2], \"name\": \"mine\"}\n\n{\"preference\": [1, 0, 0]}\n",
    );
    let done = sweep(&file, "");
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let lines = done.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["point"], serde_json::json!([0.25, 0.25, 0.5]));
    assert_eq!(lines[0]["name"], "mine");
    assert!(lines[1].get("name").is_none());
    let named = sweep("hoe-13", "");
    assert_eq!(named.lines().len(), 13, "{}", named.stderr);
    for (points, more, want) in [
        (file.as_str(), " --grid simplex:1", "both"),
        (&file, " --method mva", "point 1 (`mine`) gives preferences"),
        ("hoe-11", "", "for 2 objectives, the bundle has 3"),
        ("hoe-12", "", "neither a file nor one of the sets"),
    ] {
        let refused = sweep(points, more);
        assert_eq!(refused.status, Some(2), "{points}{more}");
        assert!(refused.stderr.contains(want), "{}", refused.stderr);
    }
    fixture.write(
        "points.jsonl",
        "{\"preference\": [1, 1, 1]}\n{\"preference\": [1, 1]}\n",
    );
    let refused = sweep(&file, "");
    assert!(
        refused
            .stderr
            .contains("point 2: 2 numbers given, 3 needed"),
        "{}",
        refused.stderr
    );
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

#[test]
fn what_a_file_says_its_prompts_are_about_goes_into_the_study() {
    let fixture = Fixture::new();
    let prompts = r#"{"prompt": "a", "group": "kettle"}
{"prompt": "b", "topic": "kettle", "split": "test"}
{"prompt": "c"}
"#;
    let topics = || -> Vec<(Option<String>, Option<String>)> {
        let database = rusqlite::Connection::open(fixture.join("run.db")).expect("a database");
        let mut query = database
            .prepare("SELECT topic, split FROM prompt ORDER BY body")
            .expect("prompts");
        let rows = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("rows");
        rows.collect::<Result<_, _>>().expect("rows")
    };
    means(&sweep(&fixture, prompts, &[]));
    let found = topics();
    let of = |n: usize| found[n].0.as_deref();
    assert_eq!(
        [of(0), of(1), of(2)],
        [Some("kettle"), Some("kettle"), None]
    );
    assert_eq!(found[1].1.as_deref(), Some("test"), "its own label wins");
    // Another file disagrees: the first stays, and what it left out is noted.
    let others = prompts
        .replace("kettle", "stove")
        .replace("\"c\"", "\"c\", \"group\": \"moon\"");
    means(&sweep(&fixture, &others, &[]));
    let found = topics();
    let of = |n: usize| found[n].0.as_deref();
    assert_eq!(
        [of(0), of(1), of(2)],
        [Some("kettle"), Some("kettle"), Some("moon")]
    );
}
