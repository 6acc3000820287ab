//! Scorers beside reward models, from prompts' lines to plots; nothing is generated for them.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once, and says where"
)]

use paretoscope_tests::Fixture;
use serde_json::{Value, json};

/// Prompts with what is right of them, half of each part.
fn asked(fixture: &Fixture) {
    let line = |at: usize| {
        json!({
            "prompt": format!("How many are {at} and {at}?"), "split": (["validation", "test"][at % 2]),
            "answer": format!("{at} + {at}\n#### {}", 2 * at), "label": if at < 4 { "safe" } else { "unsafe" },
        })
    };
    let lines: String = (0..6).map(|at| line(at).to_string() + "\n").collect();
    fixture.write("asked.jsonl", lines);
}

fn sweep(fixture: &Fixture, prompts: &str, grid: &str) {
    let line = format!(
        "sweep --bundle {{}} --prompts {{}}/{prompts} --grid {grid} --max-tokens 6 --out {{}}/x.study"
    );
    fixture.done(&line);
}

fn last(fixture: &Fixture, line: &str) -> Value {
    fixture.done(line).lines().pop().expect("a line")
}

fn of<'a>(scored: &'a Value, objective: &str) -> &'a Value {
    let all = scored["scored"].as_array().expect("scorers");
    all.iter()
        .find(|one| one["objective"] == objective)
        .expect(objective)
}

#[test]
fn rules_score_what_is_stored_and_stand_beside_rewards() {
    let fixture = Fixture::new();
    asked(&fixture);
    sweep(&fixture, "asked.jsonl", "simplex:0.5");
    sweep(&fixture, "asked.jsonl", "simplex:1");
    let info = |fixture: &Fixture| last(fixture, "study info {}/x.study");
    let before = info(&fixture);
    let compare = "study compare {}/x.study --a 1 --b 2 --draws 50";
    let rewards = last(&fixture, compare);

    let with = "study score {}/x.study --with exact --with refusal:hits=0.86,false-alarms=0.04";
    let part = last(&fixture, &format!("{with} --split test"));
    // Six points; those of the second grid are among them.
    assert_eq!(of(&part, "exact-strict")["scored"], 18, "{part}");
    let all = last(&fixture, with);
    let exact = of(&all, "exact-flexible");
    assert_eq!(
        (&exact["found"], &exact["scored"], &exact["n"]),
        (&json!(18), &json!(18), &json!(36))
    );
    assert_eq!(
        (&exact["kind"], &exact["sign"]),
        (&json!("rule"), &json!(1.0))
    );
    let refusal = of(&all, "refusal");
    assert_eq!(
        (&refusal["n"], &refusal["left_out"]["a safe prompt"]),
        (&json!(12), &json!(24))
    );
    assert_eq!(of(&all, "over-refusal")["sign"], -1.0);
    // Nobody refuses: the corrected rate is below 0 by the false alarms.
    let corrected = of(&all, "refusal-corrected")["mean"]
        .as_f64()
        .expect("a mean");
    assert!(
        (corrected - (0.0 - 0.04) / 0.82).abs() < 1e-9,
        "{corrected}"
    );
    let again = last(&fixture, with);
    assert!(
        again["scored"]
            .as_array()
            .expect("scorers")
            .iter()
            .all(|one| one["scored"] == 0),
        "{again}"
    );

    let after = info(&fixture);
    assert_eq!(before["generations"], after["generations"]);
    let names: Vec<&str> = (after["scorers"].as_array().expect("scorers").iter())
        .filter_map(|scorer| scorer["objective"].as_str())
        .collect();
    assert_eq!(names[..2], ["helpful", "harmless"]);
    assert!(names.contains(&"exact-strict") && names.contains(&"over-refusal-corrected"));

    // What was compared stays; the others are named, compared by, drawn and exported.
    let now = last(&fixture, compare);
    assert_eq!(now["hypervolume"], rewards["hypervolume"]);
    assert_eq!(now["objectives"], json!(["helpful", "harmless"]));
    let others = now["other_objectives"].as_array().expect("others");
    assert_eq!(others.len(), 6, "{others:?}");
    let named = last(
        &fixture,
        &format!("{compare} --objective exact-flexible --objective helpful"),
    );
    assert_eq!(named["objectives"], json!(["exact-flexible", "helpful"]));
    let alone = last(&fixture, &format!("{compare} --objective refusal"));
    assert_eq!(alone["prompts"], 2, "unsafe prompts alone");
    last(
        &fixture,
        "study figure {}/x.study --kind front --objective refusal --objective over-refusal --out {}/out/f.svg",
    );
    let drawn = String::from_utf8(fixture.read("out/f.svg")).expect("text");
    assert!(drawn.contains("over-refusal"));
    last(
        &fixture,
        "study figure {}/x.study --kind field --sweep 1 --objective exact-strict --out {}/out/g.svg",
    );
    last(
        &fixture,
        "study export {}/x.study --what points --out {}/out/p.csv",
    );
    let table = String::from_utf8(fixture.read("out/p.csv")).expect("text");
    let head = table.lines().next().expect("a head");
    assert!(
        head.contains("helpful") && head.contains("exact-strict"),
        "{head}"
    );
    last(
        &fixture,
        "study export {}/x.study --what generations --objective refusal --out {}/out/a.jsonl",
    );
    last(&fixture, "study report {}/x.study --out {}/out/r.html");
    fixture.refused(
        &format!("{compare} --objective exact"),
        &["--objective", "`exact`", "exact-strict"],
    );
}

