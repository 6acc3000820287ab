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
    for command in ["route", "score", "pareto"] {
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
