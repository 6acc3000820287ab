//! `study figure`: every kind that a study, a bundle or a training run holds the data of, and words where it does not.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use std::sync::Arc;

use paretoscope_engine::study::Study;
use paretoscope_engine::types::GateRecord;
use paretoscope_tests::Fixture;
use serde_json::{Value, json};

const SWEEP: &str = "sweep --bundle {} --prompts {}/prompts.jsonl --max-tokens 8 --temperature 0.8 --out {}/x.study";

fn swept(grids: &[&str]) -> Fixture {
    let fixture = Fixture::new();
    for grid in grids {
        fixture.done(&format!("{SWEEP} {grid}"));
    }
    fixture
}

/// Draws a kind at both widths of a journal; its table and what stands beside it.
fn drawn(fixture: &Fixture, kind: &str, options: &str) -> (Vec<Vec<String>>, Value) {
    for (ending, width) in [("svg", 84), ("pdf", 174), ("png", 174), ("svg", 174)] {
        let line = format!(
            "study figure --kind {kind} {options} --out {{}}/out/{kind}.{ending} --width-mm {width}"
        );
        let told = fixture.done(&line).lines().remove(0);
        assert_eq!(told["files"].as_array().expect("files").len(), 3, "{told}");
        assert!(fixture.read(&format!("out/{kind}.{ending}")).len() > 1000);
    }
    let csv = String::from_utf8(fixture.read(&format!("out/{kind}.csv"))).expect("text");
    let rows = csv.lines();
    let rows = rows.map(|line| line.split(',').map(str::to_owned).collect());
    let meta: Value =
        serde_json::from_slice(&fixture.read(&format!("out/{kind}.json"))).expect("JSON");
    assert_eq!(meta["width_mm"], json!(174.0));
    (rows.collect(), meta)
}

fn svg(fixture: &Fixture, kind: &str) -> String {
    String::from_utf8(fixture.read(&format!("out/{kind}.svg"))).expect("text")
}

#[test]
fn a_field_has_a_dot_per_preference_and_says_what_lies_between() {
    let fixture = swept(&["--grid simplex:0.5", "--grid box:1:0.5"]);
    let (rows, meta) = drawn(&fixture, "field", "{}/x.study");
    assert_eq!(
        rows[0],
        [
            "uid",
            "at_helpful",
            "at_harmless",
            "at_humor",
            "helpful",
            "helpful_se",
            "helpful_n"
        ],
        "means with SE and n"
    );
    assert_eq!(
        rows.len(),
        1 + 6,
        "the six preferences of the sweep over the simplex"
    );
    assert_eq!(meta["kind"], json!("field"));
    assert!(
        meta["facts"]["sweep 1"]
            .as_str()
            .expect("a fact")
            .contains("seed 0")
    );
    let drawn_field = svg(&fixture, "field");
    assert_eq!(drawn_field.matches("data-uid").count(), 6);
    assert!(drawn_field.contains("not measured"), "in the caption");
    let (rows, _) = drawn(
        &fixture,
        "field",
        "{}/x.study --objective harmless --sweep hoe",
    );
    assert_eq!(rows[0][4], "harmless");
    fixture.refused(
        "study figure {}/x.study --kind field --objective humor --out {}/out/x.svg",
        &["humor", "its objectives: helpful, harmless"],
    );
    fixture.refused(
        "study figure {}/x.study --kind field --sweep mva --out {}/out/x.svg",
        &["sweep over preferences", "mva"],
    );
    fixture.done(&format!("{SWEEP} --grid simplex:1"));
    fixture.refused(
        "study figure {}/x.study --kind field --out {}/out/x.svg",
        &["a field is of one sweep", "name one"],
    );
    drawn(&fixture, "field", "{}/x.study --sweep 1");
}

