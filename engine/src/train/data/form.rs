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
//!
//! An answer is one turn. `system` goes before any conversation that has no system turn of its own.

use serde_json::Value;

use super::fields::{Fields, bad, check_line, fields, text};
use super::turns::{last_answer, turns};
use super::{LineError, TextExample, TextPair};
use crate::types::{Message, Prompt};

/// Where an answer begins in a dialogue of the HH data, and where a person speaks.
const ASSISTANT: &str = "\n\nAssistant:";
const HUMAN: &str = "\n\nHuman:";

const NEEDS_AN_EXAMPLE: &str =
    "needs `prompt` and `response`, `messages` that end with an answer, or `text` alone";

fn conversation(fields: &Fields, name: &'static str) -> Result<Option<Vec<Message>>, LineError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => turns(value, name).map(Some),
    }
}

fn asks(turns: &[Message], text: &str) -> bool {
    turns
        .iter()
        .any(|turn| turn.role == "user" && turn.content == text)
}

/// The prompt that stands apart from its answers, as yet without `system`.
fn prompt(fields: &Fields) -> Result<Option<Prompt>, LineError> {
    let mut found = Vec::new();
    match fields.get("prompt") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => found.push(Prompt::Text(text.clone())),
        Some(_) => found.extend(conversation(fields, "prompt")?.map(Prompt::Messages)),
    }
    if let Some(user) = text(fields, "chat")? {
        found.push(Prompt::Chat(user.to_owned()));
    }
    // UltraFeedback holds the chosen conversation once more, beside prompt and answers.
    if (found.is_empty() || fields.get("chosen").is_none())
        && let Some(all) = conversation(fields, "messages")?
    {
        // UltraChat says the first question once more.
        if matches!(found.as_slice(), [Prompt::Text(text)] if asks(&all, text)) {
            found.clear();
        }
        found.push(Prompt::Messages(all));
    }
    found.extend(conversation(fields, "conversations")?.map(Prompt::Messages));
    let input = text(fields, "input")?.filter(|input| !input.is_empty());
    match (text(fields, "instruction")?, input) {
        (Some(instruction), Some(input)) => {
            found.push(Prompt::Chat(format!("{instruction}\n\n{input}")));
        }
        (Some(instruction), None) => found.push(Prompt::Chat(instruction.to_owned())),
        (None, Some(_)) => {
            return Err(bad(
                "has `input` without `instruction`, to which it belongs; write both, or one `prompt`",
            ));
        }
        (None, None) => {}
    }
    if found.len() > 1 {
        return Err(bad(
            "has more than one of `prompt`, `chat`, `messages`, `conversations` and `instruction`",
        ));
    }
    Ok(found.pop())
}

/// The prompt as the model gets it: with `system` before a conversation, and with room for an answer behind it.
fn finished(prompt: Prompt, fields: &Fields) -> Result<Prompt, LineError> {
    let system = text(fields, "system")?.filter(|system| !system.is_empty());
    let prompt = match (prompt, system) {
        (prompt, None) => prompt,
        (Prompt::Chat(user), Some(system)) => {
            Prompt::Messages(vec![Message::system(system), Message::user(user)])
        }
        (Prompt::Messages(mut all), Some(system)) => {
            match all.first().filter(|first| first.role == "system") {
                None => all.insert(0, Message::system(system)),
                Some(first) if first.content == system => {}
                Some(_) => {
                    return Err(bad(
                        "has `system` beside a conversation that begins with another system turn; keep one",
                    ));
                }
            }
            Prompt::Messages(all)
        }
        (Prompt::Text(_) | Prompt::Tokens(_), Some(_)) => {
            return Err(bad(
                "has `system`, which has no place in plain text; write the question as `chat` or `messages`, which go through the chat template",
            ));
        }
    };
    match &prompt {
        Prompt::Messages(all) if all.last().is_some_and(|last| last.role == "assistant") => {
            Err(bad(
                "has an answer beside a conversation that ends with the assistant's turn already; end the conversation with the user's",
            ))
        }
        _ => Ok(prompt),
    }
}

/// A supervised example.
pub(super) fn example(object: &Value) -> Result<TextExample, LineError> {
    let fields = fields(object)?;
    check_line(fields)?;
    let given = prompt(fields)?;
    let named = ["response", "completion", "output"]
        .into_iter()
        .filter_map(|name| Some((name, fields.get(name)?)));
    let (absent, answers): (Vec<_>, Vec<_>) = named.partition(|(_, value)| value.is_null());
    let whole = text(fields, "text")?;
    let example = match (given, answers.as_slice(), whole) {
        (Some(prompt), &[(_, Value::String(response))], None) => TextExample {
            prompt,
            response: response.clone(),
        },
        (given @ Some(_), &[(name, value)], None) => listed(given.as_ref(), value, name)?,
        (Some(Prompt::Messages(all)), [], None) => {
            let (before, response) = last_answer(all, "messages")?;
            TextExample {
                prompt: Prompt::Messages(before),
                response,
            }
        }
        (None, [], Some(text)) => TextExample {
            prompt: Prompt::Text(String::new()),
            response: text.to_owned(),
        },
        (Some(_), [], None) => match absent.first() {
            Some((name, _)) => return Err(LineError::EmptyAnswer(name)),
            None => return Err(bad(NEEDS_AN_EXAMPLE)),
        },
        (_, [_, _, ..], _) => {
            return Err(bad(
                "has more than one of `response`, `completion` and `output`",
            ));
        }
        _ => return Err(bad(NEEDS_AN_EXAMPLE)),
    };
    Ok(TextExample {
        prompt: finished(example.prompt, fields)?,
        ..example
    })
}

