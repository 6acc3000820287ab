//! A sweep of the command line, looked at while it runs, as the window's thread looks at it.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up should stop at once; what it measures is printed"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use paretoscope_engine::study::Study;
use paretoscope_tests::{Fixture, program};

/// How often the window looks.
const LOOK: Duration = Duration::from_millis(500);
/// Points of the grid, and rows of three prompts at each.
const POINTS: usize = 231;
const ROWS: usize = 3 * POINTS;
/// Far more than the sweep takes.
const SOON: Duration = Duration::from_mins(5);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_millis() as i64
}

/// When each row was written, in milliseconds since 1970, in order.
fn written(study: &std::path::Path) -> Vec<i64> {
    let database = rusqlite::Connection::open(study).expect("a database");
    let mut query = database
        .prepare("SELECT created FROM generation ORDER BY created")
        .expect("the table of answers");
    let found = query.query_map([], |row| row.get(0)).expect("rows");
    found.collect::<Result<_, _>>().expect("rows")
}

#[test]
fn rows_of_a_running_sweep_are_seen_while_it_runs() {
    let fixture = Fixture::new();
    let path = fixture.join("x.study");
    // The window has the study open before the sweep begins.
    let study = Study::open(&path).expect("a study");
    let mut sweep = Command::new(program())
        .args(["sweep", "--grid", "simplex:0.05", "--max-tokens", "40"])
        .args(["--slots", "1", "--bundle"])
        .arg(fixture.path())
        .arg("--prompts")
        .arg(fixture.join("prompts.jsonl"))
        .arg("--out")
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    // When how many rows, and points whose rows are all there, were seen first.
    let mut seen: Vec<(i64, usize, usize)> = Vec::new();
    let begun = Instant::now();
    let mut version = None;
    let ended = loop {
        let ended = sweep.try_wait().expect("a status");
        let found = study.version().expect("a version");
        if version.replace(found) != Some(found)
            && let Some(state) = study.sweeps().expect("sweeps").first()
        {
            let scores = study.sweep_scores(state.id, None).expect("scores");
            let points = scores.summary(None).len();
            let before = seen.last().map_or(0, |(_, rows, _)| *rows);
            if state.done > before {
                seen.push((now(), state.done, points));
            }
        }
        if let Some(status) = ended {
            break status;
        }
        assert!(begun.elapsed() < SOON, "it never ends");
        std::thread::sleep(LOOK);
    };
    assert!(ended.success(), "{ended}");
    let written = written(&path);
    let &(_, rows, points) = seen.last().expect("something was seen");
    assert_eq!((rows, points), (ROWS, POINTS), "all of it at the end");
    let before = seen.iter().filter(|(_, rows, _)| *rows < ROWS);
    assert!(before.count() >= 2, "it grew under our eyes: {seen:?}");
    let late = written.iter().enumerate().map(|(at, created)| {
        let first = seen.iter().find(|(_, rows, _)| *rows > at);
        first.map_or(0, |(seen, ..)| seen - created)
    });
    let late = late.max().unwrap_or_default();
    println!("{rows} rows, each seen within {late} ms of being written");
}
