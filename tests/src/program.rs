//! The engine's command-line program, built once and run as anybody would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::Fixture;

/// What a run of the program left.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Standard output as JSON Lines.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON Lines on standard output"))
            .collect()
    }
}

/// Where the program is: what `PARETOSCOPE_ENGINE` names, else the one beside this very test.
///
/// A test package cannot name another package's program, but the engine's own `program` test makes
/// cargo build it, with the same features as all other tests; after `cargo test --workspace` it is
/// there already, else it is built now.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("PARETOSCOPE_ENGINE") {
            return given.into();
        }
        let test = std::env::current_exe().expect("this test's own path");
        // <target>/<profile>/deps/<test>
        let profile = test
            .ancestors()
            .nth(2)
            .expect("a test lies in target/<profile>/deps");
        let target = profile
            .parent()
            .expect("a profile's folder lies in the target folder");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build
            .args([
                "test",
                "--quiet",
                "--workspace",
                "--test",
                "program",
                "--no-run",
                "--target-dir",
            ])
            .arg(target);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo");
        assert!(
            built.status.success(),
            "the program does not build: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        profile.join(format!(
            "paretoscope-engine{}",
            std::env::consts::EXE_SUFFIX
        ))
    })
}

/// Runs the program with these arguments.
pub fn engine<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Outcome {
    let output = Command::new(program())
        .args(arguments)
        .output()
        .expect("the program runs");
    Outcome {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Fixture {
    /// Runs the program with the words of a line; `{}` in a word is the fixture's folder.
    pub fn run(&self, line: &str) -> Outcome {
        let folder = self.path().to_string_lossy();
        engine(
            line.split_whitespace()
                .map(|word| word.replace("{}", &folder)),
        )
    }

    /// Runs the program, which must succeed.
    pub fn done(&self, line: &str) -> Outcome {
        let outcome = self.run(line);
        assert_eq!(outcome.status, Some(0), "{line}: {}", outcome.stderr);
        outcome
    }

    /// Runs the program, which must refuse its input with these words.
    pub fn refused(&self, line: &str, words: &[&str]) {
        let outcome = self.run(line);
        assert_eq!(outcome.status, Some(2), "{line}: {}", outcome.stderr);
        for word in words {
            assert!(
                outcome.stderr.contains(word),
                "{line}: `{word}` is not in {}",
                outcome.stderr
            );
        }
    }
}
