//! A sound bundle, and requests that are wrong in one way each; stores that are wrong; disks that are full.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::ffi::OsString;

use paretoscope_tests::{Fixture, Outcome, engine};

fn run(fixture: &Fixture, arguments: &[&str]) -> Outcome {
    let folder = fixture.path().to_string_lossy();
    engine(
        arguments
            .iter()
            .map(|argument| OsString::from(argument.replace("{}", &folder))),
    )
}

/// One error that holds these words, nothing else, no file.
fn refused(fixture: &Fixture, arguments: &[&str], words: &[&str]) {
    let before = fixture.state();
    let outcome = run(fixture, arguments);
    let context = format!(
        "{arguments:?}: status {:?}, {}",
        outcome.status, outcome.stderr
    );
    assert_eq!(outcome.status, Some(2), "{context}");
    assert!(outcome.stdout.is_empty(), "{context} {}", outcome.stdout);
    let errors: Vec<&str> = outcome
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{context}");
    for word in words {
        assert!(errors[0].contains(word), "{context} lacks `{word}`");
    }
    assert!(before == fixture.state(), "{context}: a file changed");
    assert!(!fixture.out("F").exists(), "{context}: wrote a file");
}

#[test]
fn bad_prompts_and_points_are_refused() {
    let fixture = Fixture::new();
    let long = vec!["5"; 97].join(",");
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--preference", "1,0,0", "--tokens", "3,272"],
            &["token 2", "272"],
        ),
        (&["--preference", "1,0,0", "--tokens", "3,-1"], &["-1"]),
        (&["--preference", "1,0,0", "--tokens", "3,x"], &["x"]),
        (&["--preference", "1,0,0", "--tokens", ""], &["empty"]),
        (&["--preference", "1,0,0", "--prompt", ""], &["empty"]),
        (&["--preference", "1,0,0", "--chat", ""], &["empty"]),
        (&["--preference", "1,0,0", "--tokens", &long], &["97", "96"]),
        (
            &["--preference", "1,0", "--tokens", "3"],
            &["--preference", "2", "3"],
        ),
        (
            &["--preference", "1,0,-1", "--tokens", "3"],
            &["--preference", "-1"],
        ),
        (
            &["--preference", "nan,0,1", "--tokens", "3"],
            &["--preference", "NaN"],
        ),
        (
            &["--preference", "0,0,0", "--tokens", "3"],
            &["--preference", "zero"],
        ),
        (
            &["--weights", "1,1", "--tokens", "3"],
            &["--weights", "2", "3"],
        ),
        (
            &["--weights", "1,1,-0.1", "--tokens", "3"],
            &["--weights", "-0.1"],
        ),
        (
            &["--weights", "1,1,inf", "--tokens", "3"],
            &["--weights", "inf"],
        ),
    ];
    for (options, words) in cases {
        let logits = [&["logits", "--bundle", "{}", "--out", "{}/out/F"], *options].concat();
        refused(&fixture, &logits, words);
        let generate = [
            &["generate", "--bundle", "{}", "--max-tokens", "2"],
            *options,
        ]
        .concat();
        refused(&fixture, &generate, words);
    }
    refused(
        &fixture,
        &[
            "generate",
            "--bundle",
            "{}/none",
            "--preference",
            "1,0,0",
            "--tokens",
            "3",
        ],
        &["none"],
    );
    refused(
        &fixture,
        &[
            "logits",
            "--bundle",
            "{}",
            "--preference",
            "1,0,0",
            "--tokens",
            "3",
            "--out",
            "{}/none/F",
        ],
        &["none/F"],
    );
    refused(
        &fixture,
        &[
            "logits",
            "--bundle",
            "{}",
            "--preference",
            "1,0,0",
            "--tokens",
            "3",
            "--out",
            "{}/out",
        ],
        &["out"],
    );
}