#[test]
fn attainment_is_over_seeds_where_there_are_several_and_over_prompts_else() {
    let fixture = swept(&[
        "--grid simplex:0.5",
        "--grid simplex:0.5 --seed 1",
        "--grid box:1:1",
    ]);
    let (rows, meta) = drawn(&fixture, "attainment", "{}/x.study --sweep hoe");
    let caption = |meta: &Value| meta["caption"].as_str().expect("a caption").to_owned();
    assert!(caption(&meta).contains("2 seeds"), "{meta}");
    assert!(rows.iter().skip(1).all(|row| row[4] == "2"), "{rows:?}");
    let levels = |rows: &[Vec<String>]| -> Vec<String> {
        let mut levels: Vec<String> = rows.iter().skip(1).map(|row| row[1].clone()).collect();
        levels.sort();
        levels.dedup();
        levels
    };
    assert_eq!(levels(&rows), ["best", "median", "worst"]);
    // One of the methods has one seed: draws of the prompts that both answered.
    let (rows, meta) = drawn(&fixture, "attainment", "{}/x.study --draws 40");
    assert!(caption(&meta).contains("draws of the prompts"), "{meta}");
    assert!(rows.iter().skip(1).all(|row| row[4] == "40"), "{rows:?}");
    assert_eq!(meta["facts"]["draws of prompts"], json!("40, seed 0"));
    fixture.refused(
        "study figure {}/x.study --kind attainment --split validation --sweep nothing --out {}/out/x.svg",
        &["no sweep is called `nothing`"],
    );
    fixture.refused(
        "study figure {}/x.study --kind attainment --objective humor --out {}/out/x.svg",
        &["not all are scored by humor; all are by helpful, harmless"],
    );
}

#[test]
fn the_routing_of_an_answer_is_drawn_where_it_is_kept_or_can_be_found_again() {
    let fixture = swept(&["--grid simplex:0.5"]);
    fixture.done("study export {}/x.study --what generations --out {}/out/g.jsonl");
    let lines = String::from_utf8(fixture.read("out/g.jsonl")).expect("text");
    let all: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON Lines"))
        .collect();
    // Where the router has a share, gates differ from token to token.
    let routed = all
        .iter()
        .find(|row| row["point"] == "0.5 0.5 0" && row["tokens"].as_i64() > Some(3))
        .expect("an answer");
    let uid = routed["uid"].as_str().expect("a uid");
    let answer = format!("{{}}/x.study --answer {}", &uid[..uid.len() - 2]);
    fixture.refused(
        &format!("study figure --kind strip {answer} --out {{}}/out/x.svg"),
        &["the routing of", "add --bundle DIR"],
    );
    let with_bundle = format!("{answer} --bundle {{}}");
    let (rows, meta) = drawn(&fixture, "heatmap", &with_bundle);
    assert_eq!(rows[0], ["token", "text", "helpful", "harmless", "humor"]);
    assert_eq!(meta["facts"]["answer"], json!(uid));
    let (strip, _) = drawn(&fixture, "strip", &with_bundle);
    assert_eq!(strip.len(), rows.len());
    // Kept in the study, it needs no bundle.
    let study = Study::open(&fixture.join("x.study")).expect("a study");
    let number = study.answer_named("--answer", uid).expect("an answer");
    let tokens = study
        .answer(number)
        .expect("rows")
        .expect("an answer")
        .tokens
        .len();
    let names = ["helpful", "harmless", "humor"].map(str::to_owned).to_vec();
    let record = GateRecord {
        sites: Arc::new(vec!["q".to_owned()]),
        adapters: Arc::new(names),
        values: [0.5, 0.25, 0.25].repeat(tokens),
    };
    study.put_trace(number, &record).expect("a writable study");
    drop(study);
    fixture.remove("base/model.safetensors");
    let (rows, _) = drawn(&fixture, "heatmap", &answer);
    let kept = |row: &Vec<String>| row.ends_with(&["0.5", "0.25", "0.25"].map(str::to_owned));
    assert_eq!(rows.iter().filter(|row| kept(row)).count(), tokens);
    for (option, words) in [
        ("", "first digits of its uid"),
        ("--answer 12", "4 hexadecimal digits"),
        ("--answer ffffffffff", "no answer of"),
        ("--answer ../x", "4 hexadecimal digits"),
    ] {
        let line = format!("study figure {{}}/x.study --kind strip {option} --out {{}}/out/x.svg");
        fixture.refused(&line, &[words]);
    }
}

