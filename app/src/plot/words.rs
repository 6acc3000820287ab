//! The plot in words: axis titles, tooltips, and the summary that stands for it where it cannot be seen.

use paretoscope_core::types::{Point, Summary};
pub use paretoscope_figure::words::{score as score_words, value as value_words};

use super::data::ParetoData;
use crate::state::share_words;
use crate::state::{Class, Units, place};

/// A point, with the names of what its numbers belong to.
pub fn point_words(point: &Point, objectives: &[String]) -> String {
    if point.is_base() {
        return "base model".to_owned();
    }
    let numbers = match point {
        Point::Preference(p) => share_words(p.as_slice(), 2),
        Point::Weights(w) => w.as_slice().iter().map(|v| format!("{v:.2}")).collect(),
    };
    let named: Vec<String> = numbers
        .into_iter()
        .enumerate()
        .map(|(i, number)| match objectives.get(i) {
            Some(name) => format!("{name} {number}"),
            None => number,
        })
        .collect();
    match point {
        Point::Preference(_) => named.join(" · "),
        Point::Weights(_) => format!("weights {}", named.join(" · ")),
    }
}

/// What a class means.
pub fn class_words(class: Class) -> &'static str {
    match class {
        Class::Front => "front",
        Class::Uncertain => "front, within 1 SE",
        Class::Dominated => "dominated",
        Class::Unscored => "not scored",
        Class::NonFinite => "non-finite",
    }
}

/// Axis titles with unit and direction, the longest first: the first that has room is taken.
pub fn axis_titles(objective: &str, units: Units) -> [String; 3] {
    let unit = match units {
        Units::Raw => "raw reward",
        Units::Base => "SD from base model",
    };
    [
        format!("{objective} ({unit}, higher is better)"),
        format!("{objective} (higher is better)"),
        objective.to_owned(),
    ]
}

fn scores_line(data: &ParetoData<'_>, scores: &[Option<Summary>]) -> String {
    let named = data.axes().iter().filter_map(|&axis| {
        let summary = scores.get(axis).copied().flatten()?;
        Some(format!(
            "{} {}",
            data.objectives.get(axis)?,
            value_words(summary.mean)
        ))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// The whole plot in one line.
pub fn summary(data: &ParetoData<'_>) -> String {
    let front = data.front;
    let counts = front.counts();
    let mut parts = vec![format!(
        "Front {} of {} points",
        counts.front, counts.points
    )];
    if counts.uncertain > 0 {
        parts.push(format!(
            "{} of the front within 1 SE of being dominated",
            counts.uncertain
        ));
    }
    if let Some(selected) = data.selected.and_then(|index| front.position(index))
        && let (Some(entry), Some(result)) =
            (front.entries().get(selected), data.points.get(selected))
    {
        let scores = scores_line(data, &result.scores);
        parts.push(format!(
            "selected point {}: {scores}, {}",
            entry.index,
            class_words(entry.class)
        ));
    }
    for (name, landmark) in [
        ("current", data.current),
        ("pinned", data.pinned),
        ("base model", data.base),
    ] {
        if let Some(landmark) = landmark.filter(|l| place(data.axes(), &l.scores).is_some()) {
            parts.push(format!("{name}: {}", scores_line(data, &landmark.scores)));
        }
    }
    if counts.unscored > 0 {
        parts.push(format!("{} not scored", counts.unscored));
    }
    if counts.non_finite > 0 {
        parts.push(format!("{} non-finite", counts.non_finite));
    }
    if data.pending > 0 {
        parts.push(format!("{} to come", data.pending));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0.000"),
            (0.8149, "0.815"),
            (-3.5, "−3.500"),
            (12.345, "12.35"),
            (1234.56, "1234.6"),
            (2.5e-7, "2.50e−7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (value, words) in cases {
            assert_eq!(value_words(value), words);
        }
    }

    #[test]
    fn scores_say_their_n_and_what_was_left_out() {
        let summary = Summary::of([1.0, 2.0, f64::NAN]);
        assert_eq!(
            score_words(Some(&summary)),
            "1.500 ± 0.500 (n = 2), 1 non-finite left out"
        );
        assert_eq!(score_words(None), "not scored");
        assert_eq!(score_words(Some(&Summary::of([1.5]))), "1.500 (one sample)");
        assert_eq!(
            score_words(Some(&Summary::of([f64::NAN]))),
            "no finite score (1 non-finite)"
        );
    }
}
