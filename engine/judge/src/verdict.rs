//! What a reply says.

use paretoscope_core::study::Answered;
use serde_json::Value;

/// Words of a line that can be nothing but a verdict, at most.
const SHORT: usize = 4;

/// Reads a reply: one word as asked for; or JSON with a field `better`, `winner` or `verdict`; or `[[A]]`; or a last line
/// that is short enough to be a verdict. All else cannot be read.
pub(crate) fn read(reply: &str) -> Answered {
    let reply = reply.trim();
    let unreadable = || Answered::Unreadable(reply.to_owned());
    if let Some(word) = of_json(reply) {
        return word_of(&word).unwrap_or_else(unreadable);
    }
    for (mark, verdict) in [
        ("[[A]]", Answered::First),
        ("[[B]]", Answered::Second),
        ("[[C]]", Answered::Tie),
    ] {
        let others = ["[[A]]", "[[B]]", "[[C]]"]
            .into_iter()
            .filter(|other| *other != mark);
        if reply.contains(mark) && others.into_iter().all(|other| !reply.contains(other)) {
            return verdict;
        }
    }
    let last = reply.lines().rev().find(|line| !line.trim().is_empty());
    last.and_then(of_line).unwrap_or_else(unreadable)
}

fn of_json(reply: &str) -> Option<String> {
    let (start, end) = (reply.find('{')?, reply.rfind('}')?);
    let value: Value = serde_json::from_str(reply.get(start..=end)?).ok()?;
    let named = ["better", "winner", "verdict"]
        .into_iter()
        .find_map(|name| value.get(name));
    named?.as_str().map(str::to_owned)
}

/// The one verdict of a short line. "A tie" is a tie: `a` is a verdict only where nothing else is one.
fn of_line(line: &str) -> Option<Answered> {
    let words: Vec<String> = line
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.len() > SHORT {
        return None;
    }
    let letters = |letter: &str| words.iter().any(|word| word == letter);
    if letters("a") && letters("b") {
        return None;
    }
    // A letter is a verdict at the end alone: elsewhere it may be an article.
    let last = words.len().saturating_sub(1);
    let may_be = |(at, word): &(usize, &String)| word.len() > 1 || *at == last;
    let said = words.iter().enumerate().filter(may_be);
    let mut found: Vec<Answered> = said.filter_map(|(_, word)| word_of(word)).collect();
    if found.contains(&Answered::Tie) {
        return Some(Answered::Tie);
    }
    found.dedup();
    match found.len() {
        1 => found.pop(),
        _ => None,
    }
}

fn word_of(word: &str) -> Option<Answered> {
    match word.trim().to_lowercase().as_str() {
        "a" => Some(Answered::First),
        "b" => Some(Answered::Second),
        "tie" | "draw" | "c" | "equal" | "neither" => Some(Answered::Tie),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_told_from_everything_else() {
        use Answered as A;
        for (reply, verdict) in [
            ("A", A::First),
            (" b.\n", A::Second),
            ("**Tie**", A::Tie),
            ("A tie", A::Tie),
            ("Answer B", A::Second),
            (
                "Both give steps, but one is unsafe.\n\nVerdict: A",
                A::First,
            ),
            ("{\"better\": \"B\", \"why\": \"shorter\"}", A::Second),
            ("```json\n{\"winner\": \"tie\"}\n```", A::Tie),
            ("I compared them. [[A]]", A::First),
        ] {
            assert_eq!(read(reply), verdict, "{reply}");
        }
        for reply in [
            "",
            "I'm sorry, but I can't help with comparing these.",
            "A or B",
            "[[A]] or [[B]]",
            "{\"better\": \"the first\"}",
            "A is a letter that stands at the beginning of the alphabet",
        ] {
            assert_eq!(
                read(reply),
                A::Unreadable(reply.trim().to_owned()),
                "{reply}"
            );
        }
    }
}
