//! Templates of public models, rendered by transformers: `tests/golden/make_templates.py`.

use serde_json::{Value as Json, json};

use super::{Failure, Input, Template};

const GOLDEN: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fixtures/templates/golden.json"
));
/// The script's time: 2024-02-09 03:04:05.000067.
const NOW: (u64, u32) = (1_707_447_845, 67);

fn rendered(template: &str, conversation: &Json, special: &Json) -> Result<String, Failure> {
    let text = |json: &Json| Input::Text(json.as_str().unwrap().to_owned());
    let turn = |turn: &Json| {
        Input::Dict(vec![
            ("role", text(&turn["role"])),
            ("content", text(&turn["content"])),
        ])
    };
    let turns = conversation["messages"].as_array().unwrap();
    let answer = conversation["add_generation_prompt"].as_bool().unwrap();
    let mut names = vec![
        ("messages", Input::List(turns.iter().map(turn).collect())),
        ("tools", Input::None),
        ("documents", Input::None),
        ("add_generation_prompt", Input::Bool(answer)),
    ];
    for (name, token) in special.as_object().unwrap() {
        names.push((name.as_str(), text(token)));
    }
    let template = Template::parse(template).map_err(Failure::new)?;
    template.render(names, NOW)
}

/// What differs between a text of ours and what transformers says.
fn difference(ours: &Result<String, Failure>, theirs: &Json) -> Option<String> {
    match (ours, theirs) {
        (Ok(ours), Json::String(theirs)) if ours == theirs => None,
        (Err(failure), Json::Object(error)) => match &error["error"] {
            Json::String(words) if !failure.raised || failure.words != *words => {
                Some(format!("fails with {failure:?}, not {words:?}"))
            }
            _ => None,
        },
        (ours, theirs) => Some(format!("\n  ours   {ours:?}\n  theirs {theirs}")),
    }
}

#[test]
fn templates_of_public_models_are_written_as_transformers_does() {
    let golden: Json = serde_json::from_str(GOLDEN).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in golden["templates"].as_array().unwrap() {
        let template = entry["template"].as_str().unwrap();
        count += 1;
        let texts = entry["texts"].as_array().unwrap();
        let conversations = golden["conversations"].as_array().unwrap();
        assert_eq!(texts.len(), conversations.len());
        for (conversation, theirs) in conversations.iter().zip(texts) {
            let ours = rendered(template, conversation, &golden["special_tokens"]);
            if let Some(difference) = difference(&ours, theirs) {
                wrong.push(format!(
                    "{} of {}: {difference}",
                    conversation["name"], entry["name"]
                ));
            }
        }
    }
    assert!(count >= 60, "{count} templates");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn each_feature_of_jinja_is_as_in_transformers() {
    let golden: Json = serde_json::from_str(GOLDEN).unwrap();
    let conversation = json!({
        "messages": golden["conversations"][3]["messages"],
        "add_generation_prompt": true,
    });
    let mut wrong = Vec::new();
    for snippet in golden["snippets"].as_array().unwrap() {
        let template = snippet["template"].as_str().unwrap();
        let ours = rendered(template, &conversation, &golden["special_tokens"]);
        if let Some(difference) = difference(&ours, &snippet["text"]) {
            wrong.push(format!("{template}{difference}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
