//! The fields of a line, and of a turn: those that are read, those that would change what is meant and are
//! refused by name, and those that are not read.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::LineError;

/// An object of the data.
pub(super) type Fields = Map<String, Value>;

/// What the forms read.
const READ: [&str; 13] = [
    "prompt",
    "chat",
    "messages",
    "conversations",
    "instruction",
    "input",
    "system",
    "response",
    "completion",
    "output",
    "chosen",
    "rejected",
    "text",
];

/// What says where a line is from and how it was judged: it is not read, and that needs no word.
const ABOUT: [&str; 20] = [
    "id",
    "_id",
    "idx",
    "index",
    "prompt_id",
    "uuid",
    "source",
    "url",
    "dataset",
    "split",
    "category",
    "lang",
    "language",
    "meta",
    "metadata",
    "model",
    "rating",
    "score",
    "score_chosen",
    "score_rejected",
];

/// Of a line: without them it would say something else.
const OF_A_LINE: [(&[&str], &str); 7] = [
    (
        &["history", "past", "dialogue_history"],
        "earlier turns belong into `messages`",
    ),
    (
        &["system_prompt", "system_message"],
        "what the model is told first is the field `system`, or the first of `messages`",
    ),
    (
        &[
            "tools",
            "tool_calls",
            "tool_choice",
            "functions",
            "function_call",
        ],
        "tools cannot be told to the model here; write what it reads and says into the turns",
    ),
    (
        &[
            "context",
            "contexts",
            "document",
            "documents",
            "knowledge",
            "passage",
        ],
        "what the model reads beside the question belongs into the prompt",
    ),
    (
        &["image", "images", "audio", "audios", "video", "videos"],
        "the model reads text alone",
    ),
    (
        &["chat_template_kwargs", "chat_template", "prefix", "suffix"],
        "texts are given to the model as its own template has them",
    ),
    (
        &["thinking", "reasoning", "reasoning_content"],
        "what the model thinks before it answers belongs into the answer",
    ),
];

/// Of a turn.
const OF_A_TURN: [(&[&str], &str); 4] = [
    (
        &[
            "tool_calls",
            "tool_call_id",
            "function_call",
            "tools",
            "functions",
        ],
        "calls of tools are not read; write what the model says into the content",
    ),
    (
        &["image", "images", "audio", "video"],
        "the model reads text alone",
    ),
    (
        &["thinking", "reasoning", "reasoning_content"],
        "what the model thinks before it answers belongs into the content",
    ),
    (&["prefix", "refusal"], "an answer is its content, whole"),
];

/// Weights in the loss.
const WEIGHTS: [&str; 4] = ["weight", "weights", "loss_weight", "sample_weight"];

pub(super) fn bad(problem: impl Into<String>) -> LineError {
    LineError::BadLine(problem.into())
}

/// The object itself.
pub(super) fn fields(object: &Value) -> Result<&Fields, LineError> {
    object
        .as_object()
        .ok_or_else(|| bad("is JSON, but not an object"))
}

/// Whether a field says nothing: tables with the fields of several sources have such in every line.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => matches!(text.trim(), "" | "[]" | "{}"),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        _ => false,
    }
}

fn refuse(fields: &Fields, meant: &[(&[&str], &str)], whose: &str) -> Result<(), LineError> {
    for (names, instead) in meant {
        for name in *names {
            if fields.get(*name).is_some_and(|value| !empty(value)) {
                return Err(bad(format!(
                    "{whose} has `{name}`, which training does not read: {instead}"
                )));
            }
        }
    }
    Ok(())
}

fn unlike_one(fields: &Fields) -> Option<(&'static str, &Value)> {
    WEIGHTS.iter().find_map(|name| {
        let value = fields.get(*name).filter(|value| !value.is_null())?;
        (value.as_f64() != Some(1.0)).then_some((*name, value))
    })
}

