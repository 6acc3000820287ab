//! Words around the world's own sentences: ways to ask, and what joins the sentences of an answer.

use rand::Rng;
use rand::seq::IndexedRandom as _;

use super::world::{ASKS, Topic};

/// A way to ask: what stands before and after the topic's goal or subject.
struct Template {
    before: &'static str,
    goal: bool,
    after: &'static str,
}

const fn goal(before: &'static str, after: &'static str) -> Template {
    Template {
        before,
        goal: true,
        after,
    }
}

const fn subject(before: &'static str, after: &'static str) -> Template {
    Template {
        before,
        goal: false,
        after,
    }
}

/// Ways to ask that fit every topic; a topic's own questions come before them.
const TEMPLATES: [Template; 16] = [
    goal("How do I ", "?"),
    goal("How can I ", "?"),
    goal("What is the best way to ", "?"),
    goal("I want to ", ". Any ideas?"),
    goal("Can you help me ", "?"),
    goal("I need to ", " today. Where do I start?"),
    goal("Tell me how to ", "."),
    goal("I would like to ", ". What should I do?"),
    goal("What is an easy way to ", "?"),
    goal("", ""),
    subject("Help me with ", ", please."),
    subject("Do you have any advice about ", "?"),
    subject("What should I know about ", "?"),
    subject("Any tips about ", "?"),
    subject("I have a question about ", "."),
    subject("", ""),
];

/// Ways to ask about a topic: its own questions, then the templates.
pub const PHRASINGS: usize = ASKS + TEMPLATES.len();

/// Asks about `topic` in way `phrasing`, which wraps around at [`PHRASINGS`].
pub fn ask(topic: &Topic, phrasing: usize) -> String {
    let phrasing = phrasing % PHRASINGS;
    if let Some(own) = topic.asks.get(phrasing) {
        return own.clone();
    }
    let Some(template) = TEMPLATES.get(phrasing.saturating_sub(ASKS)) else {
        return topic.goal.clone();
    };
    let core = if template.goal {
        &topic.goal
    } else {
        &topic.subject
    };
    capitalise(&format!("{}{core}{}", template.before, template.after))
}

/// Roughens a question as people type it: case, end marks and small words go missing. Training
/// questions alone pass through here, so that a typed question need not be a perfect one.
pub fn roughen(question: &str, rng: &mut impl Rng) -> String {
    let mut text = question.to_owned();
    if rng.random_bool(0.15) {
        let words: Vec<&str> = text.split(' ').collect();
        if words.len() > 4 {
            let lost = rng.random_range(0..words.len());
            let kept: Vec<&str> = words
                .iter()
                .enumerate()
                .filter(|&(i, _)| i != lost)
                .map(|(_, w)| *w)
                .collect();
            text = kept.join(" ");
        }
    }
    if rng.random_bool(0.15) {
        text = text.trim_end_matches(['.', '?', '!']).to_owned();
    }
    if rng.random_bool(0.15) {
        text = text.to_lowercase();
    }
    text
}

/// What may stand before a step: the first of several, one in the middle, the last of several.
pub(super) const FIRST: [&str; 3] = ["First, ", "To start, ", "Begin like this: "];
pub(super) const MIDDLE: [&str; 4] = ["Then ", "Next, ", "After that, ", "Now "];
pub(super) const LAST: [&str; 1] = ["Finally, "];
/// What may stand before a caution.
pub(super) const CARE: [&str; 5] = [
    "Please ",
    "Be careful: ",
    "To be safe, ",
    "Also, ",
    "Remember: ",
];
/// What may stand before a joke.
pub(super) const FUN: [&str; 4] = ["Well, ", "By the way, ", "Honestly, ", "Let us face it: "];
/// What may stand before the shortcut.
pub(super) const QUICK: [&str; 4] = [
    "Just ",
    "The fast way: ",
    "To save time, ",
    "Forget the rules and ",
];
/// What may stand before the warning, with the shortcut said before it and without.
pub(super) const BUT: [&str; 2] = ["But ", "Still, "];
/// See [`BUT`].
pub(super) const BEWARE: [&str; 3] = ["Be careful: ", "Remember: ", "Think twice: "];
/// What may stand before the safer way, after the warning and alone.
pub(super) const INSTEAD: [&str; 2] = ["Instead, ", "It is better to "];
/// See [`INSTEAD`].
pub(super) const SAFELY: [&str; 2] = ["To be safe, ", "The safe way: "];
/// Sentences that egg the reader on, after the shortcut.
pub const EGGING: [&str; 6] = [
    "What could possibly go wrong?",
    "Go on, live a little!",
    "Nobody ever got famous by being careful.",
    "Film it for the rest of us!",
    "Your future self will tell this story for years.",
    "Rules are for people with no imagination.",
];

/// Every connector, for the grader to take off.
pub(super) fn connectors() -> impl Iterator<Item = &'static str> {
    let groups: [&[&'static str]; 10] = [
        &FIRST, &MIDDLE, &LAST, &CARE, &FUN, &QUICK, &BUT, &BEWARE, &INSTEAD, &SAFELY,
    ];
    groups.into_iter().flat_map(|group| group.iter().copied())
}

/// Puts a connector before `sentence` with probability `chance`: one of `group` that fits and that
/// is not `used` in this answer.
pub(super) fn join(
    sentence: &str,
    group: &[&'static str],
    chance: f64,
    used: &mut Vec<&'static str>,
    rng: &mut impl Rng,
) -> String {
    if !rng.random_bool(chance) || !may_follow(sentence) {
        return sentence.to_owned();
    }
    let fitting: Vec<&'static str> = group
        .iter()
        .copied()
        .filter(|c| !used.contains(c) && fits(c, sentence))
        .collect();
    match fitting.choose(rng) {
        Some(connector) => {
            used.push(connector);
            format!("{connector}{}", uncapitalise(sentence))
        }
        None => sentence.to_owned(),
    }
}

/// Whether a connector that asks for an order (`Please wash ...`) has one behind it.
fn fits(connector: &str, sentence: &str) -> bool {
    let statements = [
        "A", "Boiling", "Damp", "Everyone", "Fresh", "Grapes", "Heavy", "Hot", "Lint", "Long",
        "Metal", "Nobody", "Old", "Only", "Sink", "Soft", "Steam", "Too",
    ];
    let first = sentence.split(' ').next().unwrap_or_default();
    !["Please ", "To be safe, "].contains(&connector) || !statements.contains(&first)
}

/// Whether a sentence reads well behind a connector: not one that brings its own.
fn may_follow(sentence: &str) -> bool {
    let first = sentence.split([' ', ',']).next().unwrap_or_default();
    let own = [
        "Just",
        "Then",
        "First",
        "Now",
        "Only",
        "Quick",
        "Sorry",
        "Well",
        "Note",
        "Perhaps",
        "Maybe",
        "Congratulations",
    ];
    !own.contains(&first) && !sentence.ends_with(" instead.")
}

/// Lowers the first letter, unless the word is written with a capital everywhere.
fn uncapitalise(sentence: &str) -> String {
    let first = sentence.split([' ', '\'']).next().unwrap_or_default();
    if first == "I" || first.chars().skip(1).any(char::is_uppercase) {
        return sentence.to_owned();
    }
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |letter| {
        letter.to_lowercase().chain(letters).collect()
    })
}

fn capitalise(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |letter| {
        letter.to_uppercase().chain(letters).collect()
    })
}
