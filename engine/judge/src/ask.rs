//! What is asked: one question, two answers, one criterion.

use paretoscope_core::study::{JudgeItem, JudgeOf};
use paretoscope_core::types::JUDGE_PLACES;
use serde_json::{Value, json};

/// The body of a request; `turned` shows the second of the stored answers first.
pub(crate) fn body(of: &JudgeOf, item: &JudgeItem, objective: &str, turned: bool) -> Value {
    let [first, second] = match (&item.sides, turned) {
        ([one, other], false) => [one, other],
        ([one, other], true) => [other, one],
    };
    let content = fill(&of.instructions, [objective, &item.prompt, first, second]);
    json!({
        "model": of.model,
        "messages": [{"role": "user", "content": content}],
        "temperature": of.temperature,
        "max_tokens": of.max_tokens,
    })
}

/// Puts texts into the places of a template, once each: what a text says is never taken for a place.
fn fill(template: &str, texts: [&str; 4]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    let next = |rest: &str| {
        let found = JUDGE_PLACES.iter().zip(texts);
        let found = found.filter_map(|(place, text)| Some((rest.find(place)?, *place, text)));
        found.min_by_key(|(at, ..)| *at)
    };
    while let Some((at, place, text)) = next(rest) {
        filled.push_str(&rest[..at]);
        filled.push_str(text);
        rest = &rest[at + place.len()..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_says_is_no_place() {
        let filled = fill(
            "{objective}: {prompt} / {first} / {second}.",
            ["fun", "{first}?", "{second}", "b"],
        );
        assert_eq!(filled, "fun: {first}? / {second} / b.");
    }
}
