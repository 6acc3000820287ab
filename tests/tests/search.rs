//! A search of settings: tries on validation prompts, a log that it goes on from, a bundle with the best.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once, and says where"
)]

use paretoscope_tests::Fixture;
use serde_json::{Value, json};

/// The tiny bundle with a reward model for each objective, and prompts of which most are of the validation part.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.edit_json("bundle.json", |bundle| {
        bundle["objectives"][2]["reward"] = json!({"path": "rewards/helpful", "sign": -1});
    });
    let line = |at: usize| {
        let split = if at == 5 { "test" } else { "validation" };
        json!({"prompt": format!("Tell me of {at}."), "split": split}).to_string() + "\n"
    };
    fixture.write("prompts.jsonl", (0..6).map(line).collect::<String>());
    fixture
}

const PCB: &str = "search --bundle {} --method pcb --preference 2,1,1 --grid simplex:0.5 --max-tokens 4 --out {}/out/s";

fn log(fixture: &Fixture, folder: &str) -> Vec<Value> {
    let text = String::from_utf8(fixture.read(&format!("{folder}/log.jsonl"))).expect("text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn a_merge_is_searched_within_its_budget_and_goes_on_from_its_log() {
    let fixture = fixture();
    let state = fixture.state();
    let found = fixture
        .done(&format!("{PCB} --budget 3"))
        .lines()
        .pop()
        .expect("a line");
    assert_eq!(found["stage"], "chosen");
    let names: Vec<&String> = found["settings"]
        .as_object()
        .expect("settings")
        .keys()
        .collect();
    assert_eq!(
        names,
        [
            "coefficient of harmless",
            "coefficient of helpful",
            "coefficient of humor",
            "density"
        ]
    );
    let spent = &found["spent"];
    assert_eq!(
        (&spent["tries"], &spent["budget"], &spent["prompts"]),
        (&json!(3), &json!(3), &json!(5))
    );
    let first = log(&fixture, "out/s");
    assert_eq!(first.len(), 3);
    // The usual settings first: PCB's constant at every expert, its usual density.
    assert_eq!(first[0]["values"], json!([1.2, 1.2, 1.2, 0.1]));
    for line in &first {
        assert!(
            line["hypervolume"].is_f64() && line["norm"].as_f64() > Some(0.0),
            "{line}"
        );
        assert_eq!((&line["rows"], &line["made"]), (&json!(30), &json!(30)));
    }
    assert!(found["tied"].as_u64() >= Some(1) && found["gain"]["low"].is_number());
    let words = found["words"].as_str().expect("words");
    assert!(
        words.contains("optimistic") && words.contains("90 answers were generated"),
        "{words}"
    );

    // A larger budget goes on; what was measured is not measured again.
    let more = fixture
        .done(&format!("{PCB} --budget 5"))
        .lines()
        .pop()
        .expect("a line");
    let second = log(&fixture, "out/s");
    assert_eq!((second.len(), &second[..3]), (5, &first[..]));
    assert_eq!(more["spent"]["generations"], 150);
    let again = fixture
        .done(&format!("{PCB} --budget 5"))
        .lines()
        .pop()
        .expect("a line");
    assert_eq!(
        (&again["best"], &again["gain"]),
        (&more["best"], &more["gain"])
    );
    assert_eq!(log(&fixture, "out/s"), second);
    assert_eq!(fixture.state(), state, "the bundle is as it was");

    // What was chosen is a bundle like any other, at the place that was asked for.
    let bundle: Value =
        serde_json::from_slice(&fixture.read("out/s/bundle/bundle.json")).expect("JSON");
    let experts = bundle["experts"].as_array().expect("experts");
    let merged = experts
        .iter()
        .find(|e| e["name"] == "merged")
        .expect("the merged expert");
    assert_eq!(merged["preference"], json!([2.0, 1.0, 1.0]));
    fixture.done("route --bundle {}/out/s/bundle --preference 0.5,0.25,0.25");
    fixture.done("logits --bundle {}/out/s/bundle --preference 0.5,0.3,0.2 --tokens 5,6 --out {}/out/l.safetensors");

    fixture.refused(
        &format!("{PCB} --budget 5 --seed 1"),
        &["--out", "differs in `sampling`"],
    );
    fixture.refused(
        &format!("{PCB} --setting density"),
        &["differs in `search`"],
    );
}

#[test]
fn the_factor_of_an_expert_is_tried_on_a_grid() {
    let fixture = fixture();
    let line = "search --bundle {} --method rescale --expert humor --grid simplex:1 --max-tokens 4 --budget 5 --out {}/out/r";
    let found = fixture.done(line).lines().pop().expect("a line");
    let lines = log(&fixture, "out/r");
    let factors: Vec<f64> = lines
        .iter()
        .filter_map(|line| line["values"][0].as_f64())
        .collect();
    assert_eq!(factors.len(), 5);
    for (factor, right) in factors
        .iter()
        .zip([1.0, 0.5, 0.5 + 2.0 / 3.0, 0.5 + 4.0 / 3.0, 2.5])
    {
        assert!((factor - right).abs() < 1e-9, "{factors:?}");
    }
    // The norm is the factor's.
    let norm = |at: usize| lines[at]["norm"].as_f64().expect("a norm");
    assert!((norm(1) / norm(0) - 0.5).abs() < 1e-3 && (norm(4) / norm(0) - 2.5).abs() < 1e-3);
    let chosen = found["settings"]["rescale"].as_f64().expect("a factor");
    assert!(factors.contains(&chosen));
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let fixture = fixture();
    let search = |options: &str| format!("search --bundle {{}} --out {{}}/out/x {options}");
    for (options, words) in [
        ("--method rescale", &["--expert", "is needed"][..]),
        (
            "--method rescale --expert humour",
            &["--expert", "did you mean `humor`?"],
        ),
        ("--method pcb --preference 1,0,0", &["stands on a corner"]),
        (
            "--method linear --setting density",
            &["`density`", "coefficients"],
        ),
        (
            "--method pcb --setting density=0.1",
            &["--setting", "NAME=LOW:HIGH"],
        ),
        (
            "--method pcb --setting density=0.3:0.1",
            &["density: has the range 0.3 to 0.1"],
        ),
        (
            "--method pcb --setting sharpness",
            &["`sharpness`", "density"],
        ),
        ("--method pcb --budget 0 --preference 2,1,1", &["budget"]),
        // A router stands where equal shares are.
        ("--method pcb", &["preference"]),
    ] {
        fixture.refused(&search(options), words);
    }
    fixture.write("train.jsonl", "{\"prompt\": \"a\", \"split\": \"train\"}\n");
    fixture.refused(
        &search("--method pcb --preference 2,1,1 --prompts {}/train.jsonl"),
        &["none of the validation part"],
    );
    fixture.edit_json("bundle.json", |bundle| {
        bundle["objectives"][2] = json!({"name": "humor"});
    });
    fixture.refused(
        &search("--method pcb --preference 2,1,1"),
        &["no reward model for humor"],
    );
}
