//! Exact match of sums in GSM8K's form (Cobbe et al. 2021): the number that an answer ends on, strictly and flexibly read
//! as EleutherAI's lm-evaluation-harness reads it, then compared as decimals.

use super::{Decimal, Given, Rule, RuleObjective, Verdict};

/// What stands before a reference's number, and a strict answer's.
const MARK: &str = "#### ";
/// The other words that a strict answer may use.
const WORDS: &str = "answer is ";

/// The number of a reference answer: behind its last `#### `, or all of it.
pub fn reference(answer: &str) -> Option<Decimal> {
    let number = answer.rsplit_once(MARK.trim_end());
    Decimal::parse(number.map_or(answer, |(_, number)| number))
}

/// The number behind the first `#### n`; without one, behind the first `answer is n`. `n` is a minus or none, then digits,
/// points and commas. `None` where neither stands there, or `n` is no number.
pub fn strict(text: &str) -> Option<Decimal> {
    let behind = |mark: &str| {
        text.match_indices(mark)
            .find_map(|(at, _)| digits(&text[at + mark.len()..]))
    };
    Decimal::parse(behind(MARK).or_else(|| behind(WORDS))?)
}

/// `-?[0-9.,]+` at the beginning.
fn digits(text: &str) -> Option<&str> {
    let minus = usize::from(text.starts_with('-'));
    let more = text[minus..].bytes();
    let more = more
        .take_while(|b| matches!(b, b'0'..=b'9' | b'.' | b','))
        .count();
    (more > 0).then(|| &text[..minus + more])
}

/// The last number, by the harness's pattern `(-?[$0-9.,]{2,})|(-?[0-9]+)`: "12 (see step 3)" gives 3. What matches it
/// without a digit, such as an ellipsis, is no number and passed over, where the harness would take it.
pub fn flexible(text: &str) -> Option<Decimal> {
    let bytes = text.as_bytes();
    let run = |from: usize, of: fn(&u8) -> bool| bytes[from..].iter().take_while(|b| of(b)).count();
    let (mut at, mut last) = (0, None);
    while at < bytes.len() {
        let start = at + usize::from(bytes[at] == b'-');
        let wide = run(start, |b| matches!(b, b'$' | b'0'..=b'9' | b'.' | b','));
        let narrow = run(start, u8::is_ascii_digit);
        let length = if wide >= 2 { wide } else { narrow };
        if length == 0 {
            at += 1;
            continue;
        }
        // Everything that was matched is ASCII.
        let found = &text[at..start + length];
        if found.bytes().any(|b| b.is_ascii_digit()) {
            last = Some(found);
        }
        at = start + length;
    }
    Decimal::parse(last?)
}

/// Both readings, each 1 where the number is the reference's and 0 where it is another or there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExactMatch;

impl Rule for ExactMatch {
    fn objectives(&self) -> Vec<RuleObjective> {
        let one = |name: &str, words: &str| RuleObjective {
            name: format!("exact-{name}"),
            sign: 1.0,
            digest: format!("exact match 1, {name}"),
            words: format!("the reference's number {words}, compared as a decimal"),
        };
        vec![
            one("strict", "behind \"#### \" or \"answer is\""),
            one("flexible", "as the last number of the answer"),
        ]
    }

    fn verdicts(&self, given: Given<'_>) -> Vec<Verdict> {
        let Some(answer) = &given.reference.answer else {
            return vec![Verdict::Nothing("no answer in the prompt's line"); 2];
        };
        let Some(right) = reference(answer) else {
            return vec![Verdict::Nothing("no number in the answer of the prompt's line"); 2];
        };
        [strict(given.text), flexible(given.text)]
            .map(|found| Verdict::Counted(f64::from(u8::from(found.as_ref() == Some(&right)))))
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{Prompt, Reference};

    fn number(text: &str) -> Option<Decimal> {
        Decimal::parse(text)
    }

    #[test]
    fn the_last_number_is_found_as_the_harness_finds_it() {
        for (text, last) in [
            ("It costs 20...", "20"),
            ("18.00", "18"),
            ("12 (see step 3)", "3"),
            ("$1,234.50 in all.", "1234.5"),
            ("5-3", "-3"),
            ("minus -7 it is", "-7"),
            ("20. Done ...", "20"),
            ("é3 –4", "4"),
            ("so 2-$5", "-5"),
        ] {
            assert_eq!(flexible(text), number(last), "{text}");
        }
        for text in ["", "none at all...", "3.5.2", "-"] {
            assert_eq!(flexible(text), None, "{text}");
        }
    }

    #[test]
    fn strict_wants_the_form() {
        for (text, found) in [
            ("5 + 13 = 18\n#### 18", "18"),
            ("The answer is 18.", "18"),
            ("The answer is 7.\n#### 18.00", "18"),
            ("#### 1,200", "1200"),
            ("#### eighteen\n#### -3", "-3"),
            ("answer is -3, as said", "-3"),
        ] {
            assert_eq!(strict(text), number(found), "{text}");
        }
        for text in ["18", "####18", "the answer: 18", "answer is $18", "#### ."] {
            assert_eq!(strict(text), None, "{text}");
        }
        assert_eq!(reference("She has 3 + 15 = 18.\n#### 18"), number("18"));
        assert_eq!(reference("1,200"), number("1200"));
        assert_eq!(reference("Paris"), None);
    }

    #[test]
    fn both_rates_are_given_and_a_missing_reference_is_said() {
        let says = |answer: Option<&str>, text: &str| {
            let reference = Reference {
                answer: answer.map(str::to_owned),
                label: None,
            };
            let prompt = Prompt::Chat("how many?".to_owned());
            ExactMatch.verdicts(Given {
                prompt: &prompt,
                reference: &reference,
                text,
            })
        };
        let both = |strict, flexible| [strict, flexible].map(Verdict::Counted);
        assert_eq!(says(Some("#### 12"), "12 (see step 3)"), both(0.0, 0.0));
        assert_eq!(says(Some("#### 3"), "12 (see step 3)"), both(0.0, 1.0));
        assert_eq!(says(Some("18"), "#### 18.00"), both(1.0, 1.0));
        assert_eq!(says(Some("18"), ""), both(0.0, 0.0));
        for nothing in [says(None, "18"), says(Some("Paris"), "18")] {
            assert!(nothing.iter().all(|v| matches!(v, Verdict::Nothing(_))) && nothing.len() == 2);
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "[-$0-9.,a-z# é\\n]{0,40}") {
            let _ = (strict(&text), flexible(&text), reference(&text));
        }

        /// A number at the very end is what both readings find.
        #[test]
        fn a_number_at_the_end_is_found(before in "[a-z0-9 .]{0,20}", n in -9999_i32..9999) {
            let found = Decimal::parse(&n.to_string());
            prop_assert_eq!(strict(&format!("{before}\n#### {n}")), found.clone());
            prop_assert_eq!(flexible(&format!("{before} {n}")), found);
        }
    }
}