/// Refuses fields that would change what a line says, and those that are spelt almost as a field that it lacks.
pub(super) fn check_line(fields: &Fields) -> Result<(), LineError> {
    refuse(fields, &OF_A_LINE, "it")?;
    if let Some((name, value)) = unlike_one(fields) {
        return Err(bad(format!(
            "has `{name}` {value}, but all lines of a file weigh the same; files have weights, `mix`"
        )));
    }
    if fields.get("label") == Some(&Value::Bool(false)) {
        return Err(bad(
            "has `label` false: an answer that is not wanted cannot be learnt; leave it out, or write pairs",
        ));
    }
    for name in fields.keys().filter(|name| !READ.contains(&name.as_str())) {
        if let Some(meant) = misspelt(name).filter(|meant| !fields.contains_key(*meant)) {
            return Err(bad(format!(
                "has `{name}`, which is not known; did you mean `{meant}`?"
            )));
        }
    }
    Ok(())
}

/// Refuses fields that would change what a turn says.
pub(super) fn check_turn(fields: &Fields, name: &str, last: bool) -> Result<(), LineError> {
    refuse(fields, &OF_A_TURN, &format!("a turn of `{name}`"))?;
    // Of the turns before the last one none is learnt, whatever it weighs.
    match unlike_one(fields).filter(|_| last) {
        None => Ok(()),
        Some((field, value)) => Err(bad(format!(
            "the last turn of `{name}` has `{field}` {value}, but what is learnt weighs 1"
        ))),
    }
}

/// The field that a name may have been meant for. Short names are left alone: `test` is not `text`.
fn misspelt(name: &str) -> Option<&'static str> {
    READ.into_iter().find(|read| {
        let most = match read.len() {
            0..5 => 0,
            5 => 1,
            _ => 2,
        };
        let distance = strsim::osa_distance(name, read);
        distance > 0 && distance <= most
    })
}

/// Names of fields that no form reads and that may have been meant to be.
pub(super) fn note_unread(object: &Value, unread: &mut BTreeSet<String>) {
    let names = object.as_object().into_iter().flat_map(Map::keys);
    let unknown = |name: &&String| {
        let name = name.as_str();
        !READ.contains(&name) && !ABOUT.contains(&name)
    };
    for name in names.filter(unknown) {
        // A file may have a name of its own in every line.
        if unread.len() < 64 && !unread.contains(name) {
            unread.insert(name.clone());
        }
    }
}

/// A text field; `None` where it is absent or null.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, LineError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("`{name}` is not a string"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(line: &Value) -> Result<(), LineError> {
        check_line(fields(line).unwrap())
    }

    #[test]
    fn fields_that_change_a_line_are_refused_by_name() {
        for (name, value) in [
            ("history", json!([["Q", "A"]])),
            ("tools", json!([{"name": "search"}])),
            ("tools", json!("[{\"name\": \"search\"}]")),
            ("documents", json!(["It rained."])),
            ("images", json!(["cat.png"])),
            ("weight", json!(0.5)),
            ("label", json!(false)),
            ("sytem", json!("Be brief.")),
            ("message", json!([])),
            ("respones", json!("A")),
        ] {
            let mut line = json!({"prompt": "Q"});
            line[name] = value;
            let fault = checked(&line).unwrap_err().to_string();
            assert!(fault.contains(&format!("`{name}`")), "{fault}");
        }
    }

    #[test]
    fn fields_that_change_nothing_pass() {
        for line in [
            json!({"prompt": "Q", "prompt_id": "x", "id": 3, "source": "a", "score": 1.5, "test": true}),
            json!({"prompt": "Q", "tools": null, "history": [], "images": "", "functions": "[]"}),
            json!({"prompt": "Q", "weight": 1, "label": true}),
            json!({"prompt": "Q", "prompts": 1}),
        ] {
            checked(&line).unwrap();
        }
        let mut unread = BTreeSet::new();
        note_unread(&json!({"prompt": "Q", "id": 1, "margin": 2}), &mut unread);
        assert!(unread.iter().eq(["margin"]));
    }
}