/// A better and a worse answer to one prompt.
pub(super) fn pair(object: &Value) -> Result<TextPair, LineError> {
    let fields = fields(object)?;
    check_line(fields)?;
    if fields.get("chosen").is_none() || fields.get("rejected").is_none() {
        return Err(bad("needs `chosen` and `rejected`"));
    }
    let given = prompt(fields)?;
    let answer = |name: &'static str| -> Result<TextExample, LineError> {
        let example = match fields.get(name) {
            None | Some(Value::Null) => return Err(LineError::EmptyAnswer(name)),
            Some(Value::String(text)) => match &given {
                Some(prompt) => TextExample {
                    prompt: prompt.clone(),
                    response: text.clone(),
                },
                None => dialogue(text, name)?,
            },
            Some(value) => listed(given.as_ref(), value, name)?,
        };
        Ok(TextExample {
            prompt: finished(example.prompt, fields)?,
            ..example
        })
    };
    Ok(TextPair {
        chosen: answer("chosen")?,
        rejected: answer("rejected")?,
    })
}

/// An answer that is a list of turns: the last of them, to what stands apart and the turns before it.
fn listed(
    given: Option<&Prompt>,
    value: &Value,
    name: &'static str,
) -> Result<TextExample, LineError> {
    if value.as_array().is_some_and(Vec::is_empty) {
        return Err(LineError::EmptyAnswer(name));
    }
    let (before, response) = last_answer(turns(value, name)?, name)?;
    Ok(TextExample {
        prompt: joined(given, before, name)?,
        response,
    })
}

/// The prompt of an answer's last turn: what stands apart, or the turns before it, which may say that again.
fn joined(
    given: Option<&Prompt>,
    before: Vec<Message>,
    name: &'static str,
) -> Result<Prompt, LineError> {
    let Some(given) = given else {
        if before.is_empty() {
            return Err(bad("has no prompt: its answers are single turns"));
        }
        return Ok(Prompt::Messages(before));
    };
    let first = before.iter().find(|turn| turn.role != "system");
    match first.map(|turn| turn.role.as_str()) {
        None if before.is_empty() => {
            return Ok(match given {
                Prompt::Text(text) | Prompt::Chat(text) => Prompt::Chat(text.clone()),
                other => other.clone(),
            });
        }
        Some("user") => {}
        _ => {
            return Err(bad(format!(
                "`{name}` goes on for several turns after the prompt, of which one alone can be the answer; put the earlier ones into the prompt"
            )));
        }
    }
    let again = match given {
        Prompt::Text(text) | Prompt::Chat(text) => asks(&before, text),
        // The prompt may be the chosen conversation once more, with its answer, or without its system turn.
        Prompt::Messages(turns) => {
            let spoken = before.iter().skip_while(|turn| turn.role == "system");
            before == *turns
                || spoken.eq(turns)
                || turns
                    .split_last()
                    .is_some_and(|(last, head)| last.role == "assistant" && before == head)
        }
        Prompt::Tokens(_) => false,
    };
    match (again, name) {
        (true, _) => Ok(Prompt::Messages(before)),
        (false, "chosen" | "rejected") => Err(LineError::DifferentPrompts),
        (false, _) => Err(bad(format!(
            "the turns of `{name}` before its answer are not those of the prompt"
        ))),
    }
}

