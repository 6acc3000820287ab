//! The loop on a tiny bundle: votes on training and test prompts, a value vector from the former, arrows on the latter.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::collections::BTreeSet;

use paretoscope_engine::study::{Study, Uid, votes_hash};
use paretoscope_tests::Fixture;
use serde_json::{Value, json};

const LEARN: &str = "study learn {}/out/a.study --task T --objective helpful --bundle {} --out {}/out/learnt --steps 6 --rank 2 --batch-tokens 128 --max-length 90 --learning-rate 1e-2 --workers 1 --draws 200";

/// A sweep of the base model and three adapters over 36 prompts, 12 of them of the test part, and a task on all of them.
fn table() -> Fixture {
    let fixture = Fixture::new();
    let lines: Vec<String> = (0..36)
        .map(|at| {
            let split = ["train", "train", "test"][at % 3];
            json!({"chat": format!("q{at} of {}?", at * 7 % 11), "split": split, "group": format!("g{}", at / 3)}).to_string()
        })
        .collect();
    fixture.write("out/prompts.jsonl", lines.join("\n"));
    let points = "{\"weights\": [0, 0, 0]}\n{\"weights\": [1, 0, 0]}\n{\"weights\": [0, 1, 0]}\n";
    fixture.write("out/points.jsonl", points);
    done(
        &fixture,
        "sweep --bundle {} --prompts {}/out/prompts.jsonl --points {}/out/points.jsonl --max-tokens 8 --out {}/out/a.study",
    );
    done(
        &fixture,
        "study task {}/out/a.study --name T --objective helpful --items 80 --gold 0.05 --repeats 0.05",
    );
    fixture
}

fn done(fixture: &Fixture, line: &str) -> Vec<Value> {
    let outcome = fixture.run(line);
    assert_eq!(outcome.status, Some(0), "{line}: {}", outcome.stderr);
    outcome.lines()
}

