//! The forms of training data in use: one JSON object to an example or a pair.
//!
//! | where | prompt | answers |
//! |---|---|---|
//! | plain text | `prompt` | `response`, `completion`; `chosen` and `rejected` |
//! | a user's turn, through the chat template | `chat`, with `system` | the same |
//! | a conversation, through the chat template | `messages`, or `prompt` as a list | the same, or lists of turns |
//! | the whole conversation (TRL's implicit prompt) | what comes before the last turn | the last turn |
//! | ShareGPT | `conversations` of `from` and `value` | its last turn; `chosen` and `rejected` as turns |
//! | Alpaca | `instruction`, `input` | `output` |
//! | Anthropic's HH | up to the last `\n\nAssistant:` | what follows it |
//! | text to learn from its beginning | none | `text` |

use serde_json::{Map, Value};

use super::{Fault, TextExample, TextPair};
use crate::types::{Message, Prompt};

/// Where an answer begins in a dialogue of the HH data, and where a person speaks.
const ASSISTANT: &str = "\n\nAssistant:";
const HUMAN: &str = "\n\nHuman:";

type Fields = Map<String, Value>;

fn bad(problem: impl Into<String>) -> Fault {
    Fault::BadLine(problem.into())
}

fn fields(object: &Value) -> Result<&Fields, Fault> {
    object
        .as_object()
        .ok_or_else(|| bad("is JSON, but not an object"))
}

/// A text field; `None` where it is absent or null.
fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, Fault> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("`{name}` is not a string"))),
    }
}

/// One turn: `role` and `content`, or ShareGPT's `from` and `value`.
fn turn(value: &Value, name: &str) -> Result<Message, Fault> {
    let field = |a: &str, b: &str| value.get(a).or_else(|| value.get(b));
    let role = field("role", "from").and_then(Value::as_str);
    let content = match field("content", "value") {
        Some(Value::String(content)) => Some(content.clone()),
        // The parts of a message that are text.
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| part.get("text").and_then(Value::as_str))
            .collect::<Option<String>>(),
        _ => None,
    };
    let (Some(role), Some(content)) = (role, content) else {
        return Err(bad(format!(
            "a turn of `{name}` lacks `role` and `content` (or `from` and `value`) as text"
        )));
    };
    let role = match role {
        "human" => "user",
        "gpt" | "chatgpt" | "bot" | "model" => "assistant",
        other => other,
    };
    Ok(Message::new(role, content))
}

fn turns(value: &Value, name: &str) -> Result<Vec<Message>, Fault> {
    match value {
        Value::Array(all) if !all.is_empty() => all.iter().map(|v| turn(v, name)).collect(),
        Value::Object(_) => Ok(vec![turn(value, name)?]),
        _ => Err(bad(format!(
            "`{name}` is not a list of turns with something in it"
        ))),
    }
}

/// The last turn of a conversation, which is the assistant's, and what comes before it.
fn last_answer(
    mut turns: Vec<Message>,
    name: &'static str,
) -> Result<(Vec<Message>, String), Fault> {
    match turns.pop() {
        Some(last) if last.role == "assistant" => Ok((turns, last.content)),
        _ => Err(Fault::NoAnswer(name)),
    }
}

/// The prompt that stands apart from its answers.
fn prompt(fields: &Fields) -> Result<Option<Prompt>, Fault> {
    let chat = |user: String| -> Result<Prompt, Fault> {
        Ok(match text(fields, "system")? {
            Some(system) => Prompt::Messages(vec![Message::system(system), Message::user(user)]),
            None => Prompt::Chat(user),
        })
    };
    let conversation = |name: &str| -> Result<Option<Prompt>, Fault> {
        match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let mut all = turns(value, name)?;
                if let Some(system) = text(fields, "system")? {
                    all.insert(0, Message::system(system));
                }
                Ok(Some(Prompt::Messages(all)))
            }
        }
    };
    let mut found = Vec::new();
    match fields.get("prompt") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => found.push(Prompt::Text(text.clone())),
        Some(_) => found.extend(conversation("prompt")?),
    }
    if let Some(user) = text(fields, "chat")? {
        found.push(chat(user.to_owned())?);
    }
    // UltraFeedback holds the chosen conversation once more, beside prompt and answers.
    if found.is_empty() || fields.get("chosen").is_none() {
        found.extend(conversation("messages")?);
    }
    found.extend(conversation("conversations")?);
    if let Some(instruction) = text(fields, "instruction")? {
        found.push(chat(match text(fields, "input")? {
            Some(input) if !input.is_empty() => format!("{instruction}\n\n{input}"),
            _ => instruction.to_owned(),
        })?);
    }
    if found.len() > 1 {
        return Err(bad(
            "has more than one of `prompt`, `chat`, `messages`, `conversations` and `instruction`",
        ));
    }
    Ok(found.pop())
}

/// A supervised example.
pub(super) fn example(object: &Value) -> Result<TextExample, Fault> {
    let fields = fields(object)?;
    let given = prompt(fields)?;
    let mut answers = Vec::new();
    for name in ["response", "completion", "output"] {
        match fields.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => answers.push(text.clone()),
            Some(value) => answers.push(last_answer(turns(value, name)?, "completion")?.1),
        }
    }
    let whole = text(fields, "text")?;
    match (given, answers.pop(), whole) {
        (Some(prompt), Some(response), None) if answers.is_empty() => {
            Ok(TextExample { prompt, response })
        }
        (Some(Prompt::Messages(all)), None, None) => {
            let (before, response) = last_answer(all, "messages")?;
            Ok(TextExample {
                prompt: Prompt::Messages(before),
                response,
            })
        }
        (None, None, Some(text)) => Ok(TextExample {
            prompt: Prompt::Text(String::new()),
            response: text.to_owned(),
        }),
        _ => Err(bad(
            "needs `prompt` and `response`, `messages` that end with an answer, or `text` alone",
        )),
    }
}

