//! The program itself: help, version, and what it says of a wrong command line.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_paretoscope-engine"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = run(&["--help"]);
    assert!(help.status.success() && help.stderr.is_empty());
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for command in ["route", "score", "pareto", "stats"] {
        assert!(
            help.lines()
                .any(|line| line.trim_start().starts_with(command)),
            "{help} lacks {command}"
        );
    }
    let version = run(&["--version"]);
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_is_one_line_and_status_2() {
    for wrong in [
        &["fly"][..],
        &["route"],
        &["score", "--reward"],
        &[
            "pareto",
            "--input",
            "x",
            "--dtype",
            "f8",
            "--reference",
            "0",
        ],
        &[],
    ] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty(), "{wrong:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.lines().count(), 1, "{wrong:?}: {said}");
        assert!(said.starts_with("error: "), "{wrong:?}: {said}");
    }
}

/// The votes of a file, their worked numbers, and what is refused.
#[test]
fn votes_are_summed_up_and_bad_ones_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("votes.jsonl");
    let mut lines = String::new();
    let mut item = 0;
    let mut vote = |left: &str, right: &str, choice: &str, count: usize| {
        for _ in 0..count {
            item += 1;
            lines.push_str(&format!(
                "{{\"item\": {item}, \"annotator\": \"A\", \"objective\": \"humor\", \"left\": \"{left}\", \"right\": \"{right}\", \"choice\": \"{choice}\"}}\n"
            ));
        }
    };
    for (left, right, [wins, losses, ties]) in [
        ("1", "2", [12, 6, 2]),
        ("1", "3", [15, 3, 2]),
        ("2", "3", [10, 6, 4]),
    ] {
        vote(left, right, "left", wins);
        vote(left, right, "right", losses);
        vote(left, right, "tie", ties);
    }
    let stats = |text: &str| {
        std::fs::write(&path, text).expect("a file");
        let path = path.to_str().expect("a path");
        run(&["stats", "--draws", "50", "--votes", path])
    };
    let done = stats(&lines);
    assert!(done.status.success());
    let said: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let humor = &said["humor"];
    assert_eq!(
        (humor["n"].as_u64(), humor["ties"].as_u64()),
        (Some(60), Some(8))
    );
    let theta = humor["davidson"]["theta"]["1"]
        .as_f64()
        .expect("a strength");
    assert!((theta - 0.7755).abs() < 1e-4, "{theta}");
    assert_eq!(humor["first_shown"]["wins"].as_u64(), Some(37));
    assert!(humor["kappa"].is_null() && humor["reward_accuracy"].is_null());
    let apart = lines
        .lines()
        .next()
        .expect("a line")
        .replace("\"1\"", "\"8\"")
        .replace("\"2\"", "\"9\"");
    for (text, want) in [
        (
            format!("{lines}{{\"items\": 1}}"),
            "line 61: `items` is not known; did you mean `item`?",
        ),
        (format!("{lines}{apart}"), "{1, 2, 3} and {8, 9}"),
        (String::new(), "holds no votes"),
    ] {
        let refused = stats(&text);
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.stdout.is_empty() && said.contains(want), "{said}");
    }
}
