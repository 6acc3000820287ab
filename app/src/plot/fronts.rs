//! The study's fronts in words: dots, parts of the prompts, what was chosen on which of them.

use paretoscope_core::types::{Point, Split};
use paretoscope_figure::plot::{Dot, Front, Prompts, Series};
use paretoscope_figure::words;

/// The parts of the prompts, in the order in which they are offered; all of them first.
pub const PARTS: [Option<Split>; 4] = [
    None,
    Some(Split::Validation),
    Some(Split::Test),
    Some(Split::Train),
];

/// A part as a choice.
pub fn split_words(split: Option<Split>) -> &'static str {
    match split {
        None => "All prompts",
        Some(Split::Train) => "Training prompts",
        Some(Split::Validation) => "Validation prompts",
        Some(Split::Test) => "Test prompts",
    }
}

/// What means are over: `Means over 12 prompts of the test part`.
pub fn over_words(prompts: &Prompts) -> String {
    let count = match prompts.count {
        1 => "1 prompt".to_owned(),
        n => format!("{n} prompts"),
    };
    match prompts.split.as_str() {
        "" => format!("Means over all {count}"),
        split => format!("Means over {count} of the {split} part"),
    }
}

/// On which prompts points were chosen and on which they are shown; `None` outside is that nothing was chosen before.
pub fn chosen_words(chosen: Option<Option<Split>>, shown: Option<Split>) -> String {
    let named = |split: Option<Split>| split.map_or("all prompts", Split::name);
    match chosen {
        None => "fronts chosen on them as well: optimistic".to_owned(),
        Some(on) if on == shown => {
            format!("chosen and shown on {}: optimistic", named(on))
        }
        // One of them holds the other.
        Some(on) if on.is_none() || shown.is_none() => format!(
            "chosen on {}, shown on {}, which overlap: optimistic",
            named(on),
            named(shown)
        ),
        Some(on) => format!("chosen on {}, shown on {}", named(on), named(shown)),
    }
}

/// What a dot is, in words.
pub fn dot_words(front: &Front, series: &Series, dot: &Dot) -> String {
    let names: Vec<String> = match &dot.point {
        Some(Point::Weights(_)) if !front.values.is_empty() => {
            front.values.iter().map(|v| v.name.clone()).collect()
        }
        _ => front.objectives.iter().map(|o| o.name.clone()).collect(),
    };
    let point = dot.point.as_ref();
    let point = point.map_or_else(String::new, |point| words::point(point, &names));
    let mut lines = vec![format!(
        "{}: {point} ({})",
        series.name,
        dot.standing.words()
    )];
    for (objective, score) in front.objectives.iter().zip(&dot.scores) {
        lines.push(format!(
            "{} {}",
            objective.name,
            words::score(score.as_ref())
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_split_for_both_is_optimistic_and_another_is_said() {
        let (validation, test) = (Some(Split::Validation), Some(Split::Test));
        for (chosen, shown, optimistic) in [
            (None, test, true),
            (Some(test), test, true),
            (Some(validation), None, true),
            (Some(None), test, true),
            (Some(validation), test, false),
        ] {
            let words = chosen_words(chosen, shown);
            assert_eq!(words.contains("optimistic"), optimistic, "{words}");
        }
        let words = chosen_words(Some(validation), test);
        assert_eq!(words, "chosen on validation, shown on test");
    }
}