fn refused(fixture: &Fixture, line: &str, want: &str) {
    let outcome = fixture.run(line);
    assert_eq!(outcome.status, Some(2), "{line}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(want), "{line}: {}", outcome.stderr);
}

/// The answer that sorts first is better.
fn vote(fixture: &Fixture, count: usize) {
    let asked = done(
        fixture,
        &format!("study ask {{}}/out/a.study --task T --annotator A1 --count {count}"),
    );
    let side = |item: &Value, at: usize| item["sides"][at].as_str().expect("a text").to_owned();
    let lines: Vec<String> = asked
        .iter()
        .map(|item| {
            let choice = if side(item, 0) < side(item, 1) {
                "left"
            } else {
                "right"
            };
            json!({"place": item["place"], "objective": "helpful", "choice": choice}).to_string()
        })
        .collect();
    assert_eq!(lines.len(), count);
    fixture.write("out/votes.jsonl", lines.join("\n"));
    done(
        fixture,
        "study vote {}/out/a.study --task T --annotator A1 --votes {}/out/votes.jsonl",
    );
}

fn lines_of(fixture: &Fixture, path: &str) -> Vec<Value> {
    String::from_utf8(fixture.read(path))
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn sixty_votes_become_a_value_vector_and_arrows_on_test_prompts() {
    let fixture = table();
    let before = fixture.state();
    refused(&fixture, LEARN, "no decided pair by helpful");
    vote(&fixture, 60);
    refused(&fixture, &LEARN.replace("helpful", "kind"), "`kind`");
    // What stands where its bundle is to be is found before anything is trained, and stays.
    std::fs::create_dir_all(fixture.out("learnt/bundle")).expect("a folder");
    fixture.write("out/learnt/bundle/notes.txt", "mine");
    refused(&fixture, LEARN, "not of this run");
    assert_eq!(fixture.read("out/learnt/bundle/notes.txt"), b"mine");
    assert!(!fixture.out("learnt/pairs.jsonl").exists());
    fixture.remove("out/learnt/bundle/notes.txt");
    let told = done(&fixture, LEARN);
    assert_eq!(fixture.state(), before, "the bundle is not touched");

    // What was learnt from: pairs on training prompts alone, and the votes behind them by name.
    let pairs = &told[0];
    assert_eq!(pairs["stage"], "pairs");
    assert!(
        pairs["test"].as_u64() > Some(5) && pairs["checks"].as_u64() > Some(0),
        "{pairs}"
    );
    let lines = lines_of(&fixture, "out/learnt/pairs.jsonl");
    assert_eq!(pairs["pairs"].as_u64(), Some(lines.len() as u64));
    let prompts = lines_of(&fixture, "out/prompts.jsonl");
    let of = |split: &str| -> BTreeSet<String> {
        let of = prompts.iter().filter(|line| line["split"] == split);
        of.map(|line| line["chat"].as_str().expect("a prompt").to_owned())
            .collect()
    };
    let mut votes = Vec::new();
    for line in &lines {
        let asked = line["chat"]
            .as_str()
            .expect("a chat, as the model sees it in use");
        assert!(
            of("train").contains(asked) && !of("test").contains(asked),
            "{line}"
        );
        let named = line["meta"]["votes"].as_array().expect("votes");
        votes.extend(
            named
                .iter()
                .map(|vote| Uid::parse(vote.as_str().expect("a name")).expect("a uid")),
        );
    }
    let hash = votes_hash(&votes).to_string();
    let run: Value = serde_json::from_slice(&fixture.read("out/learnt/run.json")).expect("JSON");
    assert_eq!(run["votes"], json!(hash));
    assert_eq!(pairs["votes"], json!(hash));

    // What came of it: an arrow per point with an interval per scored objective.
    let effect = told.last().expect("lines");
    assert_eq!(effect["stage"], "effect");
    let arrows = effect["test"]["arrows"].as_array().expect("arrows");
    assert_eq!(
        (arrows.len(), effect["test"]["prompts"].as_u64()),
        (3, Some(12))
    );
    let mut moved_at_all = false;
    for arrow in arrows {
        let moved = arrow["moved"].as_array().expect("objectives");
        assert_eq!(moved.len(), 2, "humor has no reward model");
        for moved in moved {
            let number = |name: &str| moved[name].as_f64().expect("a number");
            assert!((number("after") - number("before") - number("value")).abs() < 1e-9);
            assert!(
                number("low") <= number("value") && number("value") <= number("high"),
                "{moved}"
            );
            moved_at_all |= number("value") != 0.0;
        }
    }
    assert!(moved_at_all, "the vector does something");
    assert!(
        effect["words"][0]
            .as_str()
            .expect("words")
            .starts_with("helpful ")
    );

    check_study(&fixture, &hash, lines.len(), effect);
    goes_on(&fixture, effect);
}

/// Once more: nothing is made again; fresh votes can be asked for; other votes are another run.
fn goes_on(fixture: &Fixture, effect: &Value) {
    let again = done(fixture, LEARN);
    assert_eq!(again[1]["found"], "done already");
    assert_eq!(
        again.last().map(|last| &last["test"]),
        Some(&effect["test"])
    );
    let [one, other] = [0, 1].map(|at| effect["sweeps"][at].as_i64().expect("a number"));
    let line = format!(
        "study task {{}}/out/a.study --name fresh --from across --sweep {one} --sweep {other} --split test --objective helpful --items 10"
    );
    assert!(done(fixture, &line)[0]["items"].as_u64() > Some(0));
    refused(
        fixture,
        &LEARN.replace("--steps 6", "--steps 7"),
        "with other settings",
    );
    vote(fixture, 10);
    refused(fixture, LEARN, "on other votes");
    let anew = done(fixture, &format!("{LEARN} --overwrite --in-sample"));
    let effect = anew.last().expect("lines");
    assert!(
        effect["in_sample"]["arrows"]
            .as_array()
            .is_some_and(|arrows| arrows.len() == 3),
        "{effect}"
    );
    let words = effect["words"].as_array().expect("words");
    assert!(words.iter().any(|line| {
        line.as_str()
            .is_some_and(|l| l.starts_with("in sample, on the voters' own prompts"))
    }));
}

/// The study knows of the training, and of the sweeps before and after.
fn check_study(fixture: &Fixture, hash: &str, pairs: usize, effect: &Value) {
    let study = Study::open(&fixture.out("a.study")).expect("a study");
    let trainings = study.trainings().expect("a table");
    assert_eq!(
        (trainings.len(), trainings[0].status.as_str()),
        (1, "finished")
    );
    assert_eq!(trainings[0].votes, Some(hash.to_owned()));
    assert_eq!(
        trainings[0].data.as_ref().map(|data| data.pairs),
        Some(pairs)
    );
    assert_eq!(
        trainings[0].result.as_ref().map(|r| &r["bundle"]),
        Some(&effect["bundle"])
    );
    let sweeps = study.sweeps().expect("sweeps");
    for number in effect["sweeps"].as_array().expect("two") {
        let sweep = sweeps
            .iter()
            .find(|sweep| Some(sweep.id) == number.as_i64())
            .expect("a sweep");
        assert_eq!(
            (sweep.rows, sweep.done, sweep.status.as_str()),
            (36, 36, "finished")
        );
    }
    assert_eq!(sweeps.last().map(|s| s.info.values.len()), Some(4));
}
