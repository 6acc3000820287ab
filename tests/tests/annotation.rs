//! Blind annotation on the command line: a sweep of the demonstration bundle, judged by a scripted person, weighed, lent
//! to another machine, given to other programs and taken back.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::{Path, PathBuf};

use paretoscope_tests::{Outcome, engine};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A study in a folder of its own.
struct Table {
    folder: TempDir,
}

impl Table {
    /// A sweep over three points and the demonstration's first prompts.
    fn new() -> Self {
        let table = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
        let prompts = std::fs::read_to_string(demo.join("prompts.jsonl")).expect("prompts");
        let splits = ["train", "train", "validation", "test"];
        let lines: Vec<String> = prompts
            .lines()
            .enumerate()
            .map(|(at, line)| {
                let mut line: Value = serde_json::from_str(line).expect("JSON");
                line["split"] = json!(splits[at % 4]);
                line.to_string()
            })
            .collect();
        table.write("prompts.jsonl", &lines.join("\n"));
        let points = "{\"preference\": [1, 0, 0]}\n{\"preference\": [0, 1, 0]}\n{\"preference\": [0, 0, 1]}\n{\"preference\": [0.4, 0.3, 0.3]}\n";
        table.write("points.jsonl", points);
        let line = format!(
            "sweep --bundle {} --prompts {{}}/prompts.jsonl --points {{}}/points.jsonl --max-tokens 40 --out {{}}/a.study",
            demo.display()
        );
        table.done(&line);
        table
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).expect("a writable folder");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).expect("a file")
    }

    fn run(&self, line: &str) -> Outcome {
        let folder = self.folder.path().to_string_lossy();
        engine(line.split(' ').map(|word| word.replace("{}", &folder)))
    }

    fn done(&self, line: &str) -> Vec<Value> {
        let outcome = self.run(line);
        assert_eq!(outcome.status, Some(0), "{line}: {}", outcome.stderr);
        outcome.lines()
    }

    fn refused(&self, line: &str, want: &str) {
        let outcome = self.run(line);
        assert_eq!(outcome.status, Some(2), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(want), "{line}: {}", outcome.stderr);
    }

    /// A person with a rule: the longer answer is more helpful, the one with more exclamation marks is funnier, now and
    /// then they err. Votes on what is asked of them, at most `count` items.
    fn vote(&self, file: &str, task: &str, who: &str, count: usize) -> usize {
        let asked = self.done(&format!(
            "study ask {{}}/{file} --task {task} --annotator {who} --count {count}"
        ));
        let mut lines = Vec::new();
        for item in &asked {
            let text = |side: usize| item["sides"][side].as_str().expect("a text").to_owned();
            let place = item["place"].as_u64().expect("a place");
            for objective in item["objectives"].as_array().expect("objectives") {
                let worth = |side: usize| match objective.as_str() {
                    Some("helpful") => text(side).len(),
                    _ => text(side).matches('!').count() * 1000 + text(side).len() % 7,
                };
                let choice = match worth(0).cmp(&worth(1)) {
                    std::cmp::Ordering::Equal => "tie",
                    order if order.is_gt() != (place % 5 == 2) => "left",
                    _ => "right",
                };
                lines.push(json!({"place": place, "objective": objective, "choice": choice, "active_ms": 4000 + place}).to_string());
            }
        }
        self.write("votes.jsonl", &lines.join("\n"));
        self.done(&format!(
            "study vote {{}}/{file} --task {task} --annotator {who} --votes {{}}/votes.jsonl"
        ));
        asked.len()
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a whole number")
}

