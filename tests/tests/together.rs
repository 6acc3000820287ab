//! Several programs at one study make each row once, and each ends with all of them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use paretoscope_engine::protocol::{
    EngineCommand, EngineEvent, JobId, SweepGrid, SweepPhase, SweepPlan, SweepProgress,
};
use paretoscope_engine::study::{Makers, Study};
use paretoscope_engine::types::{Prompt, Sampling};
use paretoscope_tests::{Fixture, Front, program};
use serde_json::{Value, json};

/// Far less than claims hold, and far more than anything here takes.
const SOON: Duration = Duration::from_secs(100);

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo")
}

fn sweep(study: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .args(["sweep", "--grid", "simplex:0.25", "--max-tokens", "24"])
        .args(["--slots", "4", "--bundle"])
        .arg(demo())
        .arg("--prompts")
        .arg(demo().join("prompts.jsonl"))
        .arg("--out")
        .arg(study)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(study: &Path) -> Child {
    sweep(study).spawn().expect("the program runs")
}

fn ended(child: Child) -> Output {
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}

/// Of how many rows how many were made by this program, and how many were there.
fn rows(output: &Output) -> (usize, usize, usize) {
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.contains(" rows made here, "));
    let numbers: Vec<usize> = line
        .expect("what was made")
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    (numbers[1], numbers[0], numbers[2])
}

/// Points and scores are alike.
fn assert_alike(one: &Output, two: &Output) {
    let lines = |output: &Output| -> Vec<Value> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = |line: &str| serde_json::from_str(line).expect("JSON");
        text.lines().map(line).collect()
    };
    let (one, two) = (lines(one), lines(two));
    assert_eq!(one.len(), two.len());
    let both = one.iter().zip(&two);
    both.for_each(|(one, two)| paretoscope_tests::assert_alike(one, two));
}

fn answers(study: &Path) -> usize {
    let Ok(Some(study)) = Study::peek(study) else {
        return 0;
    };
    study.info().map_or(0, |info| info.generations)
}

#[test]
fn two_programs_share_the_rows_of_a_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let lone = ended(start(&folder.path().join("lone.study")));
    let (all, made, found) = rows(&lone);
    assert_eq!((made, found), (all, 0));
    let study = folder.path().join("shared.study");
    let (one, two) = (start(&study), start(&study));
    let (one, two) = (ended(one), ended(two));
    assert_eq!(answers(&study), all);
    let ((_, by_one, _), (_, by_two, _)) = (rows(&one), rows(&two));
    assert_eq!(by_one + by_two, all, "each row is made once");
    assert!(by_one > 0 && by_two > 0, "{by_one} {by_two}");
    assert_alike(&one, &lone);
    assert_alike(&two, &lone);
    let claims: i64 = rusqlite::Connection::open(&study)
        .expect("a database")
        .query_row("SELECT count(*) FROM claim", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(claims, 0, "nothing stays claimed");
}

#[test]
fn what_a_killed_program_had_under_way_is_made_by_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let lone = ended(start(&folder.path().join("lone.study")));
    let study = folder.path().join("shared.study");
    let mut killed = start(&study);
    let begun = Instant::now();
    while answers(&study) < 20 {
        assert!(begun.elapsed() < SOON, "it makes no rows");
        std::thread::sleep(Duration::from_millis(5));
    }
    let makers = || {
        Study::peek(&study)
            .expect("a study")
            .expect("there")
            .sweeps()
    };
    let stands = |makers: Vec<_>| {
        makers
            .first()
            .map(|sweep: &paretoscope_engine::study::SweepState| sweep.makers)
    };
    assert_eq!(stands(makers().expect("sweeps")), Some(Makers::Elsewhere));
    let other = start(&study);
    killed.kill().expect("killed");
    killed.wait().expect("it ends");
    let begun = Instant::now();
    let other = ended(other);
    assert!(
        begun.elapsed() < SOON,
        "it waited for a program that is dead"
    );
    assert_eq!(stands(makers().expect("sweeps")), Some(Makers::Nobody));
    assert_alike(&other, &lone);
}