/// A dialogue of the HH data, split after its last `Assistant:`.
fn dialogue(text: &str, name: &'static str) -> Result<TextExample, LineError> {
    let Some(at) = text.rfind(ASSISTANT) else {
        return Err(bad(format!(
            "has no `prompt`, and `{name}` no {ASSISTANT:?} to split it at"
        )));
    };
    let (prompt, response) = text.split_at(at + ASSISTANT.len());
    if response.contains(HUMAN) {
        return Err(LineError::NoAnswer(name));
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
        assert_eq!(example(&last), Err(LineError::NoAnswer("messages")));
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
        assert_eq!(pair(&other), Err(LineError::DifferentPrompts));
    }

    #[test]
    fn a_dialogue_that_a_person_ends_has_no_answer() {
        let human = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c";
        let object = json!({"chosen": human, "rejected": human});
        assert_eq!(pair(&object), Err(LineError::NoAnswer("chosen")));
    }

    #[test]
    fn system_goes_before_the_conversation_or_is_refused() {
        let turn = |role: &str, content: &str| json!({"role": role, "content": content});
        let (q, a, b) = (
            turn("user", "Q"),
            turn("assistant", "A"),
            turn("assistant", "B"),
        );
        let told = Prompt::Messages(vec![Message::system("S"), Message::user("Q")]);
        for object in [
            json!({"system": "S", "chosen": [q, a], "rejected": [q, b]}),
            json!({"system": "S", "prompt": "Q", "chosen": [q, a], "rejected": [q, b]}),
            json!({"system": "S", "prompt": "Q", "chosen": [a], "rejected": [b]}),
            json!({"system": "S", "prompt": [q], "chosen": "A", "rejected": "B"}),
            json!({"system": "S", "messages": [turn("system", "S"), q], "chosen": "A", "rejected": "B"}),
            json!({"system": "S", "instruction": "Q", "chosen": "A", "rejected": "B"}),
        ] {
            let pair = pair(&object).unwrap();
            assert_eq!(
                (&pair.chosen.prompt, &pair.rejected.prompt),
                (&told, &told),
                "{object}"
            );
        }
        let example = |object: &Value| example(object).map(|example| example.prompt);
        assert_eq!(
            example(&json!({"system": "S", "messages": [q, a]})),
            Ok(told.clone())
        );
        assert_eq!(
            example(&json!({"system": "S", "prompt": "Q", "completion": [a]})),
            Ok(told)
        );
        for object in [
            json!({"system": "S", "prompt": "Q", "response": "A"}),
            json!({"system": "S", "text": "A"}),
            json!({"system": "S", "messages": [turn("system", "other"), q, a]}),
        ] {
            let fault = example(&object).unwrap_err().to_string();
            assert!(fault.contains("`system`"), "{fault}");
        }
        assert!(example(&json!({"system": "", "prompt": "Q", "response": "A"})).is_ok());
    }

    #[test]
    fn an_answer_is_one_turn() {
        let turn = |role: &str, content: &str| json!({"role": role, "content": content});
        let (q, a, b) = (
            turn("user", "Q"),
            turn("assistant", "A"),
            turn("assistant", "B"),
        );
        let whole = json!({"prompt": [q], "completion": [q, a]});
        assert_eq!(
            example(&whole).unwrap().prompt,
            Prompt::Messages(vec![Message::user("Q")])
        );
        for object in [
            json!({"prompt": [q], "completion": [a, q, b]}),
            json!({"prompt": "Q", "response": [a, q, b]}),
            json!({"prompt": [q, a], "response": "B"}),
            json!({"prompt": [q], "completion": [turn("user", "R"), b]}),
            json!({"prompt": "Q", "response": "A", "output": "B"}),
            json!({"prompt": "Q", "input": "more", "response": "A"}),
        ] {
            assert!(
                matches!(example(&object), Err(LineError::BadLine(_))),
                "{object}"
            );
        }
        let several = json!({"prompt": [q], "chosen": [a, q, b], "rejected": [b]});
        assert!(
            pair(&several)
                .unwrap_err()
                .to_string()
                .contains("several turns")
        );
        // The first question of a conversation, as UltraChat and mixtures of pairs say it.
        let again =
            json!({"prompt": "Q", "prompt_id": "x", "messages": [q, a, turn("user", "R"), b]});
        assert_eq!(example(&again).unwrap().response, "B");
        let chosen = json!({"messages": [q, a], "chosen": [q, a], "rejected": [q, b]});
        assert!(pair(&chosen).is_ok());
    }

    #[test]
    fn turns_that_hold_more_than_text_are_refused_by_name() {
        let q = json!({"role": "user", "content": "Q"});
        for (turn, name) in [
            (
                json!({"role": "assistant", "content": null, "tool_calls": [{"id": 1}]}),
                "tool_calls",
            ),
            (
                json!({"role": "assistant", "content": "A", "weight": 0}),
                "weight",
            ),
            (
                json!({"role": "assistant", "content": "A", "reasoning_content": "hm"}),
                "reasoning_content",
            ),
            (
                json!({"role": "assistant", "content": [{"type": "image", "url": "x"}]}),
                "content",
            ),
        ] {
            let fault = example(&json!({"messages": [q, turn]}))
                .unwrap_err()
                .to_string();
            assert!(fault.contains(name), "{fault}");
        }
        let last = json!({"from": "gpt", "value": "A"});
        for from in ["function_call", "observation", "tool", "narrator"] {
            let object = json!({"conversations": [{"from": from, "value": "x"}, last]});
            let fault = example(&object).unwrap_err().to_string();
            assert!(fault.contains(from), "{fault}");
        }
        // What says nothing changes nothing.
        let object = json!({"messages": [q, {"role": "assistant", "content": "A", "tool_calls": null, "weight": 1}]});
        assert_eq!(example(&object).unwrap().response, "A");
    }
}
