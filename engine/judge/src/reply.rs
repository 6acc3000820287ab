//! What endpoints send back: an answer, or what is wrong.

use serde_json::Value;

/// Characters that are kept of what an endpoint says is wrong.
const SAID: usize = 300;

/// The text of a reply, or the words in which it refuses.
pub(crate) fn content(reply: &Value) -> Option<String> {
    let message = reply.get("choices")?.get(0)?.get("message")?;
    let text = message["content"]
        .as_str()
        .or_else(|| message["refusal"].as_str());
    text.map(str::to_owned)
}

/// What an endpoint says is wrong, in one line.
pub(crate) fn said(text: &str) -> String {
    let message = serde_json::from_str::<Value>(text).ok();
    let message = message.and_then(|json| {
        let said = &json["error"]["message"];
        said.as_str()
            .or_else(|| json["error"].as_str())
            .map(str::to_owned)
    });
    let words = message.unwrap_or_else(|| text.to_owned());
    let line: Vec<&str> = words.split_whitespace().collect();
    let line: String = line
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(SAID)
        .collect();
    if line.is_empty() {
        "nothing".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_endpoints_say_becomes_a_line() {
        assert_eq!(
            said("{\"error\": {\"message\": \"no such\\n model\"}}"),
            "no such model"
        );
        assert_eq!(said("<html>Bad\tGateway"), "<html>Bad Gateway");
        assert_eq!(said(""), "nothing");
        assert_eq!(said(&"x".repeat(1000)).len(), SAID);
        let reply = |message: Value| content(&json!({"choices": [{"message": message}]}));
        assert_eq!(reply(json!({"content": "A"})), Some("A".to_owned()));
        assert_eq!(
            reply(json!({"content": null, "refusal": "no"})),
            Some("no".to_owned())
        );
        assert_eq!(
            (reply(json!({})), content(&json!({"choices": []}))),
            (None, None)
        );
    }
}