#[test]
fn what_is_right_can_be_said_afterwards_and_unknown_scorers_are_refused() {
    let fixture = Fixture::new();
    asked(&fixture);
    let plain: String = (0..6)
        .map(|at| json!({"prompt": format!("How many are {at} and {at}?")}).to_string() + "\n")
        .collect();
    fixture.write("plain.jsonl", plain);
    sweep(&fixture, "plain.jsonl", "simplex:1");
    let without = last(&fixture, "study score {}/x.study --with exact");
    let strict = of(&without, "exact-strict");
    assert_eq!(
        (
            &strict["scored"],
            &strict["left_out"]["no answer in the prompt's line"]
        ),
        (&json!(0), &json!(18))
    );
    let told = last(
        &fixture,
        "study score {}/x.study --with exact --prompts {}/asked.jsonl",
    );
    assert_eq!(
        (&told["references"], &of(&told, "exact-strict")["scored"]),
        (&json!(6), &json!(18))
    );
    for (with, words) in [
        ("exat", &["`exat`", "did you mean `exact`?"][..]),
        ("exact:x=1", &["`x` is nothing that exact takes"]),
        ("refusal:hits=0.5", &["both hits and false-alarms"]),
        (
            "refusal:hits=0.1,false-alarms=0.5",
            &["more hits than false alarms"],
        ),
        ("grader:world={}/nowhere", &["nowhere"]),
        ("votes", &["no task"]),
        ("exact:x", &["no key=value"]),
    ] {
        fixture.refused(&format!("study score {{}}/x.study --with {with}"), words);
    }
    fixture.refused(
        "study score {}/x.study --with exact --prompts {}/plain.jsonl",
        &["no line of it has an \"answer\" or a \"label\""],
    );
}

#[test]
fn the_demonstration_s_grader_scores_questions_of_its_world() {
    let fixture = Fixture::new();
    let world = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/world");
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/demo/prompts.jsonl");
    let questions = std::fs::read_to_string(demo).expect("the demonstration's prompts");
    let mut lines: Vec<&str> = questions.lines().take(2).collect();
    lines.push("{\"prompt\": \"Who are you?\"}");
    fixture.write("questions.jsonl", lines.join("\n"));
    sweep(&fixture, "questions.jsonl", "simplex:1");
    let scored = last(
        &fixture,
        &format!("study score {{}}/x.study --with grader:world={world}"),
    );
    for objective in ["grader-helpful", "grader-harmless", "grader-humor"] {
        let one = of(&scored, objective);
        assert_eq!(
            (&one["kind"], &one["scored"]),
            (&json!("grader"), &json!(6)),
            "{scored}"
        );
        assert_eq!(one["left_out"]["no question of this world"], 3);
    }
}
