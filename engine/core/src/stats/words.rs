//! A comparison in one sentence.

use super::{Comparison, Frame};
use crate::numbers::{places, short, signed, thousands};

/// Where points were chosen, and where they are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chosen<'a> {
    /// The split that is measured, e.g. `test`; `None` where prompts of several are.
    pub split: Option<&'a str>,
    /// The split that points, settings or arms were chosen on, or `all`; `None` where nothing was chosen.
    pub on: Option<&'a str>,
}

impl Chosen<'_> {
    /// Whether something was chosen by what it is measured on, in part at least.
    pub fn is_optimistic(&self) -> bool {
        let of_all = |split: &str| split == "all";
        self.on.is_some_and(|on| {
            of_all(on) || self.split.is_none_or(|split| of_all(split) || split == on)
        })
    }
}

/// The difference in volume of a comparison, with its interval and what it rests on:
/// `HV +0.011 (95 % +0.006 to +0.016; 1,000 paired draws of 159 test prompts; reference 0,0,0)`.
///
/// Where the interval holds 0, or Holm's rule says so, the sentence begins with "no difference shown"; with one seed it says
/// that it is over prompts alone; where scores are standardised, by what; where points were chosen, on what, and
/// "optimistic" where that is what is measured.
pub fn words(frame: &Frame, comparison: &Comparison, chosen: Chosen<'_>) -> String {
    let found = comparison.hypervolume;
    let half = (found.high - found.low) / 2.0;
    let number = |value: f64| signed(value, places(half));
    let split = chosen
        .split
        .map_or_else(String::new, |split| format!("{split} "));
    let seeds = match comparison.seeds {
        [1, 1] => String::new(),
        [a, b] if a == b => format!("{a} seeds and "),
        [a, b] => format!("{a} and {b} seeds and "),
    };
    let reference: Vec<String> = frame.reference.iter().map(|r| short(*r)).collect();
    let mut inside = vec![
        format!("95 % {} to {}", number(found.low), number(found.high)),
        format!(
            "{} paired draws of {seeds}{} {split}prompts",
            thousands(comparison.draws),
            thousands(comparison.prompts)
        ),
        format!("reference {}", reference.join(",")),
    ];
    if frame.arms.len() > 2 {
        inside.push(format!("p {} by Holm", short(comparison.p_holm)));
    }
    if comparison.seeds == [1, 1] {
        inside.push("over prompts".to_owned());
    }
    let shown = if comparison.is_shown() {
        ""
    } else {
        "no difference shown: "
    };
    if frame.scale.is_some() {
        inside.push("scores in SD of the base model's".to_owned());
    }
    let mut sentence = format!(
        "{shown}HV {} ({})",
        number(found.difference),
        inside.join("; ")
    );
    match chosen.on {
        Some(on) if chosen.is_optimistic() => {
            sentence.push_str(&format!("; optimistic: chosen and measured on {on}"));
        }
        Some(on) => sentence.push_str(&format!("; points chosen on {on}")),
        None => {}
    }
    sentence
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::arm::tests::arm;
    use super::super::{Draws, FrameOptions, compare};
    use super::*;

    fn compared() -> (Frame, Comparison) {
        let arms = [
            arm("A", &[vec![vec![1.0, 0.5]; 3]]),
            arm("B", &[vec![vec![0.5, 0.5]; 3]]),
        ];
        let options = FrameOptions {
            reference: Some(vec![0.0, -0.25]),
            ..FrameOptions::default()
        };
        let frame = Frame::new(&arms, &options).unwrap();
        let draws = Draws {
            draws: 1000,
            seed: 0,
        };
        let found = compare(&frame, draws, &mut |_| ControlFlow::Continue(())).unwrap();
        (frame, found.into_iter().next().unwrap())
    }

    #[test]
    fn a_difference_in_words() {
        let (frame, mut found) = compared();
        let test = Chosen {
            split: Some("test"),
            on: Some("validation"),
        };
        assert_eq!(
            words(&frame, &found, test),
            "HV +0.375 (95 % +0.375 to +0.375; 1,000 paired draws of 3 test prompts; reference 0,-0.25; over prompts); points chosen on validation"
        );
        for (split, on, optimistic) in [
            (Some("test"), Some("validation"), false),
            (Some("test"), Some("all"), true),
            (None, Some("validation"), true),
            (Some("all"), Some("validation"), true),
            (None, None, false),
        ] {
            assert_eq!(
                Chosen { split, on }.is_optimistic(),
                optimistic,
                "{split:?} {on:?}"
            );
        }
        (
            found.hypervolume.difference,
            found.hypervolume.low,
            found.hypervolume.high,
        ) = (0.0112, -0.0004, 0.0228);
        found.seeds = [3, 3];
        let all = Chosen::default();
        assert_eq!(
            words(&frame, &found, all),
            "no difference shown: HV +0.011 (95 % +0.000 to +0.023; 1,000 paired draws of 3 seeds and 3 prompts; reference 0,-0.25)"
        );
        (found.hypervolume.low, found.hypervolume.high) = (0.01115, 0.01125);
        let same = Chosen {
            split: Some("test"),
            on: Some("test"),
        };
        let text = words(&frame, &found, same);
        assert!(
            text.starts_with("HV +0.01120 (95 % +0.01115 to +0.01125;"),
            "{text}"
        );
        assert!(
            text.ends_with("; optimistic: chosen and measured on test"),
            "{text}"
        );
        found.p_holm = 0.2;
        assert!(words(&frame, &found, same).starts_with("no difference shown"));
    }
}
