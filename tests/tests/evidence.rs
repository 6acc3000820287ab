//! The papers put to the test on a bundle: arms, controls, choices on validation, a test that is read once, pages.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once, and says where"
)]

use paretoscope_tests::Fixture;
use serde_json::{Value, json};

const QUICK: &str = "evidence --bundle {} --out {}/out/e --quick --max-tokens 3 --draws 200";

/// The tiny bundle with a reward model for each objective, prompts of both parts, and a control arm: its value vectors in
/// another order.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.edit_json("bundle.json", |bundle| {
        bundle["objectives"][2]["reward"] = json!({"path": "rewards/helpful", "sign": -1});
        bundle["values"] = values(["helpful", "harmless", "humor"], "");
        bundle["arms"] = json!([{"name": "swapped", "path": "swapped", "for": "mva"}]);
    });
    let line = |at: usize| {
        let split = if at.is_multiple_of(2) {
            "test"
        } else {
            "validation"
        };
        json!({"prompt": format!("Tell me of {at}."), "split": split}).to_string() + "\n"
    };
    fixture.write("prompts.jsonl", (0..8).map(line).collect::<String>());
    std::fs::create_dir_all(fixture.join("swapped")).expect("a writable folder");
    let mut other: Value = serde_json::from_slice(&fixture.read("bundle.json")).expect("JSON");
    other["base"] = json!("../base");
    other["prompts"] = json!("../prompts.jsonl");
    other["values"] = values(["humor", "helpful", "harmless"], "../");
    other["arms"] = json!([]);
    for list in ["experts", "objectives"] {
        for entry in other[list].as_array_mut().expect("a list") {
            let path = match list {
                "experts" => &mut entry["path"],
                _ => &mut entry["reward"]["path"],
            };
            *path = json!(format!("../{}", path.as_str().expect("a path")));
        }
    }
    fixture.write("swapped/bundle.json", other.to_string());
    fixture
}

fn values(experts: [&str; 3], up: &str) -> Value {
    let names = ["helpful", "harmless", "humor"];
    let entry = |(name, expert): (&str, &str)| json!({"name": name, "path": format!("{up}experts/{expert}")});
    names.into_iter().zip(experts).map(entry).collect()
}

fn read(fixture: &Fixture, path: &str) -> Value {
    serde_json::from_slice(&fixture.read(path)).expect("JSON")
}

/// What the weighing says, without when the test was read.
fn told(evidence: &Value) -> Vec<Value> {
    let contrasts = evidence["contrasts"].as_array().expect("contrasts");
    contrasts
        .iter()
        .map(|c| json!([c["a"], c["b"], c["volumes"], c["verdict"]]))
        .collect()
}

#[test]
fn every_method_and_control_of_a_bundle_is_an_arm_and_a_second_run_says_the_same() {
    let fixture = fixture();
    fixture.done(QUICK);
    let evidence = read(&fixture, "out/e/evidence.json");
    let arms: Vec<&str> = evidence["arms"]
        .as_array()
        .expect("arms")
        .iter()
        .filter_map(|arm| arm["arm"].as_str())
        .collect();
    for arm in [
        "hoe",
        "rs",
        "mod",
        "mva",
        "mva-convex",
        "swapped",
        "no-router",
        "constant-votes",
    ] {
        assert!(arms.contains(&arm), "{arm} is not among {arms:?}");
    }
    let against = |a: &str, b: &str| {
        let contrasts = evidence["contrasts"].as_array().expect("contrasts");
        contrasts
            .iter()
            .any(|c| c["a"] == a && c["b"] == b && c["p_holm"].is_number())
    };
    assert!(
        against("mva", "swapped")
            && against("hoe", "constant-votes")
            && against("hoe", "no-router")
    );
    // Told in words what is preferred, the prompt is longer than the model's context: said, and the others are compared.
    let left_out = evidence["left_out"].to_string();
    assert!(
        left_out.contains("prompting was not run: the prompt has 98 tokens"),
        "{left_out}"
    );
    let page = String::from_utf8(fixture.read("out/e/evidence.md")).expect("text");
    assert!(
        page.contains("Cut short") && page.contains("3 streams per token"),
        "{page}"
    );
    let report = String::from_utf8(fixture.read("out/e/report.html")).expect("text");
    assert!(report.contains("<svg"), "a report without a figure");

    // Everything is there: nothing is generated, and nothing else is said.
    let again = fixture.done(QUICK);
    let second = read(&fixture, "out/e/evidence.json");
    assert_eq!(told(&evidence), told(&second));
    assert_eq!(again.lines().last().map(told), Some(told(&second)));
    let study = "study info {}/out/e/evidence.study";
    let generations = fixture.done(study).lines()[0]["generations"].clone();
    fixture.done(QUICK);
    assert_eq!(fixture.done(study).lines()[0]["generations"], generations);
}

#[test]
fn constant_votes_are_the_mean_of_what_the_router_voted() {
    let fixture = fixture();
    fixture.done(QUICK);
    let folder = "out/e/arms/seed-0/constant-votes/router-0";
    let config = read(&fixture, &format!("{folder}/router_config.json"));
    assert_eq!(config["activation"], "none");
    let tensors =
        paretoscope_tests::read_tensors(&fixture.join(&format!("{folder}/router.safetensors")));
    let mut biases = 0;
    for (name, (_, values)) in &tensors {
        if name.strip_suffix(".bias").is_some() {
            // Means of what a softmax gave.
            let sum: f32 = values.iter().sum();
            assert!(
                (sum - 1.0).abs() < 1e-4 && values.iter().all(|v| *v > 0.0),
                "{name}: {values:?}"
            );
            biases += 1;
        } else {
            assert!(values.iter().all(|v| *v == 0.0), "{name}");
        }
    }
    assert_eq!(biases, 14);
}

#[test]
fn a_run_of_some_arms_compares_those_alone_and_unknown_ones_are_refused() {
    let fixture = fixture();
    fixture.done(&format!("{QUICK} --only mva,swapped"));
    let evidence = read(&fixture, "out/e/evidence.json");
    assert_eq!(evidence["arms"].as_array().map(Vec::len), Some(2));
    let told = told(&evidence);
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0][0], &told[0][1]),
        (&json!("mva"), &json!("swapped"))
    );
    fixture.refused(
        &format!("{QUICK} --only mva,wrong"),
        &["`wrong` is no arm", "swapped"],
    );
}

#[test]
fn an_arm_of_another_base_and_a_name_that_is_taken_are_refused() {
    let fixture = fixture();
    fixture.edit_json("bundle.json", |bundle| {
        bundle["arms"][0]["name"] = json!("mod")
    });
    fixture.refused(QUICK, &["arms[0].name", "`mod`", "tell arms apart"]);
    fixture.edit_json("bundle.json", |bundle| {
        bundle["arms"][0]["name"] = json!("swapped")
    });
    std::fs::create_dir_all(fixture.join("other")).expect("a writable folder");
    for name in [
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
    ] {
        std::fs::copy(
            fixture.join(&format!("base/{name}")),
            fixture.join(&format!("other/{name}")),
        )
        .expect("a copy");
    }
    fixture.edit_tensors("other/model.safetensors", |tensors| {
        let values = tensors.values_mut().next().expect("a tensor");
        values.1[0] += 1.0;
    });
    fixture.edit_json("swapped/bundle.json", |bundle| {
        bundle["base"] = json!("../other")
    });
    fixture.refused(QUICK, &["swapped", "another base"]);
}
