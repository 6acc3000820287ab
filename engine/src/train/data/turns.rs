//! Turns of conversations, as messages (`role`, `content`) or ShareGPT's (`from`, `value`).

use serde_json::Value;

use super::LineError;
use super::fields::{bad, check_turn, fields};
use crate::types::Message;

/// A list of turns, or one alone.
pub(super) fn turns(value: &Value, name: &'static str) -> Result<Vec<Message>, LineError> {
    match value {
        Value::Array(all) if !all.is_empty() => {
            let last = all.len() - 1;
            let one = |(index, value)| turn(value, name, index == last);
            all.iter().enumerate().map(one).collect()
        }
        Value::Object(_) => Ok(vec![turn(value, name, true)?]),
        _ => Err(bad(format!(
            "`{name}` is not a list of turns with something in it"
        ))),
    }
}

fn turn(value: &Value, name: &str, last: bool) -> Result<Message, LineError> {
    let lacking = || {
        bad(format!(
            "a turn of `{name}` lacks `role` and `content` (or `from` and `value`) as text"
        ))
    };
    let fields = fields(value).map_err(|_not| lacking())?;
    check_turn(fields, name, last)?;
    let one_of = |a: &str, b: &str| fields.get(a).or_else(|| fields.get(b));
    let role = match (fields.get("role"), fields.get("from")) {
        (Some(Value::String(role)), _) => own_role(role),
        (None, Some(Value::String(from))) => sharegpt_role(from, name)?,
        _ => return Err(lacking()),
    };
    let content = match one_of("content", "value") {
        Some(Value::String(content)) => Some(content.clone()),
        // The parts of a message that are text.
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Option<String>>(),
        // An answer that is not there is an empty one, which is counted as such.
        Some(Value::Null) if last && role == "assistant" => Some(String::new()),
        _ => None,
    };
    Ok(Message::new(role, content.ok_or_else(lacking)?))
}

/// The role under the name that templates know.
fn own_role(role: &str) -> &str {
    match role {
        "human" => "user",
        "gpt" | "chatgpt" | "bot" | "model" => "assistant",
        other => other,
    }
}

/// ShareGPT has a closed list of speakers; those that are tools belong to calls, which are not read.
fn sharegpt_role<'a>(from: &'a str, name: &str) -> Result<&'a str, LineError> {
    match own_role(from) {
        role @ ("system" | "user" | "assistant") => Ok(role),
        "tool" | "tool_call" | "tool_response" | "function" | "function_call"
        | "function_response" | "observation" => Err(bad(format!(
            "a turn of `{name}` is from `{from}`: calls of tools are not read; leave such conversations out, or write them as `messages` with the roles of the model's template"
        ))),
        _ => Err(bad(format!(
            "a turn of `{name}` is from `{from}`; known are human, gpt, system, user and assistant"
        ))),
    }
}

/// The last turn of a conversation, which is the assistant's, and what comes before it.
pub(super) fn last_answer(
    mut turns: Vec<Message>,
    name: &'static str,
) -> Result<(Vec<Message>, String), LineError> {
    match turns.pop() {
        Some(last) if last.role == "assistant" => Ok((turns, last.content)),
        _ => Err(LineError::NoAnswer(name)),
    }
}
