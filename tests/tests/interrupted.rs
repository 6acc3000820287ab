//! Killed for good, or asked to stop by Ctrl-C: merges and long commands go on where they were.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]
#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use paretoscope_tests::{Fixture, program, write_tensors};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

fn command(fixture: &Fixture, words: &str) -> Command {
    let folder = fixture.path().to_string_lossy();
    let mut command = Command::new(program());
    command
        .args(
            words
                .split_whitespace()
                .map(|word| word.replace("{}", &folder)),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn done(mut command: Command) -> Output {
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}

/// Starts a command, sends SIGINT once `ready`, and returns what it said; it must end with status 1 and
/// one line about that.
fn interrupted(mut command: Command, ready: impl Fn() -> bool) -> String {
    let mut child = command.spawn().expect("the program runs");
    let begun = Instant::now();
    while !ready() {
        let over = child.try_wait().expect("a status");
        assert!(over.is_none(), "it ended before it could be interrupted");
        assert!(begun.elapsed() < Duration::from_mins(2), "never ready");
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("cancelled"), "{said}");
    lines[0].to_owned()
}

fn signal(child: &Child, which: &str) {
    let sent = Command::new("kill")
        .args([which, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

/// Three files of task vectors, large enough that a merge takes a while.
fn vectors(fixture: &Fixture) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for source in 0..3 {
        let tensors = (0..12).map(|i| {
            let values = (0..256 * 256)
                .map(|_| rng.random_range(-0.1f32..0.1))
                .collect();
            (format!("layers.{i:02}.weight"), (vec![256, 256], values))
        });
        let path = fixture.join(&format!("vectors-{source}.safetensors"));
        write_tensors(&path, &tensors.collect());
    }
}

fn merge(fixture: &Fixture, method: &str, out: &str) -> Command {
    let inputs = "--input {}/vectors-0.safetensors --input {}/vectors-1.safetensors --input {}/vectors-2.safetensors";
    let words = format!("merge --method {method} {inputs} --weights 0.2,0.3,0.5 --out {{}}/{out}");
    command(fixture, &words)
}

#[test]
fn a_merge_killed_at_any_moment_ends_in_the_same_bytes() {
    let fixture = Fixture::new();
    vectors(&fixture);
    let begun = Instant::now();
    done(merge(&fixture, "pcb", "whole.safetensors"));
    let took = begun.elapsed().as_secs_f64();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let out = fixture.join("killed.safetensors");
    for _ in 0..8 {
        let mut child = merge(&fixture, "pcb", "killed.safetensors")
            .spawn()
            .expect("runs");
        std::thread::sleep(Duration::from_secs_f64(took * rng.random_range(0.0..1.0)));
        child.kill().expect("killed, or over already");
        child.wait().expect("it ends");
    }
    done(merge(&fixture, "pcb", "killed.safetensors"));
    let whole = std::fs::read(fixture.join("whole.safetensors")).expect("a file");
    assert!(std::fs::read(&out).expect("a file") == whole, "other bytes");
    assert!(!fixture.join("killed.safetensors.partial").exists());
}

#[test]
fn ctrl_c_stops_a_merge_which_then_goes_on() {
    let fixture = Fixture::new();
    vectors(&fixture);
    let partial = fixture.join("stopped.safetensors.partial");
    let line = interrupted(merge(&fixture, "pcb", "stopped.safetensors"), || {
        partial.exists()
    });
    assert!(line.contains("the same command goes on"), "{line}");
    assert!(!fixture.join("stopped.safetensors").exists() && partial.exists());
    done(merge(&fixture, "pcb", "stopped.safetensors"));
    done(merge(&fixture, "pcb", "whole.safetensors"));
    let read = |name: &str| std::fs::read(fixture.join(name)).expect("a file");
    assert!(
        read("stopped.safetensors") == read("whole.safetensors"),
        "other bytes"
    );
}

fn rows(store: &Path) -> i64 {
    let Ok(database) = rusqlite::Connection::open(store) else {
        return 0;
    };
    let count = "SELECT count(*) FROM sweep_row";
    database.query_row(count, [], |row| row.get(0)).unwrap_or(0)
}

#[test]
fn ctrl_c_stops_a_sweep_which_then_goes_on() {
    let fixture = Fixture::new();
    let sweep = |fixture: &Fixture| {
        let words = "sweep --grid simplex:0.1 --max-tokens 24 --slots 4 --bundle {} --prompts {}/prompts.jsonl --out {}/run.db";
        command(fixture, words)
    };
    let store = fixture.join("run.db");
    let line = interrupted(sweep(&fixture), || store.exists() && rows(&store) > 0);
    assert!(line.contains("the same command goes on"), "{line}");
    let kept = rows(&store);
    assert!(kept > 0 && kept < 66 * 3, "{kept}");
    let output = done(sweep(&fixture));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 66);
    assert_eq!(rows(&store), 66 * 3);
}

#[test]
fn ctrl_c_leaves_a_checkpoint_from_which_training_goes_on() {
    let fixture = Fixture::new();
    let line = "{\"prompt\": \"What is it?\", \"response\": \"It is this and that.\"}\n";
    fixture.write("sft.jsonl", line.repeat(8));
    let train = |more: &str| {
        let words = format!(
            "train sft --base {{}}/base --data {{}}/sft.jsonl --out {{}}/trained --steps 400 --batch-tokens 256 {more}"
        );
        command(&fixture, &words)
    };
    let metrics = fixture.join("trained/metrics.jsonl");
    let line = interrupted(train(""), || {
        std::fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 3)
    });
    assert!(line.contains("--resume"), "{line}");
    let done_before = std::fs::read_to_string(&metrics)
        .expect("metrics")
        .lines()
        .count();
    assert!(done_before < 400, "{done_before}");
    let output = done(train("--resume"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(report["steps"], 400);
    let last = done_before.to_string();
    let begun = std::fs::read_to_string(&metrics).expect("metrics");
    assert_eq!(
        begun.lines().count(),
        400,
        "no step was done twice after {last}"
    );
}