#[test]
fn adapters_and_training_runs_are_drawn_without_a_study() {
    let fixture = Fixture::new();
    let (rows, meta) = drawn(&fixture, "interference", "--bundle {}");
    assert_eq!(rows[0][0], "row");
    assert_eq!(rows.len(), 1 + 2, "two layers");
    assert_eq!(rows[0].len(), 1 + 3, "three pairs");
    assert!(meta["facts"]["adapter humor"].is_string());
    drawn(&fixture, "interference", "--bundle {} --measure signs");
    fixture.refused(
        "study figure --kind interference --bundle {} --values --out {}/out/x.svg",
        &["lists 0 value vectors"],
    );
    fixture.refused(
        "study figure --kind interference --out {}/out/x.svg",
        &["--bundle", "adapters are compared"],
    );
    std::fs::create_dir_all(fixture.join("a-run")).expect("a writable folder");
    let step = |step: usize| {
        json!({"step": step, "steps": 30, "loss": 1.0 / step as f64, "learning_rate": 1e-3, "gradient_norm": 1.0,
            "tokens_per_second": 5.0, "eta_seconds": 0.0, "accuracy": 0.5, "reward.helpful": 1.0, "reward.humor": -1.0})
        .to_string()
    };
    // The last line of a killed run is not whole.
    let lines: Vec<String> = (1..=30)
        .map(step)
        .chain(["{\"step\": 3".to_owned()])
        .collect();
    fixture.write("a-run/metrics.jsonl", lines.join("\n"));
    let (rows, meta) = drawn(&fixture, "curves", "--run {}/a-run");
    assert_eq!(rows.len(), 1 + 4 * 30, "loss, accuracy and two rewards");
    assert!(meta["title"].as_str().expect("a title").contains("a-run"));
    for (option, words) in [
        ("--run {}/nowhere", "no metrics.jsonl"),
        ("", "holds metrics.jsonl; name it"),
    ] {
        let line = format!("study figure --kind curves {option} --out {{}}/out/x.svg");
        fixture.refused(&line, &[words]);
    }
}

#[test]
fn fronts_are_of_the_objectives_that_are_named() {
    let fixture = Fixture::new();
    fixture.edit_json("bundle.json", |bundle| {
        bundle["objectives"][2]["reward"] = json!({"path": "rewards/helpful", "sign": -1});
    });
    fixture.done(&format!("{SWEEP} --grid simplex:0.5"));
    let (rows, meta) = drawn(&fixture, "pairs", "{}/x.study");
    assert_eq!(meta["kind"], json!("front"), "three plots of one front");
    assert!(
        rows[0].iter().any(|column| column == "humor_se"),
        "{rows:?}"
    );
    assert_eq!(svg(&fixture, "pairs").matches("class=\"panel\"").count(), 3);
    drawn(
        &fixture,
        "front",
        "{}/x.study --objective humor --objective helpful",
    );
    assert_eq!(svg(&fixture, "front").matches("class=\"panel\"").count(), 1);
    let two = swept(&["--grid simplex:1"]);
    two.refused(
        "study figure {}/x.study --kind pairs --out {}/out/x.svg",
        &["pairs are drawn of three objectives", "helpful, harmless"],
    );
    two.refused(
        "study figure {}/x.study --objective helpful --objective humor --out {}/out/x.svg",
        &["scored by humor", "helpful, harmless"],
    );
    two.refused(
        "study figure --out {}/out/x.svg",
        &["FILE", "--kind front is drawn from a study"],
    );
    two.refused(
        "study figure {}/x.study --kind pie --out {}/out/x.svg",
        &["pie", "front", "heatmap", "curves"],
    );
    two.refused(
        "study figure {}/x.study --out {}/out/x.gif",
        &["gif", "svg", "pdf", "png"],
    );
    let left: Vec<_> = std::fs::read_dir(two.join("out"))
        .expect("a folder")
        .collect();
    assert!(left.is_empty(), "a refused figure leaves no file: {left:?}");
}