#[test]
fn text_without_a_tokenizer_is_refused_and_ids_are_not() {
    let fixture = Fixture::new();
    fixture.remove("base/tokenizer.json");
    let generate = |prompt: [&'static str; 2]| {
        [
            &[
                "generate",
                "--bundle",
                "{}",
                "--preference",
                "1,0,0",
                "--max-tokens",
                "2",
            ],
            &prompt[..],
        ]
        .concat()
    };
    refused(&fixture, &generate(["--prompt", "a"]), &["tokenizer.json"]);
    let outcome = run(&fixture, &generate(["--tokens", "5,6"]));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
}

#[test]
fn bad_texts_to_score_are_refused() {
    let fixture = Fixture::new();
    let score =
        |options: &[&'static str]| [&["score", "--reward", "{}/rewards/helpful"], options].concat();
    refused(
        &fixture,
        &score(&["--tokens", "3,272"]),
        &["token 2", "272"],
    );
    refused(
        &fixture,
        &score(&["--tokens", "3", "--output", "1"]),
        &["output", "1"],
    );
    refused(&fixture, &score(&["--prompt", "a"]), &["--response"]);
    refused(
        &fixture,
        &score(&["--response", "a", "--template", "x"]),
        &["{response}"],
    );
    refused(
        &fixture,
        &score(&["--input", "{}/none.jsonl"]),
        &["none.jsonl"],
    );
    let good = "{\"tokens\": [3]}\n";
    for (bad, words) in [
        ("{\"tokens\": [3, 999]}", "999"),
        ("{\"tokens\": []}", "tokens"),
        ("{\"tokens\": [3], \"prompt\": \"a\"}", "expected"),
        ("{\"prompt\": \"a\"}", "expected"),
        ("{\"answer\": \"a\"}", "`answer` is not known"),
        (
            "{\"promt\": \"a\", \"response\": \"b\"}",
            "did you mean `prompt`",
        ),
        (
            "{\"system\": \"a\", \"response\": \"b\"}",
            "`system` stands beside `chat`",
        ),
        (
            "{\"prompt\": \"a\", \"chat\": \"a\", \"response\": \"b\"}",
            "expected",
        ),
        (
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}",
            "assistant's answer",
        ),
        (
            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"name\": \"b\"}], \"response\": \"c\"}",
            "unknown field `name`",
        ),
        ("{\"tokens\": [3]", "EOF"),
        ("\"a\"", "string"),
    ] {
        fixture.write("texts.jsonl", format!("{good}\n{bad}\n{good}"));
        refused(
            &fixture,
            &score(&["--input", "{}/texts.jsonl"]),
            &["texts.jsonl", "line 3", words],
        );
    }
}

const SWEEP: [&str; 9] = [
    "sweep",
    "--bundle",
    "{}",
    "--prompts",
    "{}/prompts.jsonl",
    "--max-tokens",
    "2",
    "--grid",
    "simplex:1",
];

