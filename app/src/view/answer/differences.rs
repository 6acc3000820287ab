//! Which words of two answers differ.

use std::ops::Range;
use std::time::Duration;

use similar::{Algorithm, ChangeTag, TextDiff};

/// Beyond this, a coarser answer is better than a late one.
const PATIENCE: Duration = Duration::from_millis(40);

/// What one answer has and the other has not, as bytes of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Differences {
    /// In the first alone.
    pub(super) first: Vec<Range<usize>>,
    /// In the second alone.
    pub(super) second: Vec<Range<usize>>,
}

/// Compares word by word. Where the first is still being written, what the second has beyond its end is no
/// difference yet.
pub(super) fn differences(first: &str, second: &str, growing: bool) -> Differences {
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(PATIENCE)
        .diff_words(first, second);
    let (mut at, mut other) = (0, 0);
    let mut found = Differences::default();
    let mut open = false;
    for change in diff.iter_all_changes() {
        let long = change.value().len();
        match change.tag() {
            ChangeTag::Equal => {
                at += long;
                other += long;
                open = false;
            }
            ChangeTag::Delete => {
                push(&mut found.first, at..at + long);
                at += long;
            }
            ChangeTag::Insert => {
                push(&mut found.second, other..other + long);
                other += long;
                open = true;
            }
        }
    }
    if growing && open {
        found.second.pop();
    }
    for (text, ranges) in [(first, &mut found.first), (second, &mut found.second)] {
        let is_blank = |range: Range<usize>| text.get(range).is_none_or(|t| t.trim().is_empty());
        let mut joined: Vec<Range<usize>> = Vec::new();
        // Blanks alone are no difference that anybody could see, and none between two of them.
        for range in ranges.drain(..).filter(|range| !is_blank(range.clone())) {
            match joined.last_mut() {
                Some(last) if is_blank(last.end..range.start) => last.end = range.end,
                _ => joined.push(range),
            }
        }
        *ranges = joined;
    }
    found
}

/// Adds a range, joined to the last one where they touch.
fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut<'a>(text: &'a str, ranges: &[Range<usize>]) -> Vec<&'a str> {
        ranges.iter().map(|r| text[r.clone()].trim()).collect()
    }

    #[test]
    fn words_that_differ_are_named_on_both_sides() {
        let (a, b) = ("Take a short walk today.", "Take a long walk tomorrow.");
        let found = differences(a, b, false);
        assert_eq!(cut(a, &found.first), ["short", "today."]);
        assert_eq!(cut(b, &found.second), ["long", "tomorrow."]);
        assert_eq!(differences(a, a, false), Differences::default());
        // Words that follow each other are one difference.
        let found = differences("It is cold.", "It was rather warm.", false);
        assert_eq!(cut("It is cold.", &found.first), ["is cold."]);
        assert_eq!(
            cut("It was rather warm.", &found.second),
            ["was rather warm."]
        );
    }

    #[test]
    fn what_is_not_written_yet_is_no_difference() {
        let (a, b) = ("Take a short", "Take a long walk tomorrow.");
        let found = differences("Take a", "Take a long walk", true);
        assert_eq!(found, Differences::default());
        let found = differences(a, b, true);
        assert_eq!(cut(a, &found.first), ["short"]);
    }

    proptest! {
        #[test]
        fn what_is_left_is_equal(a in "[ab \n]{0,40}", b in "[ab \n]{0,40}") {
            let found = differences(&a, &b, false);
            let rest = |text: &str, gone: &[Range<usize>]| {
                text.char_indices()
                    .filter(|(i, c)| !c.is_whitespace() && !gone.iter().any(|r| r.contains(i)))
                    .map(|(_, c)| c)
                    .collect::<String>()
            };
            prop_assert_eq!(rest(&a, &found.first), rest(&b, &found.second));
        }
    }
}
