//! `prompt`: what the model is given, held against transformers; and files that are broken or hostile.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot be set up should stop at once"
)]

use paretoscope_tests::{Fixture, Outcome, engine};
use serde_json::{Value, json};

const GOLDEN: &str = include_str!("../fixtures/templates/golden.json");

fn ask(fixture: &Fixture, arguments: &[&str]) -> Outcome {
    let bundle = fixture.path().to_str().expect("a path in UTF-8");
    let head = ["prompt", "--bundle", bundle];
    engine(head.iter().chain(arguments))
}

/// Refused as a person's fault, in these words and without a panic.
fn refused(outcome: &Outcome, words: &str) {
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains(words),
        "{words}: {}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}

#[test]
fn conversations_are_written_as_transformers_does() {
    let golden: Value = serde_json::from_str(GOLDEN).expect("the golden file");
    let fixture = Fixture::new();
    fixture.write(
        "base/tokenizer_config.json",
        golden["special_tokens"].to_string(),
    );
    let conversations = golden["conversations"].as_array().expect("conversations");
    let which = conversations
        .iter()
        .position(|c| c["name"] == "several turns")
        .expect("a conversation of several turns");
    fixture.write("turns.json", conversations[which]["messages"].to_string());
    let turns = fixture.join("turns.json");
    let turns = turns.to_str().expect("a path in UTF-8");
    let mut equal = 0;
    for entry in golden["templates"].as_array().expect("templates") {
        let template = entry["template"].as_str().expect("a template");
        // Its text changes with the day.
        if template.contains("strftime_now") {
            continue;
        }
        fixture.write("base/chat_template.jinja", template);
        let outcome = ask(&fixture, &["--messages", turns]);
        match &entry["texts"][which] {
            Value::String(text) if text.is_empty() => refused(&outcome, "empty"),
            Value::String(text) => {
                assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
                assert_eq!(outcome.lines()[0]["text"], **text, "{}", entry["name"]);
                equal += 1;
            }
            error => refused(&outcome, error["error"].as_str().unwrap_or_default()),
        }
    }
    assert!(equal >= 60, "{equal} templates");
}

#[test]
fn a_chat_without_template_is_refused() {
    let fixture = Fixture::new();
    for file in ["base/tokenizer_config.json", "base/chat_template.jinja"] {
        if fixture.join(file).exists() {
            fixture.remove(file);
        }
    }
    refused(&ask(&fixture, &["--chat", "hi"]), "no chat template");
    assert_eq!(ask(&fixture, &["--prompt", "hi"]).status, Some(0));
}

#[test]
fn a_template_that_would_fill_memory_is_refused() {
    let fixture = Fixture::new();
    let doubling = "{% set n = namespace(s='aaaaaaaaaa') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}";
    fixture.write("base/chat_template.jinja", doubling);
    refused(&ask(&fixture, &["--chat", "hi"]), "MiB");
    // A prompt that is no chat does not need it.
    assert_eq!(ask(&fixture, &["--prompt", "hi"]).status, Some(0));
}

#[test]
fn a_tokenizer_that_makes_its_library_panic_is_refused_without_a_panic_on_the_terminal() {
    let fixture = Fixture::new();
    fixture.edit_json("base/tokenizer.json", |tokenizer| {
        tokenizer["pre_tokenizer"] = json!({"type": "FixedLength", "length": 0});
    });
    refused(&ask(&fixture, &["--prompt", "hi"]), "tokenizer.json");
}