fn plan(fixture: &Fixture) -> SweepPlan {
    SweepPlan {
        grid: SweepGrid::Simplex {
            step: 0.1,
            objectives: Vec::new(),
        },
        prompts: ["The cat", "How do I clean a kettle?"]
            .map(|text| Prompt::Text(text.to_owned()))
            .to_vec(),
        sampling: Sampling {
            max_tokens: 24,
            ignore_eos: true,
            ..Sampling::default()
        },
        splits: Vec::new(),
        groups: Vec::new(),
        include_base: false,
        store: fixture.out("shared.study"),
    }
}

fn begin(front: &Front, fixture: &Fixture) -> JobId {
    begin_with(front, plan(fixture))
}

fn begin_with(front: &Front, plan: SweepPlan) -> JobId {
    front.ask(|job| EngineCommand::Sweep { job, plan })
}

fn told(front: &Front, job: JobId, phase: SweepPhase) -> SweepProgress {
    front.wait(|event| match event {
        EngineEvent::Sweep { job: j, progress } if j == job && progress.phase == phase => {
            Some(progress)
        }
        EngineEvent::Failed { trouble, .. } => panic!("{}", trouble.message),
        _ => None,
    })
}

#[test]
fn two_windows_share_the_rows_of_a_sweep() {
    let fixture = Fixture::new();
    let (one, two) = (Front::with(&fixture), Front::with(&fixture));
    let (of_one, of_two) = (begin(&one, &fixture), begin(&two, &fixture));
    let one = told(&one, of_one, SweepPhase::Finished);
    let two = told(&two, of_two, SweepPhase::Finished);
    assert_eq!((one.rows_done, two.rows_done), (132, 132));
    assert_eq!(one.rows_made + two.rows_made, 132, "{one:?} {two:?}");
    assert_eq!(one.rows_found + one.rows_made + one.rows_from_others, 132);
}

#[test]
fn two_windows_and_a_command_line_make_each_row_of_one_study_once() {
    let fixture = Fixture::new();
    let mut asked = plan(&fixture);
    asked.sampling.ignore_eos = false;
    let lines = asked.prompts.iter().filter_map(Prompt::words);
    let lines: Vec<String> = lines
        .map(|words| json!({ "prompt": words }).to_string())
        .collect();
    fixture.write("two.jsonl", lines.join("\n"));
    let (one, two) = (Front::with(&fixture), Front::with(&fixture));
    let of_one = begin_with(&one, asked.clone());
    let line = Command::new(program())
        .args(["sweep", "--grid", "simplex:0.1", "--max-tokens", "24"])
        .arg("--bundle")
        .arg(fixture.path())
        .arg("--prompts")
        .arg(fixture.join("two.jsonl"))
        .arg("--out")
        .arg(&asked.store)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let of_two = begin_with(&two, asked.clone());
    let one = told(&one, of_one, SweepPhase::Finished);
    let two = told(&two, of_two, SweepPhase::Finished);
    let (all, by_line, _) = rows(&ended(line));
    assert_eq!((one.rows_done, two.rows_done, all), (132, 132, 132));
    assert_eq!(
        one.rows_made + two.rows_made + by_line,
        132,
        "{one:?} {two:?} {by_line}"
    );
    assert_eq!(answers(&asked.store), 132);
}

#[test]
fn a_window_that_waits_or_gives_up_leaves_its_rows_to_others() {
    let fixture = Fixture::new();
    let (one, two) = (Front::with(&fixture), Front::with(&fixture));
    let job = begin(&one, &fixture);
    one.tell(EngineCommand::Pause { job });
    told(&one, job, SweepPhase::Paused);
    let begun = Instant::now();
    let other = begin(&two, &fixture);
    let progress = told(&two, other, SweepPhase::Finished);
    assert!(begun.elapsed() < SOON && progress.rows_done == 132);
    one.tell(EngineCommand::Resume { job });
    let progress = told(&one, job, SweepPhase::Finished);
    assert_eq!(progress.rows_done, 132);

    let fixture = Fixture::new();
    let (one, two) = (Front::with(&fixture), Front::with(&fixture));
    let job = begin(&one, &fixture);
    one.wait(|event| matches!(event, EngineEvent::SweepPoint { .. }).then_some(()));
    one.tell(EngineCommand::Cancel { job });
    let other = begin(&two, &fixture);
    let begun = Instant::now();
    assert_eq!(told(&two, other, SweepPhase::Finished).rows_done, 132);
    assert!(begun.elapsed() < SOON);
}