/// A better and a worse answer to one prompt.
pub(super) fn pair(object: &Value) -> Result<TextPair, Fault> {
    let fields = fields(object)?;
    if fields.get("chosen").is_none() || fields.get("rejected").is_none() {
        return Err(bad("needs `chosen` and `rejected`"));
    }
    let given = prompt(fields)?;
    let answer = |name: &'static str| -> Result<TextExample, Fault> {
        match fields.get(name) {
            None | Some(Value::Null) => Err(bad("needs `chosen` and `rejected`")),
            Some(Value::String(text)) => match &given {
                Some(prompt) => Ok(TextExample {
                    prompt: prompt.clone(),
                    response: text.clone(),
                }),
                None => dialogue(text, name),
            },
            Some(value) => {
                let (before, response) = last_answer(turns(value, name)?, name)?;
                Ok(TextExample {
                    prompt: joined(given.as_ref(), before)?,
                    response,
                })
            }
        }
    };
    Ok(TextPair {
        chosen: answer("chosen")?,
        rejected: answer("rejected")?,
    })
}

/// The prompt of an answer that is a list of turns: what stands apart, and the turns before the answer.
fn joined(given: Option<&Prompt>, before: Vec<Message>) -> Result<Prompt, Fault> {
    match given {
        None if before.is_empty() => Err(bad("has no prompt: its answers are single turns")),
        None => Ok(Prompt::Messages(before)),
        Some(Prompt::Text(text) | Prompt::Chat(text)) => match before.last() {
            None => Ok(Prompt::Chat(text.clone())),
            // UltraFeedback says the prompt twice.
            Some(last) if last.content == *text => Ok(Prompt::Messages(before)),
            Some(_) => Err(Fault::DifferentPrompts),
        },
        Some(Prompt::Messages(turns)) if before.is_empty() || before == *turns => {
            Ok(Prompt::Messages(turns.clone()))
        }
        Some(_) => Err(Fault::DifferentPrompts),
    }
}

/// A dialogue of the HH data, split after its last `Assistant:`.
fn dialogue(text: &str, name: &'static str) -> Result<TextExample, Fault> {
    let Some(at) = text.rfind(ASSISTANT) else {
        return Err(bad(format!(
            "has no `prompt`, and `{name}` no {ASSISTANT:?} to split it at"
        )));
    };
    let (prompt, response) = text.split_at(at + ASSISTANT.len());
    if response.contains(HUMAN) {
        return Err(Fault::NoAnswer(name));
    }
    Ok(TextExample {
        prompt: Prompt::Text(prompt.to_owned()),
        response: response.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(role: &str) -> Value {
        json!({"role": role, "content": "A"})
    }

    #[test]
    fn every_form_of_an_example_is_the_same_example() {
        let user = json!({"role": "user", "content": "Q"});
        let messages = TextExample {
            prompt: Prompt::Messages(vec![Message::user("Q")]),
            response: "A".to_owned(),
        };
        for object in [
            json!({"messages": [user, answer("assistant")]}),
            json!({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}),
            json!({"prompt": [user], "completion": [answer("assistant")]}),
        ] {
            assert_eq!(example(&object).unwrap(), messages, "{object}");
        }
        let alpaca = json!({"instruction": "Q", "input": "more", "output": "A"});
        assert_eq!(
            example(&alpaca).unwrap().prompt,
            Prompt::Chat("Q\n\nmore".to_owned())
        );
        let plain = json!({"prompt": "Q", "completion": "A"});
        assert_eq!(
            example(&plain).unwrap().prompt,
            Prompt::Text("Q".to_owned())
        );
        let last = json!({"messages": [user]});
        assert_eq!(example(&last), Err(Fault::NoAnswer("messages")));
    }

    #[test]
    fn the_turns_that_both_answers_share_are_the_prompt() {
        let turn = |role: &str, content: &str| json!({"role": role, "content": content});
        let (q, a, b) = (
            turn("user", "Q"),
            turn("assistant", "A"),
            turn("assistant", "B"),
        );
        let shared = Prompt::Messages(vec![Message::user("Q")]);
        for object in [
            json!({"chosen": [q, a], "rejected": [q, b]}),
            json!({"prompt": [q], "chosen": [a], "rejected": [b]}),
            json!({"prompt": "Q", "chosen": [q, a], "rejected": [q, b]}),
            json!({"conversations": [{"from": "human", "value": "Q"}],
                "chosen": {"from": "gpt", "value": "A"}, "rejected": {"from": "gpt", "value": "B"}}),
        ] {
            let pair = pair(&object).unwrap();
            assert_eq!(
                (&pair.chosen.prompt, &pair.rejected.prompt),
                (&shared, &shared),
                "{object}"
            );
            assert_eq!(
                (
                    pair.chosen.response.as_str(),
                    pair.rejected.response.as_str()
                ),
                ("A", "B")
            );
        }
        let other = json!({"prompt": "R", "chosen": [q, a], "rejected": [q, b]});
        assert_eq!(pair(&other), Err(Fault::DifferentPrompts));
    }

    #[test]
    fn a_dialogue_that_a_person_ends_has_no_answer() {
        let human = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c";
        let object = json!({"chosen": human, "rejected": human});
        assert_eq!(pair(&object), Err(Fault::NoAnswer("chosen")));
    }
}