fn sweep(out: &'static str) -> Vec<&'static str> {
    [&SWEEP[..], &["--out", out]].concat()
}

#[test]
fn bad_sweeps_are_refused() {
    let fixture = Fixture::new();
    let grid = |grid| {
        [
            "sweep",
            "--bundle",
            "{}",
            "--prompts",
            "{}/prompts.jsonl",
            "--out",
            "{}/out/F",
            "--grid",
            grid,
        ]
    };
    for (wrong, words) in [
        ("simplex:0", "0"),
        ("simplex:-1", "-1"),
        ("simplex:x", "x"),
        ("box:1", "box"),
        ("box:-1:1", "-1"),
        ("cube:1:1", "cube"),
    ] {
        refused(&fixture, &grid(wrong), &["grid", words]);
    }
    refused(
        &fixture,
        &[&grid("simplex:1")[..], &["--method", "mva"]].concat(),
        &["--method"],
    );
    let prompts = |path| {
        [
            "sweep",
            "--bundle",
            "{}",
            "--grid",
            "simplex:1",
            "--out",
            "{}/out/F",
            "--prompts",
            path,
        ]
    };
    fixture.write("bad.jsonl", "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"\n");
    refused(&fixture, &prompts("{}/bad.jsonl"), &["bad.jsonl", "line 2"]);
    fixture.write(
        "long.jsonl",
        format!(
            "{{\"prompt\": \"a\"}}\n{{\"prompt\": \"{}\"}}\n",
            "z".repeat(120)
        ),
    );
    refused(&fixture, &prompts("{}/long.jsonl"), &["96"]);
    refused(&fixture, &prompts("{}/none.jsonl"), &["none.jsonl"]);
}

#[test]
fn stores_that_are_not_ours_are_refused_and_kept() {
    let fixture = Fixture::new();
    let done = run(&fixture, &sweep("{}/run.db"));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let good = fixture.read("run.db");

    let later = rusqlite::Connection::open(fixture.join("run.db")).expect("a store");
    later
        .execute_batch(
            "PRAGMA user_version = 99; UPDATE meta SET value = '99' WHERE name = 'min_reader'",
        )
        .expect("a writable study");
    drop(later);
    refused(&fixture, &sweep("{}/run.db"), &["run.db", "99"]);

    fixture.write(
        "run.db",
        "this is a text and no store at all, however long one looks at it",
    );
    refused(&fixture, &sweep("{}/run.db"), &["run.db"]);

    let mut damaged = good.clone();
    let length = damaged.len();
    damaged[100..length * 3 / 4].fill(0xA5);
    fixture.write("run.db", damaged);
    refused(&fixture, &sweep("{}/run.db"), &["run.db"]);

    let other = rusqlite::Connection::open(fixture.join("other.db")).expect("a database");
    other
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .expect("a writable database");
    drop(other);
    refused(&fixture, &sweep("{}/other.db"), &["other.db"]);

    fixture.write("run.db", good);
    refused(&fixture, &sweep("{}/none/run.db"), &["none"]);
    refused(&fixture, &sweep("{}/out"), &["out"]);
    let again = run(&fixture, &sweep("{}/run.db"));
    assert_eq!(
        (again.status, again.stdout),
        (Some(0), done.stdout),
        "the sound store still serves"
    );
}

/// A disk on which no file can grow beyond a few kilobytes stands in for a full one.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_half_written_file() {
    let fixture = Fixture::new();
    let limited = |arguments: &[&str]| {
        let folder = fixture.path().to_string_lossy();
        let arguments = arguments.iter().map(|a| a.replace("{}", &folder));
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh"])
            .arg(paretoscope_tests::program())
            .args(arguments);
        let output = shell.output().expect("a shell");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let before = fixture.state();
    let (status, stdout, stderr) = limited(&[
        "logits",
        "--bundle",
        "{}",
        "--preference",
        "1,0,0",
        "--tokens",
        "3,4,5",
        "--out",
        "{}/out/F",
    ]);
    assert!(matches!(status, Some(1 | 2)), "{status:?} {stderr}");
    assert!(stdout.is_empty(), "{stdout}");
    assert!(stderr.contains("out/F"), "{stderr}");
    let (status, _, stderr) = limited(&sweep("{}/out/run.db"));
    assert!(matches!(status, Some(1 | 2)), "{status:?} {stderr}");
    assert!(
        stderr.contains("run.db") && !stderr.contains("panicked"),
        "{stderr}"
    );
    assert!(before == fixture.state(), "a file changed");
    assert!(!fixture.out("F").exists(), "half a file was left");
    let parts = std::fs::read_dir(fixture.join("out"))
        .expect("a folder")
        .filter_map(Result::ok);
    assert!(
        parts
            .into_iter()
            .all(|entry| entry.file_name().to_string_lossy().starts_with("run.db")),
        "a part was left behind"
    );
    // With room again, the same command goes on in the same store.
    let outcome = run(&fixture, &sweep("{}/out/run.db"));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.lines().len(), 3);
}