#[test]
fn a_study_is_judged_weighed_lent_and_given_on() {
    let table = Table::new();
    let made = table.done(
        "study task {}/a.study --name T --objective helpful --objective humor --items 60 --annotators 3 --overlap 0.5 --seed 3",
    );
    assert_eq!(
        number(&made[0]["items"]) + number(&made[0]["checks"]),
        number(&made[0]["all_items"])
    );
    assert_eq!(made[0]["votes_needed"], json!({"0.60": 194, "0.55": 783}));
    let asked = table.done("study ask {}/a.study --task T --annotator A1 --count 1");
    let keys: Vec<&String> = asked[0].as_object().expect("an object").keys().collect();
    assert_eq!(keys.len(), 7, "{keys:?}");

    // Two people here, one on another machine.
    table.vote("a.study", "T", "A1", 0);
    table.vote("a.study", "T", "A2", 0);
    table.done("study pack {}/a.study --task T --annotator A3 --out {}/A3.study");
    let there = table.vote("A3.study", "Annotation", "A3", 40);
    let merged = table.done("study merge {}/a.study {}/A3.study");
    assert_eq!(number(&merged[0]["new"]), 2 * there as u64);
    let progress = table.done("study vote {}/a.study --task T --annotator A3 --undo");
    assert_eq!(number(&progress[0]["saved"]), there as u64 - 1);
    table.refused(
        "study vote {}/a.study --task T --annotator Jane --undo",
        "names are never asked",
    );
    table.write(
        "bad.jsonl",
        "{\"place\": 1, \"objective\": \"helpful\", \"choice\": \"both\"}",
    );
    table.refused(
        "study vote {}/a.study --task T --annotator A1 --votes {}/bad.jsonl",
        "line 1: `both` is no choice",
    );

    // Both commands print one set of numbers.
    let out = table.done("study export {}/a.study --what votes --out {}/v.jsonl");
    assert!(
        number(&out[0]["rows"]) > 100 && number(&out[0]["checks"]) > 0,
        "{out:?}"
    );
    let by_file = table.done("stats --votes {}/v.jsonl --draws 100").remove(0);
    let by_study = table
        .done("study stats {}/a.study --task T --draws 100")
        .remove(0);
    for objective in ["helpful", "humor"] {
        let (file, study) = (&by_file[objective], &by_study[objective]);
        for (name, value) in file.as_object().expect("an object") {
            assert_eq!(&study[name], value, "{objective}, {name}");
        }
        assert!(
            number(&study["n"]) > 50 && study["alpha"].is_number(),
            "{study}"
        );
    }
    assert!(
        by_study["helpful"]["davidson"]["theta"]["1,0,0"].is_number(),
        "{by_study}"
    );
    assert_eq!(
        by_study["task"]["readers"]
            .as_array()
            .expect("readers")
            .len(),
        3
    );
    for name in ["v.csv", "v.parquet", "i.csv", "i.jsonl"] {
        let what = if name.starts_with('v') {
            "votes"
        } else {
            "items"
        };
        let out = table.done(&format!(
            "study export {{}}/a.study --what {what} --out {{}}/{name}"
        ));
        assert!(number(&out[0]["rows"]) >= 60, "{out:?}");
    }

    trains(&table);
    goes_out_and_comes_back(&table);
}

/// What trains, and what does not.
fn trains(table: &Table) {
    let out = table.done("study export {}/a.study --what pairs --objective humor --out {}/p.jsonl");
    let lines: Vec<Value> = table
        .read("p.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(
        number(&out[0]["test"]) > 0 && lines.len() as u64 == number(&out[0]["rows"]),
        "{out:?}"
    );
    for line in &lines {
        assert!(line["chat"].is_string() && line["chosen"] != line["rejected"]);
        assert!(line["meta"]["split"] != "test" && line["meta"]["objective"] == "humor");
    }
    table.refused(
        "study export {}/a.study --what pairs --split test --out {}/q.jsonl",
        "never trains",
    );
}

/// To Label Studio, and back into another study.
fn goes_out_and_comes_back(table: &Table) {
    let out = table.done("study export {}/a.study --what items --out {}/i.json");
    assert!(
        out[0]["configuration"]
            .as_str()
            .expect("a text")
            .contains("<Pairwise")
    );
    table.done("study export {}/a.study --what votes --out {}/v.json");
    let again = table.done("study import {}/a.study --votes {}/v.json");
    assert_eq!(
        (number(&again[0]["votes"]), number(&again[0]["new_items"])),
        (0, 0)
    );
    let fresh = table.done("study import {}/b.study --votes {}/v.json --task from-outside");
    assert!(
        number(&fresh[0]["new_answers"]) > 10 && number(&fresh[0]["votes"]) > 100,
        "{fresh:?}"
    );
    table.done("study stats {}/b.study --task from-outside --draws 10");
    let info = table.done("study info {}/b.study");
    assert_eq!(info[0]["annotators"].as_array().expect("aliases").len(), 3);
    table.done("study forget {}/a.study --annotator A2");
    table.refused(
        "study forget {}/a.study --annotator A2",
        "`A2` is not known",
    );
}

#[test]
fn tasks_are_made_as_they_are_asked_for_or_refused() {
    let table = Table::new();
    let task = |more: &str| format!("study task {{}}/a.study --name {more}");
    let front = table.done(&task(
        "F --from front --items 20 --split validation --objective humor",
    ));
    assert!(number(&front[0]["items"]) > 0);
    table.done(&task("R --ask rating --items 20 --objective humor"));
    table.done(&task("K --ask ranking:3 --items 10 --objective humor"));
    let first = table.done(&task(
        "A --design active --items 20 --gold 0 --objective helpful",
    ));
    table.vote("a.study", "A", "A1", 0);
    let more = table.done(&task("A --more 10"));
    assert_eq!(
        number(&more[0]["all_items"]),
        number(&first[0]["all_items"]) + 10
    );
    table.refused(
        &task("A --items 5"),
        "is there already, and its design is locked",
    );
    table.refused(&task("R --more 5"), "was drawn in blocks");
    table.refused(&task("B --from base"), "sweep with --base");
    table.refused(&task("B --from across"), "two sweeps are needed");
    table.refused(&task("B --from fronts"), "did you mean `front`");
    table.refused(&task("B --ask ranking:9"), "--ask: is 9; it must be 2 to 5");
    table.refused(&task("B --overlap 0.1 --annotators 2"), "--overlap: is 0.1");
    table.refused(
        "study stats {}/a.study --task F",
        "has no votes that count yet",
    );
    table.refused("study stats {}/a.study --task X", "`X` is not known");
    table.refused(
        "study export {}/a.study --what votes --out {}/v.jsonl",
        "--task: is needed",
    );
}
